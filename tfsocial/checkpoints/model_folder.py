"""A run's `model/`: written as the community shares a model, and read back as it was.

PyTorch's `BertModel.from_pretrained` loads it, and `BertForMaskedLM` where the masked-LM head is
among its tensors; the heads of the tasks lie in a file of their own.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfsocial import files
from tfsocial.checkpoints import bert_names, community, locations, tensors
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.bert_names import MLM_BIAS, WORD_TABLE
from tfsocial.checkpoints.community import UnusedTensors
from tfsocial.checkpoints.locations import ADAPTERS, CARD, CONFIG, HEADS, WEIGHTS
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.models import features, parameters
from tfsocial.models.parameters import Parameters
from tfsocial.models.text_model import TextModel
from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.text.batch import Batch
from tfsocial.text.requests import pack_texts
from tfsocial.text.tokenizer import Tokenizer

REFERENCE = "reference.json"


class Answering(ABC):
    """One model, or several as one, with all that is needed to answer texts."""

    tokenizer: Tokenizer
    manifest: ModelManifest

    @property
    @abstractmethod
    def variables(self) -> list[tf.Variable]:
        """All weights."""

    @abstractmethod
    def answers(self, batch: Batch) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Compute, in the graph, predictions and embeddings of a batch, [rows, slots, ...]."""

    def answer(self, columns: Sequence[tf.Tensor]) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Compute, in the graph, predictions and embeddings of raw texts.

        Args:
            columns: string [n], one, or two for pairs; then those of the features, see
                `features.encode`.

        Returns:
            Predictions of every task [n, width], and embeddings [n, hidden].
        """
        row_length, slots = self.manifest.row_length, self.manifest.slots
        texts = len(self.manifest.text_columns)
        beside = (
            {keys.FEATURES: features.encode(self.manifest.features, columns[texts:])}
            if self.manifest.features
            else {}
        )
        batch, places = pack_texts(columns[:texts], self.tokenizer, row_length, slots, beside)
        tasks, pooled = self.answers(batch)
        gathered = {task: packing.gather_examples(tasks[task], places) for task in tasks}
        return gathered, packing.gather_examples(pooled, places)


@dataclass(frozen=True)
class TextModelBundle(Answering):
    """A text model with its tokenizer and manifest."""

    model: TextModel
    tokenizer: Tokenizer
    manifest: ModelManifest

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self.model.variables)

    def answers(self, batch: Batch) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        outputs = self.model(batch, training=False)
        return self.model.predictions(outputs.pooled, outputs.logits), outputs.pooled


def save(
    folder: Path,
    bundle: TextModelBundle,
    unused: UnusedTensors | None = None,
    words: np.ndarray | None = None,
    card: str | None = None,
    reference: Mapping[str, Any] | None = None,
) -> None:
    """Write a model folder whole, in the place of one that is there.

    Args:
        unused: tensors of M0 the model has no place for (its pooler), which other programs
            expect to find.
        words: int [m], the rows of M0's word table that the encoder's own table holds; the
            others are taken over from `unused`.
        card: its README.md.
        reference: its reference.json, see `metrics.drift`.

    Raises:
        OSError: it cannot be written; names the file.
    """
    weights = parameters.of_text_model(bundle.model)
    shared = _shared_tensors(weights, unused or {}, words)
    contents = {
        WEIGHTS: tensors.to_bytes(bert_names.shared_names(shared)),
        HEADS: tensors.to_bytes(_of_tasks(weights).arrays()),
        CONFIG: _config(bundle, shared),
    }
    if adapters := weights.of("adapter"):
        contents[ADAPTERS] = tensors.to_bytes(adapters.arrays())
    if card is not None:
        contents[CARD] = card.encode()
    if reference is not None:
        contents[REFERENCE] = json.dumps(reference).encode()
    with files.swapping(folder) as partial:
        for name, content in contents.items():
            (partial / name).write_bytes(content)
        bundle.tokenizer.save(partial)


def save_answers(
    folder: Path, bundle: TextModelBundle, reference: Mapping[str, Any] | None = None
) -> None:
    """Write anew what turns vectors into answers, heads and manifest, into a folder of `save`.

    The encoder's weights stay as they lie there. Files are not swapped one by one: the folder is
    not in use yet.
    """
    weights = parameters.of_text_model(bundle.model)
    (folder / HEADS).write_bytes(tensors.to_bytes(_of_tasks(weights).arrays()))
    values = manifests.read_json(folder / CONFIG)
    names = tensors.read(folder / WEIGHTS)
    (folder / CONFIG).write_bytes(manifests.config_json(values, bundle.manifest, names))
    if reference is not None:
        (folder / REFERENCE).write_text(json.dumps(reference), encoding="utf-8")


def load(folder: Path) -> TextModelBundle:
    """Read a model folder written by `save`, dropout and all in inference form.

    Raises:
        InputError: the folder is not one, or is broken.
    """
    folder = files.whole(folder)
    _check_saved(folder)
    manifest = manifests.read(folder)
    model = TextModel.of(community.bert_config(folder), manifest)
    weights = parameters.of_text_model(model)
    arrays = community.encoder_tensors(folder)
    unused = community.fill_encoder(model.encoder, arrays, folder)
    _fill(_of_mlm_head(weights), unused, folder / WEIGHTS)
    for name, places in ((HEADS, _of_tasks(weights)), (ADAPTERS, weights.of("adapter"))):
        if places or name == HEADS:
            _fill(places, tensors.read(folder / name), folder / name)
    return TextModelBundle(model, Tokenizer.load(folder), manifest)


def _of_tasks(weights: Parameters) -> Parameters:
    return weights.where(lambda parameter: parameter.task is not None)


def _of_mlm_head(weights: Parameters) -> Parameters:
    return weights.of("head").where(lambda parameter: parameter.task is None)


def _fill(places: Parameters, arrays: Mapping[str, np.ndarray], path: Path) -> None:
    for name in places:
        if name not in arrays:
            raise InputError(f"{path}: lacks {name}, which {CONFIG} promises")
    community.assign(places, arrays, str(path))


def _shared_tensors(
    weights: Parameters, unused: UnusedTensors, words: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Collect encoder and masked-LM head over M0's whole vocabulary, and what M0 has besides."""
    arrays = weights.of("backbone").arrays() | _of_mlm_head(weights).arrays()
    if words is not None:
        arrays[WORD_TABLE] = tensors.whole_table(unused[WORD_TABLE], arrays[WORD_TABLE], words)
        if MLM_BIAS in arrays:
            bias = unused.get(MLM_BIAS, np.zeros(len(arrays[WORD_TABLE])))
            arrays[MLM_BIAS] = tensors.whole_table(bias, arrays[MLM_BIAS], words)
    return {**unused, **arrays}


def _config(bundle: TextModelBundle, shared: Mapping[str, np.ndarray]) -> bytes:
    """Write config.json: what PyTorch's classes read, and the manifest."""
    architecture = bundle.model.encoder.config.to_dict() | {"vocab_size": len(shared[WORD_TABLE])}
    return manifests.config_json(architecture, bundle.manifest, shared)


def _check_saved(folder: Path) -> None:
    """Refuse what is no folder of `save`, in words of who has a model and no config."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such model folder")
    if lacking := locations.missing(folder):
        raise InputError(f"{folder}: is no model/ folder of a run; it lacks {', '.join(lacking)}")
