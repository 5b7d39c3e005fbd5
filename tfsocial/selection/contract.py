"""What a strategy is: it says which texts of a pool to label next, from numbers alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np


@dataclass(frozen=True)
class Candidates:
    """Texts that may be labelled next, and what is known about them.

    Attributes:
        vectors: of the texts, float32 [n, hidden], each of length 1; they may lie in a file.
        covered: of texts that are labelled or asked for already, float32 [m, hidden].
        probabilities: of the texts' labels as far as known, float32 [n, classes]; None where labels
            of two classes are not.
        random: where chance comes from.
    """

    vectors: np.ndarray
    covered: np.ndarray
    probabilities: np.ndarray | None
    random: np.random.Generator

    def __len__(self) -> int:
        return len(self.vectors)


class Strategy(Protocol):
    """Chooses texts; a frozen dataclass, its fields are its hyper-parameters.

    Attributes:
        needs_probabilities: whether it cannot choose before labels of two classes are known.
    """

    needs_probabilities: ClassVar[bool]

    def __call__(self, candidates: Candidates, n: int) -> np.ndarray:
        """Choose rows of the candidates, int [min(n, rows)], the one to ask first first."""
