"""Which strategy `auto` takes, by the labels and what they say of the pool."""

from __future__ import annotations

import numpy as np
import pytest

from tfsocial.errors import InputError
from tfsocial.selection import auto
from tfsocial.selection.knowledge import Knowledge


def pool(*shares: float) -> np.ndarray:
    """Probabilities of 100 texts, of which these shares are of each class."""
    counts = np.round(100 * np.array(shares)).astype(int)
    return np.eye(len(shares))[np.repeat(np.arange(len(shares)), counts)]


EVEN, UNEVEN = pool(0.25, 0.25, 0.25, 0.25), pool(0.85, 0.05, 0.05, 0.05)
MANY = pool(*[0.04] * 25)
MANY_UNEVEN = pool(0.76, *[0.01] * 24)


@pytest.mark.parametrize(
    ("each", "p", "name", "why"),
    [
        (0, None, "typi_clust", "labels of two classes are not known yet"),
        (2, EVEN, "typi_margin", "4 classes have only 2.0 labels each"),
        (12, EVEN, "badge", "4 classes have 12.0 labels each"),
        (12, MANY, "margin", "25 classes have 12.0 labels each"),
        (2, MANY, "typi_margin", "25 classes have only 2.0 labels each"),
        (2, UNEVEN, "badge", "of 4 classes 45 % make up the pool"),
        (2, MANY_UNEVEN, "margin", "of 25 classes 15 % make up the pool"),
    ],
)
def test_what_is_taken_and_why(each, p, name, why):
    counts = np.full(0 if p is None else p.shape[1], each)
    found = auto.automatic(counts, p)
    assert (found.name, found.why) == (name, why)


def test_evenness_is_the_share_of_classes_that_count():
    """exp(entropy) / classes: of two classes with 9 and 1 tenth, exp(0.325) / 2."""
    assert auto.evenness(pool(0.9, 0.1)) == pytest.approx(0.692, abs=1e-3)
    assert auto.evenness(EVEN) == pytest.approx(1)


def test_what_needs_labels_is_refused_without():
    nothing = Knowledge("labels of two classes are not known yet")
    with pytest.raises(InputError, match="--strategy=badge: weighs doubts between labels, and "):
        auto.choice("badge", None, nothing)
    assert auto.choice("random", None, nothing).name == "random"
    assert auto.choice("auto", None, nothing).name == "typi_clust"
