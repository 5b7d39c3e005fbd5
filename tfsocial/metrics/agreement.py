"""How far two annotators agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def cohens_kappa(one: Sequence[str], other: Sequence[str]) -> float:
    """Measure agreement beyond chance, 1 at the most; NaN where chance alone would agree.

    Cohen (1960), A Coefficient of Agreement for Nominal Scales: (p_o - p_e) / (1 - p_e), p_o the
    share of equal labels, p_e that of two annotators who draw at random with their own shares.

    >>> cohens_kappa(["a", "a", "b", "b"], ["a", "b", "b", "b"])
    0.5
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} labels of one and {len(other)} of the other")
    names, codes = np.unique([*one, *other], return_inverse=True)
    if len(names) < 2:
        return float("nan")
    first, second = codes[: len(one)], codes[len(one) :]
    share = [np.bincount(codes, minlength=len(names)) / len(one) for codes in (first, second)]
    observed, expected = float(np.mean(first == second)), float(share[0] @ share[1])
    return (observed - expected) / (1 - expected)
