"""Chance, which the others are measured by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tfsocial.selection.contract import Candidates


@dataclass(frozen=True)
class Uniform:
    """Any texts, each as likely."""

    needs_probabilities: ClassVar[bool] = False

    def __call__(self, candidates: Candidates, n: int) -> np.ndarray:
        return candidates.random.permutation(len(candidates))[:n]
