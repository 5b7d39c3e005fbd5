"""A strategy at work: as many texts as are wanted, none nearly equal to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfsocial.selection import repeats
from tfsocial.selection.contract import Candidates
from tfsocial.selection.neighbourhood import Neighbourhood
from tfsocial.selection.strategies.table import strategy


def choose(
    name: str, candidates: Candidates, forms: Sequence[str], known: Sequence[str], n: int
) -> tuple[np.ndarray, int]:
    """Have a strategy choose, again and again, as if what is taken were labelled.

    Args:
        forms: of the candidates, different ones.
        known: forms of the covered texts.

    Returns:
        (rows of the candidates, int [at most n], the first first; texts left out as nearly equal).
    """
    chooses = Neighbourhood(strategy(name))
    vectors, covered, p = candidates.vectors, candidates.covered, candidates.probabilities

    def propose(free: np.ndarray, taken: np.ndarray, wanted: int) -> np.ndarray:
        if len(free) == len(vectors):  # a large pool is not copied for nothing
            return chooses(candidates, wanted)
        rest = replace(
            candidates,
            vectors=vectors[free],
            covered=np.concatenate([covered, vectors[taken]]),
            probabilities=None if p is None else p[free],
        )
        return free[chooses(rest, wanted)]

    return repeats.without_near(forms, known, n, propose)
