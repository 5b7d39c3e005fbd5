"""Calibration by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tfsocial.metrics.calibration import calibration


def test_a_bin_holds_its_upper_edge():
    bins = calibration(np.array([0, 0, 0]), np.array([[0.5, 0.5], [0.51, 0.49], [1, 0]]), 2)
    assert bins.counts.tolist() == [1, 2]
    assert bins.confidence.tolist() == pytest.approx([0.5, 0.755])
    assert bins.accuracy.tolist() == [1, 1]


def test_calibration_over_nothing():
    assert calibration(np.array([-1]), np.array([[0.5, 0.5]])).error == 0


@given(arrays.arrays(np.float64, (12, 3), elements=st.floats(0, 1)), st.integers(0, 2))
@settings(deadline=None)
def test_calibration_error_lies_between_0_and_1(weights, truth):
    bins = calibration(np.full(12, truth), weights)
    assert 0 <= bins.error <= 1
    assert bins.counts.sum() == 12
