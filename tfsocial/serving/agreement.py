"""How far two forms of one model say the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.serving.predictor import Predictions


class Agreement(NamedTuple):
    """What two forms of a model say of the same texts.

    Attributes:
        texts: how many.
        same: task with labels -> share of the texts with the same label, or set of labels.
        difference: task -> largest difference of a probability or value.
        cosine: least cosine between a text's two embeddings; 1 of no texts.
    """

    texts: int
    same: dict[str, float]
    difference: dict[str, float]
    cosine: float

    @property
    def least(self) -> float:
        """Lowest share of same answers among the tasks; 1 where none has labels."""
        return min(self.same.values(), default=1.0)

    def __str__(self) -> str:
        shares = [
            f"{task}: {share:.2%} of the answers the same" for task, share in self.same.items()
        ]
        moved = [f"{task} by at most {by:.3g}" for task, by in self.difference.items()]
        return "; ".join([*shares, f"moved {', '.join(moved)}", f"least cosine {self.cosine:.4f}"])


def between(manifest: ModelManifest, one: Predictions, other: Predictions) -> Agreement:
    """Compare the numbers that two forms of a model give for n texts.

    >>> from tfsocial.models.spec import HeadSpec
    >>> manifest = ModelManifest(
    ...     {"spam": HeadSpec("classify", ("no", "yes"))}, "mean", 8, 1, ("text",)
    ... )
    >>> vectors = np.eye(2, dtype=np.float32)
    >>> one = Predictions({"spam": np.array([[0.75, 0.25], [0.5, 0.5]])}, vectors)
    >>> other = Predictions({"spam": np.array([[0.75, 0.25], [0.25, 0.75]])}, 2 * vectors)
    >>> between(manifest, one, other)
    Agreement(texts=2, same={'spam': 0.5}, difference={'spam': 0.25}, cosine=1.0)
    """
    count = len(one.embedding)
    same, difference = {}, {}
    for task, spec in manifest.tasks.items():
        a, b = one.tasks[task], other.tasks[task]
        difference[task] = float(np.max(np.abs(a - b), initial=0.0))
        if spec.kind != "regress":
            same[task] = float(np.mean(_alike(manifest, task, a, b))) if count else 1.0
    return Agreement(count, same, difference, _least_cosine(one.embedding, other.embedding))


def _alike(manifest: ModelManifest, task: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tell of which texts the decisions are the same, bool [n]."""
    if manifest.tasks[task].kind == "classify":
        return a.argmax(-1) == b.argmax(-1)
    thresholds = manifest.decision_thresholds(task)
    return ((a >= thresholds) == (b >= thresholds)).all(-1)


def _least_cosine(a: np.ndarray, b: np.ndarray) -> float:
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    cosines = np.sum(a * b, -1) / np.where(lengths, lengths, 1)
    return float(np.min(cosines, initial=1.0))
