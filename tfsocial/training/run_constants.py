"""What a step reads beside its batch and theta: made once, the same for a whole run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tfsocial.models.spec import HeadSpec
from tfsocial.objectives.contract import Objective


class UndeclaredNeedError(LookupError):
    """An objective reads what its class does not declare that it needs."""


@dataclass(frozen=True)
class RunConstants:
    """Constants of a run.

    Attributes:
        losses: task -> its loss in L.
        label_counts: training examples of each class of each classification.
        provided: need -> what its provider made, of the needs that objectives declare.
        of_train: the needs of which `provided` has a row for each of train's examples.
    """

    losses: Mapping[str, Objective] = field(default_factory=dict)
    label_counts: Mapping[str, np.ndarray] = field(default_factory=dict)
    provided: Mapping[str, Any] = field(default_factory=dict)
    of_train: frozenset[str] = frozenset()

    def __getitem__(self, need: str) -> Any:
        """Give what the provider of a need made.

        Raises:
            UndeclaredNeedError: no objective of the formula declares the need.
        """
        if need not in self.provided:
            raise UndeclaredNeedError(
                f"{need!r} was not made for this run: an objective that reads it has to name it "
                "in its class's `needs`"
            )
        return self.provided[need]

    def get(self, need: str) -> Any:
        """Give the same, None where no objective needs it."""
        return self.provided.get(need)

    def having(self, need: str, value: Any, of_train: bool = False) -> RunConstants:
        """Give these and one more."""
        return replace(
            self,
            provided={**self.provided, need: value},
            of_train=self.of_train | {need} if of_train else self.of_train,
        )

    @property
    def elsewhere(self) -> RunConstants:
        """For batches that are not train's: None instead of what was made of train's examples."""
        return replace(self, provided={**self.provided, **dict.fromkeys(self.of_train)})


def label_counts(
    labels: Mapping[str, np.ndarray], specs: Mapping[str, HeadSpec]
) -> dict[str, np.ndarray]:
    """Count the examples of each class, int [classes], of each classification.

    Args:
        labels: task -> labels of train.
    """
    return {
        task: _counted(labels[task], spec.learned)
        for task, spec in specs.items()
        if spec.kind == "classify"
    }


def _counted(labels: np.ndarray, classes: int) -> np.ndarray:
    """Count a part at a time: counting copies what it counts, and there may be ten million.

    >>> _counted(np.array([2, -1, 0, 2], np.int32), classes=4).tolist()
    [1, 0, 2, 0]
    """
    parts = np.array_split(labels, 1 + len(labels) // 2**20)
    return np.sum([np.bincount(part[part >= 0], minlength=classes) for part in parts], axis=0)
