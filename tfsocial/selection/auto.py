"""Which strategy a situation asks for, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from tfsocial.errors import InputError
from tfsocial.selection.asked import AUTO
from tfsocial.selection.knowledge import Knowledge
from tfsocial.selection.reading import Labelled
from tfsocial.selection.strategies.table import strategy

REASONS = {
    "asked": "as asked for",
    "nothing known": "labels of two classes are not known yet",
    "uneven": "of {classes} classes {even} % make up the pool",
    "many labels": "{classes} classes have {each} labels each",
    "few labels": "{classes} classes have only {each} labels each",
}


class Choice(NamedTuple):
    """A strategy of the table, and why it was taken: one of REASONS, and what stands in it."""

    name: str
    reason: str
    values: Mapping[str, str | int] = MappingProxyType({})

    @property
    def why(self) -> str:
        """The reason as words.

        >>> Choice("badge", "many labels", {"classes": 6, "each": "12.0"}).why
        '6 classes have 12.0 labels each'
        """
        return REASONS[self.reason].format(**self.values)


MANY_CLASSES = 20  # from which doubts are weighed by margins; below by BADGE
FEW_LABELS = 10  # a class
EVEN_FROM = 0.85  # of `evenness`


def choice(asked: str, labelled: Labelled | None, known: Knowledge) -> Choice:
    """Take the strategy that was asked for, or that has been best where labels are as here.

    Raises:
        InputError: the strategy that was asked for needs labels of two classes.
    """
    if asked != AUTO:
        if strategy(asked).needs_probabilities and known.probabilities is None:
            raise InputError(
                f"--strategy={asked}: weighs doubts between labels, and {known.source}; "
                "take typi_clust or auto"
            )
        return Choice(asked, "asked")
    counts = Counter(name for several in labelled.labels for name in several) if labelled else {}
    return automatic(np.array(list(counts.values())), known.probabilities)


def automatic(counts: np.ndarray, p: np.ndarray | None) -> Choice:
    """Say what has been best in benchmarks/selection.py where labels are as here.

    Args:
        counts: labels of each class known, int [classes].
        p: probabilities of the pool's labels, float [n, classes]; None: nothing can be said.
    """
    if p is None:
        return Choice("typi_clust", "nothing known")
    classes, each, even = p.shape[1], counts.sum() / max(len(counts), 1), evenness(p)
    doubting = "badge" if classes < MANY_CLASSES else "margin"
    if even < EVEN_FROM:
        return Choice(doubting, "uneven", {"classes": classes, "even": round(100 * even)})
    values = {"classes": classes, "each": f"{each:.1f}"}
    if each >= FEW_LABELS:
        return Choice(doubting, "many labels", values)
    return Choice("typi_margin", "few labels", values)


def evenness(p: np.ndarray) -> float:
    """Estimate how alike classes are in number: their effective number as a share of theirs.

    The exponential of the entropy of the mean probabilities, by the number of classes; 1 where all
    are as likely.

    >>> round(evenness(np.array([[1.0, 0.0], [0.0, 1.0]])), 2)
    1.0
    >>> round(evenness(np.array([[0.9, 0.1], [0.9, 0.1]])), 2)
    0.69
    """
    share = p.mean(0, dtype=np.float64)
    share = share[share > 0] / share.sum()
    return float(np.exp(-np.sum(share * np.log(share))) / p.shape[1])
