"""What reads texts: M0 as it is, or a model in use; numbers for each text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tfsocial.checkpoints import community, manifest
from tfsocial.checkpoints.locations import CONFIG
from tfsocial.config import Model
from tfsocial.data.examples import Examples
from tfsocial.models.spec import HeadSpec
from tfsocial.provenance import resources
from tfsocial.selection.reading import TextTuple
from tfsocial.serving import versions
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.predictor import Predictor

ROW_LENGTH = 128  # tokens of a text that M0 reads


class Reader(Protocol):
    """Numbers for texts: a vector each, and what the model itself says of its tasks.

    Attributes:
        key: the same for readers that give the same numbers.
        tasks: of the columns after the vector's, in their order.
    """

    key: str
    tasks: dict[str, HeadSpec]

    def __call__(self, texts: Sequence[TextTuple]) -> np.ndarray:
        """Give float32 [n, hidden + columns of the tasks]; vectors of length 1."""


class CheckpointReader:
    """M0, which knows no task."""

    def __init__(self, model: Model):
        m0 = community.of_config(model)
        self._embed = m0.embedder(model.pooling, ROW_LENGTH)
        self.key = f"{resources.checkpoint_digest(m0.folder)}-{model.pooling}"
        self.tasks: dict[str, HeadSpec] = {}

    def __call__(self, texts: Sequence[TextTuple]) -> np.ndarray:
        first, *second = zip(*texts, strict=True)
        return self._embed(Examples.of_texts(first, *second))


class PredictorReader:
    """A model in use, with its answers."""

    def __init__(self, predictor: Predictor, key: str):
        self._predictor, self.key = predictor, key
        self.tasks = predictor.manifest.tasks

    def __call__(self, texts: Sequence[TextTuple]) -> np.ndarray:
        found = self._predictor.many(texts)
        lengths = np.linalg.norm(found.embedding, axis=1, keepdims=True)
        answers = [found.tasks[task] for task in self.tasks]
        return np.concatenate([found.embedding / lengths, *answers], axis=1, dtype=np.float32)


def reader(model: Path | None, m0: Model) -> Reader:
    """Load what a user names: a run, its model/ folder, an exported version, or else M0.

    Raises:
        InputError: it is none of them, or broken.
    """
    if model is None:
        return CheckpointReader(m0)
    folder = model / "model" if (model / "model" / CONFIG).is_file() else model
    version = versions.newest(folder)
    if not versions.format_of(version) and not _has_heads(folder):
        return CheckpointReader(m0.model_copy(update={"checkpoint": str(folder)}))
    predictor = load_predictor(folder)
    predictor.manifest.check_text_alone(str(model))
    content = [str(path) for path in sorted(version.rglob("*")) if path.is_file()]
    return PredictorReader(predictor, resources.digest(content))


def _has_heads(folder: Path) -> bool:
    return (folder / CONFIG).is_file() and "tfsocial" in manifest.read_json(folder / CONFIG)
