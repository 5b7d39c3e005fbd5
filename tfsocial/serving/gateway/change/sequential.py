"""Tests that look after every observation and end as soon as they know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "bad", "open"]


@dataclass
class SequentialTest:
    """Wald's sequential probability ratio test on a share.

    A share of `good` is told from one of `bad` with at most about `alpha` false alarms (good taken
    for bad) and `beta` misses (bad taken for good), however often one looks; between both either
    may come out. Wald, Sequential Tests of Statistical Hypotheses, 1945.

    Args:
        good, bad: shares of observations that are true, 0 to 1, not equal.

    >>> test = SequentialTest(good=0.99, bad=0.9)
    >>> while test.verdict == "open":
    ...     test.see(True)
    >>> test.verdict, test.seen
    ('good', 31)
    """

    good: float
    bad: float
    alpha: float = 0.05
    beta: float = 0.05
    seen: int = 0
    true: int = 0

    def see(self, value: bool, count: int = 1) -> None:
        """Take in so many observations of one value."""
        self.seen += count
        self.true += count * value

    @property
    def share(self) -> float:
        """Of observations that were true."""
        return self.true / self.seen if self.seen else math.nan

    @property
    def verdict(self) -> Verdict:
        """What is known by now."""
        ratio = self.true * math.log(self.good / self.bad)
        ratio += (self.seen - self.true) * math.log((1 - self.good) / (1 - self.bad))
        if ratio >= math.log((1 - self.alpha) / self.beta):
            return "good"
        return "bad" if ratio <= math.log(self.alpha / (1 - self.beta)) else "open"
