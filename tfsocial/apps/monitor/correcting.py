"""Counts corrected for the errors of the model that counted, by texts whose sentiment is known.

Of texts labelled negative some are not, and some that are were labelled otherwise. With both rates
known the count that is likely true follows (Rogan & Gladen 1978, Estimating prevalence from the
results of a screening test).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfsocial.errors import InputError

Z = 1.96  # of a 95 % interval
LEAST = 20  # known texts of each side


@dataclass(frozen=True)
class Correction:
    """How often a model errs about what is negative.

    Attributes:
        rows: known texts.
        accuracy: share of them that were labelled right, all labels counted.
        found: share of the negative ones that were labelled so (sensitivity).
        wrongly: share of the others that were labelled negative.
        negatives, others: how many of each there are.
    """

    rows: int
    accuracy: float
    found: float
    wrongly: float
    negatives: int
    others: int

    @property
    def leak(self) -> float:
        """Texts wrongly labelled negative for each other one that is labelled otherwise."""
        return self.wrongly / max(1 - self.wrongly, 0.01)


@dataclass(frozen=True)
class Corrected:
    """A count, and what is likely true.

    Attributes:
        seen: labelled negative.
        likely, low, high: how many are, with a 95 % interval.
    """

    seen: int
    likely: float
    low: float
    high: float


def correction_of(right: Sequence[str], said: Sequence[str], negative: str) -> Correction:
    """Measure how often labels are wrong.

    Raises:
        InputError: there are fewer than 20 negative texts, or others.
    """
    is_bad = np.array([label == negative for label in right])
    said_bad = np.array([label == negative for label in said])
    bad, good = int(is_bad.sum()), int((~is_bad).sum())
    if min(bad, good) < LEAST:
        raise InputError(
            f"--labelled: has {bad} texts labelled {negative!r} and {good} others; at least "
            f"{LEAST} of each are needed"
        )
    accuracy = float(np.mean([one == other for one, other in zip(right, said, strict=True)]))
    found, wrongly = float(said_bad[is_bad].mean()), float(said_bad[~is_bad].mean())
    return Correction(len(right), accuracy, found, wrongly, bad, good)


def corrected(correction: Correction, seen: int, total: int) -> Corrected:
    """Correct a count of negative texts among a total.

    The interval takes in chance in the count and in both rates (the delta method, Rogan & Gladen's
    equation 3). A model that is no better than chance tells nothing: 0 to `total`.

    >>> known = Correction(200, accuracy=0.85, found=0.8, wrongly=0.1, negatives=100, others=100)
    >>> found = corrected(known, seen=31, total=100)
    >>> round(found.likely, 1), round(found.low), round(found.high)
    (30.0, 15, 45)
    """
    better = correction.found - correction.wrongly
    if total == 0 or better <= 0.05:
        return Corrected(seen, float(seen), 0.0, float(total))
    share = seen / total
    likely = (share - correction.wrongly) / better
    variance = (
        share * (1 - share) / total
        + likely**2 * correction.found * (1 - correction.found) / correction.negatives
        + (1 - likely) ** 2 * correction.wrongly * (1 - correction.wrongly) / correction.others
    ) / better**2
    room = Z * float(np.sqrt(variance))
    low, middle, high = (
        float(np.clip(one, 0, 1) * total) for one in (likely - room, likely, likely + room)
    )
    return Corrected(seen, middle, low, high)
