"""Temperatures and Platt's scaling: by hand, as properties, beside scikit-learn's and netcal's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn.calibration import _SigmoidCalibration
from sklearn.linear_model import LogisticRegression

from tfsocial.metrics import scaling
from tfsocial.metrics.calibration import calibration


def drawn(seed: int, rows: int, classes: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from softmax(logits / temperature)."""
    random = np.random.default_rng(seed)
    logits = 4 * random.normal(size=(rows, classes))
    return logits, (logits / temperature + random.gumbel(size=logits.shape)).argmax(-1)


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_the_temperature_that_drew_the_labels_is_found(true):
    logits, labels = drawn(0, 20_000, 5, true)
    assert scaling.fit_temperature(logits, labels) == pytest.approx(true, rel=0.03)


def test_two_classes_are_a_logistic_regression_without_intercept():
    """Its coefficient is 1 / T; what softens the targets, as weights of both answers."""
    logits, labels = drawn(1, 200, 2, 2.0)
    doubt = 1 / 202
    margin = (logits[:, 1] - logits[:, 0])[:, None]
    both = np.concatenate([margin, margin])
    weights = np.repeat([1 - doubt, doubt], 200)
    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8)
    regression.fit(both, np.concatenate([labels, 1 - labels]), weights)
    assert 1 / scaling.fit_temperature(logits, labels) == pytest.approx(
        regression.coef_[0, 0], rel=1e-3
    )


def test_few_rows_that_are_all_right_leave_a_doubt():
    """Four of four: one of six may be wrong, so sure of 5/6 and not of 1."""
    logits = np.array([[2.0, 0.0]] * 4)
    temperature = scaling.fit_temperature(logits, np.zeros(4, int))
    assert special.softmax(logits / temperature, -1)[0, 0] == pytest.approx(5 / 6, abs=1e-3)


def test_rows_without_a_label_or_outside_count_nothing():
    logits, labels = drawn(2, 300, 3, 2.0)
    more = np.concatenate([logits, 9 * logits[:50]])
    unknown = np.concatenate([labels, np.repeat([-1, 3], 25)])
    alone = scaling.fit_temperature(logits, labels)
    assert scaling.fit_temperature(more, unknown) == alone
    assert scaling.fit_temperature(logits, np.full(300, -1)) == 1.0
    assert scaling.fit_temperature(logits[:, :1], np.zeros(300, int)) == 1.0


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(2, 6))
@settings(max_examples=30)
def test_no_label_changes_its_place(seed, rows, classes):
    """A temperature is positive and finite, so the likeliest stays the likeliest."""
    logits, labels = drawn(seed, rows, classes, 1.0)
    temperature = scaling.fit_temperature(logits, labels)
    assert scaling.LEAST <= temperature <= scaling.MOST
    np.testing.assert_array_equal((logits / temperature).argmax(-1), logits.argmax(-1))


def test_platt_is_scikit_learns():
    """Each label on its own; rows with NaN are left out."""
    random = np.random.default_rng(3)
    logits = 3 * random.normal(size=(400, 3)) - 2
    truth = (special.expit(logits / 2 + 1) > random.random(logits.shape)).astype(float)
    scale, shift = scaling.fit_platt(
        np.concatenate([logits, [[9.0, 9.0, 9.0]]]), np.concatenate([truth, [[np.nan, 1, 1]]])
    )
    for label in range(3):
        other = _SigmoidCalibration().fit(logits[:, label], truth[:, label])
        assert scale[label] == pytest.approx(-other.a_, rel=1e-2)
        assert shift[label] == pytest.approx(-other.b_, abs=1e-2)


def test_a_label_that_none_carries_or_all_stays_as_it_is():
    logits = np.array([[1.0, -1.0, 0.5], [2.0, 0.0, 1.5], [0.0, 1.0, -1.0]])
    truth = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    scale, shift = scaling.fit_platt(logits, truth)
    assert (scale[0], shift[0], scale[1], shift[1]) == (1, 0, 1, 0)
    assert scale[2] >= 1 / scaling.MOST  # turned round, it would be negative


NETCAL = json.loads((Path(__file__).parents[1] / "reference" / "calibration.json").read_text())


@pytest.mark.parametrize("found", NETCAL["cases"], ids=lambda found: str(found["case"]))
def test_netcal_finds_the_same(found):
    """Its temperatures to 1 %, since ours softens the targets, and the errors before and after.

    Of two classes it bins the probability of the second one, not that of the likelier.
    """
    seed, rows, classes, temperature = found["case"]
    random = np.random.default_rng(seed)
    logits = 3 * random.normal(size=(rows, classes))
    labels = (logits / temperature + random.gumbel(size=logits.shape)).argmax(-1)
    ours = scaling.fit_temperature(logits, labels)
    assert ours == pytest.approx(found["temperature"], rel=0.01)
    if classes == 2:
        return
    before = calibration(labels, special.softmax(logits, -1)).error
    after = calibration(labels, special.softmax(logits / found["temperature"], -1)).error
    assert [before, after] == pytest.approx(found["ece"], abs=1e-9)
