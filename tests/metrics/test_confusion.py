"""Confusion counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tfsocial.metrics.confusion import confusion_counts, most_confused


def test_confusion_counts_by_hand():
    counts = confusion_counts(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 0]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    with pytest.raises(ValueError):
        confusion_counts(np.array([0]), np.array([3]), 3)


def test_no_more_pairs_than_asked_for():
    counts = np.array([[0, 1, 3], [2, 9, 0], [0, 0, 0]])
    found = most_confused("abc", counts, most=2)
    assert [(pair["truth"], pair["predicted"]) for pair in found] == [("a", "c"), ("b", "a")]
