"""What is known of a pool's labels: by the model itself, or by a regression on labelled texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfsocial.init.columns import OOD_LABELS
from tfsocial.metrics.probe import Probe
from tfsocial.models.spec import HeadSpec
from tfsocial.selection.reading import Labelled

OUT_OF_SCOPE_FROM = 0.5  # probability


@dataclass(frozen=True)
class Knowledge:
    """Probabilities of labels for each text of a pool.

    Attributes:
        source: who says so, for people.
        names: of the columns.
        probabilities: float32 [n, names]; None: nothing can be said yet.
    """

    source: str
    names: tuple[str, ...] = ()
    probabilities: np.ndarray | None = None

    def out_of_scope(self, texts: int, label: str | None) -> np.ndarray:
        """Mark texts that belong to none of the classes, bool [texts].

        Args:
            label: theirs; None: one that is called so.
        """
        ood = label or next((name for name in self.names if name.lower() in OOD_LABELS), None)
        if self.probabilities is None or ood not in self.names:
            return np.zeros(texts, bool)
        return self.probabilities[:, self.names.index(ood)] >= OUT_OF_SCOPE_FROM


def of_regression(labelled: Labelled | None, covered: np.ndarray, vectors: np.ndarray) -> Knowledge:
    """Fit a regression on the labelled texts' vectors and ask it about the pool's.

    Args:
        covered: of the labelled texts, float32 [m, hidden].
        vectors: of the pool, float32 [n, hidden].
    """
    if labelled is None or len(labelled.names) < 2:
        return Knowledge("labels of two classes are not known yet")
    source = f"a regression on {len(covered)} labelled texts"
    if labelled.kind == "classify":
        index = {name: number for number, name in enumerate(labelled.names)}
        labels = np.array([index[name] for (name,) in labelled.labels])
        return Knowledge(source, tuple(index), Probe(covered, labels)(vectors))
    return Knowledge(f"labels are of kind {labelled.kind}")


def of_model(
    tasks: dict[str, HeadSpec], answers: np.ndarray, labelled: Labelled | None
) -> Knowledge | None:
    """Take a model's own word for its task, if all labels are the model's.

    Args:
        answers: columns of all tasks, float32 [n, width].
    """
    start = 0
    for task, spec in tasks.items():
        if spec.kind == "classify" and _is_of(spec.labels, labelled):
            columns = answers[:, start : start + spec.width]
            return Knowledge(f"the model's own task {task!r}", spec.labels, columns)
        start += spec.width
    return None


def _is_of(labels: Sequence[str], labelled: Labelled | None) -> bool:
    if labelled is None:
        return True
    return labelled.kind == "classify" and set(labelled.names) <= set(labels)
