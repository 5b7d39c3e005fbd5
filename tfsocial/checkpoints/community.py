"""M0: a checkpoint of the community, and its way into a model."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfsocial.checkpoints import bert_names, locations, manifest, tensors
from tfsocial.checkpoints.bert_names import MLM_BIAS, WORD_TABLE
from tfsocial.checkpoints.locations import CONFIG, WEIGHTS
from tfsocial.config import Model
from tfsocial.errors import InputError
from tfsocial.models import parameters
from tfsocial.models.embedder import Embedder
from tfsocial.models.encoder import BertConfig, PackedBert
from tfsocial.models.heads import MLMHead
from tfsocial.models.parameters import Parameters
from tfsocial.models.spec import TextModelSpec
from tfsocial.models.text_model import TextModel
from tfsocial.provenance import resources
from tfsocial.provenance.resources import Resource
from tfsocial.text.tokenizer import Tokenizer

log = logging.getLogger(__name__)

UnusedTensors = Mapping[str, np.ndarray]
"""Tensors of a checkpoint that found no place in the model, by name."""


@dataclass(frozen=True)
class CommunityCheckpoint:
    """M0: its folder, its architecture, and whether it has weights to give.

    Attributes:
        layers: those of the folder's encoder layers that `config` has; None: all.
    """

    folder: Path
    config: BertConfig
    trained: bool
    layers: tuple[int, ...] | None = None

    def resource(self, model: Model) -> Resource:
        """Describe M0, or of an untrained encoder the checkpoint that has its words.

        Raises:
            InputError: see `resources.of_checkpoint`.
        """
        checkpoint = model.checkpoint if self.trained else model.random.vocabulary
        return resources.of_checkpoint(model, checkpoint, self.folder)

    def architecture(self, words: np.ndarray | None = None) -> BertConfig:
        """Copy M0's architecture, with a word table of only the rows `words`, int [m], if given."""
        config = copy.deepcopy(self.config)
        if words is not None:
            config.vocab_size = len(words)
        return config

    def check(self, tokenizer: Tokenizer, row_length: int, texts: int = 1) -> None:
        """Refuse ids and positions the checkpoint has no rows for; XLA would clamp them silently.

        Args:
            texts: of an example, two of a pair.

        Raises:
            InputError: the vocabulary or the row is longer than its table, or it has no second
                text.
        """
        if tokenizer.vocabulary_size > self.config.vocab_size:
            raise InputError(
                f"{self.folder}: vocab.txt has {tokenizer.vocabulary_size} tokens, "
                f"{CONFIG} says vocab_size {self.config.vocab_size}; they belong to two models"
            )
        if row_length > self.config.max_position_embeddings:
            raise InputError(
                f"data.row_length is {row_length}; the checkpoint has "
                f"{self.config.max_position_embeddings} positions"
            )
        if texts > self.config.type_vocab_size:
            raise InputError(
                f"data.text names {texts} columns; the checkpoint knows texts alone, no pairs "
                f"(type_vocab_size {self.config.type_vocab_size}); name one column"
            )

    def fill(self, encoder: PackedBert, words: np.ndarray | None = None) -> UnusedTensors:
        """Put M0's weights into a built encoder; return what it had no place for.

        Args:
            words: int [m], rows of M0's word table that the encoder's own table holds; the whole
                table is then among what is returned.
        """
        if not self.trained:
            return {} if words is None else {WORD_TABLE: _untrained_table(self.config)}
        arrays = encoder_tensors(self.folder)
        if self.layers is not None:
            arrays = bert_names.with_layers(arrays, self.layers)
        whole = {}
        if words is not None and WORD_TABLE in arrays:
            size = (self.config.vocab_size, self.config.hidden_size)
            where = f"{self.folder / WEIGHTS}: {WORD_TABLE}"
            whole = {WORD_TABLE: tensors.checked(arrays[WORD_TABLE], size, where)}
            arrays[WORD_TABLE] = whole[WORD_TABLE][words]
        unused = fill_encoder(encoder, arrays, self.folder)
        if unused:
            log.info("%s: not used: %s", self.folder / WEIGHTS, ", ".join(unused))
        return {**unused, **whole}

    def embedder(self, pooling: str, row_length: int) -> Embedder:
        """Make a reader of texts with the checkpoint's weights, never to be trained.

        Args:
            row_length: tokens of a text that it reads; fewer where it has fewer positions.

        Raises:
            InputError: its vocabulary is longer than its table, or weights are missing.
        """
        tokenizer = Tokenizer.load(self.folder)
        row_length = min(row_length, self.config.max_position_embeddings)
        self.check(tokenizer, row_length)
        model = TextModel.of(self.architecture(), TextModelSpec({}, pooling))
        self.fill(model.encoder)
        return Embedder(model, tokenizer, row_length)


def of_config(model: Model) -> CommunityCheckpoint:
    """Find M0 as `model.checkpoint` names it.

    Raises:
        InputError: it cannot be had, is incomplete, or is not a BERT.
    """
    if model.checkpoint == "random":
        if model.layers is not None:
            raise InputError(
                "model.layers names layers of a checkpoint, and model.checkpoint is random; say "
                "model.random.layers"
            )
        folder = locations.resolve(model.random.vocabulary)
        config = _random_config(model, bert_config(folder).vocab_size)
        return CommunityCheckpoint(folder, config, False)
    m0 = of_name(model.checkpoint, "model.checkpoint", model.dropout)
    return m0 if model.layers is None else _cut(m0, model.layers)


def _cut(m0: CommunityCheckpoint, layers: tuple[int, ...]) -> CommunityCheckpoint:
    """Keep some of a checkpoint's layers.

    Raises:
        InputError: it has no such layer, or they are not in ascending order.
    """
    config, count = copy.deepcopy(m0.config), m0.config.num_hidden_layers
    if list(layers) != sorted(set(layers)) or layers[-1] >= count:
        raise InputError(
            f"model.layers is {list(layers)}; the checkpoint's layers are 0 to {count - 1}, write "
            "each once and ascending"
        )
    if config.pruned_heads:
        raise InputError(
            "model.layers: the checkpoint's heads were pruned, each layer's in its own way; leave "
            "model.layers out"
        )
    config.num_hidden_layers = len(layers)
    return replace(m0, config=config, layers=layers)


def of_name(checkpoint: str, key: str, dropout: float | None = None) -> CommunityCheckpoint:
    """Find a checkpoint with weights to give, as `key` of the config names it.

    Raises:
        InputError: it cannot be had, is incomplete, or is not a BERT.
    """
    folder = locations.resolve(checkpoint, key)
    return CommunityCheckpoint(folder, bert_config(folder, dropout), True)


def take_mlm_head(
    head: MLMHead, unused: UnusedTensors, words: np.ndarray, where: str
) -> tuple[bool, UnusedTensors]:
    """Put M0's masked-LM head into a built one, where M0 has one.

    Args:
        words: int [m], rows of M0's word table that the model's own table holds.
        where: the file, for the message.

    Returns:
        Whether it has; and the tensors that still have no place.
    """
    places = parameters.of_mlm_head(head)
    if not places.keys() <= unused.keys():
        return False, unused
    bias = unused[MLM_BIAS]
    assign(places, {**unused, MLM_BIAS: bias[words]}, where)
    return True, {n: array for n, array in unused.items() if n not in places or n == MLM_BIAS}


def encoder_tensors(folder: Path) -> dict[str, np.ndarray]:
    """Read a checkpoint's tensors by the names BertModel gives them."""
    return bert_names.encoder_names(tensors.read(folder / WEIGHTS))


def fill_encoder(
    encoder: PackedBert, arrays: Mapping[str, np.ndarray], folder: Path
) -> UnusedTensors:
    """Assign every weight of the backbone; return the tensors without a place in it.

    Args:
        arrays: name -> array, each of its parameter's shape.

    Raises:
        InputError: the backbone has a weight that is not among them, or of another shape.
    """
    backbone = parameters.of_encoder(encoder).of("backbone")
    missing = [name for name in backbone if name not in arrays]
    if missing:
        raise InputError(
            f"{folder / WEIGHTS}: lacks {', '.join(missing[:3])} ({len(missing)} tensors in all)"
        )
    assign(backbone, arrays, str(folder / WEIGHTS))
    return {name: array for name, array in arrays.items() if name not in backbone}


def assign(places: Parameters, arrays: Mapping[str, np.ndarray], where: str) -> None:
    """Give each parameter the tensor of its name; `where` is the file.

    Raises:
        InputError: a tensor has another shape, or values that are not finite.
    """
    for name, parameter in places.items():
        parameter.assign(tensors.checked(arrays[name], parameter.shape, f"{where}: {name}"))


def bert_config(folder: Path, dropout: float | None = None) -> BertConfig:
    """Read the checkpoint's architecture; `dropout` replaces its hidden and attention dropout."""
    values = manifest.read_json(folder / CONFIG)
    if values.get("model_type", "bert") != "bert":
        raise InputError(
            f"{folder / CONFIG}: model_type is {values['model_type']!r}; this version loads 'bert'"
        )
    config = BertConfig.from_dict({k: v for k, v in values.items() if k != "tfsocial"})
    if dropout is not None:
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    return config


def _random_config(model: Model, vocabulary_size: int) -> BertConfig:
    rate = 0.1 if model.dropout is None else model.dropout
    return BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=model.random.hidden_size,
        num_hidden_layers=model.random.layers,
        num_attention_heads=model.random.heads,
        intermediate_size=model.random.intermediate_size,
        max_position_embeddings=model.random.positions,
        hidden_dropout_prob=rate,
        attention_probs_dropout_prob=rate,
    )


def _untrained_table(config: BertConfig) -> np.ndarray:
    """Make a word table for the rows that no text trained."""
    size = (config.vocab_size, config.hidden_size)
    table = np.random.default_rng(0).normal(scale=config.initializer_range, size=size)
    return table.astype(np.float32)
