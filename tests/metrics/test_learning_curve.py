"""Curves of a known law, and bands that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from tfsocial.metrics.learning_curve import LearningCurve

SIZES = np.array([50, 100, 200, 400])


def test_a_power_law_is_gone_on_with():
    """Error 0.5 at 50, halved with each four times as many: 0.5 * (n / 50) ** -0.5."""
    curve = LearningCurve.of(SIZES, 1 - 0.5 * (SIZES / 50) ** -0.5)
    assert curve.slope == pytest.approx(-0.5)
    for labels in (400, 500, 1600):
        assert curve.at(labels)[0] == pytest.approx(1 - 0.5 * (labels / 50) ** -0.5)


def test_accuracy_that_falls_is_not_gone_on_with():
    curve = LearningCurve.of(SIZES, np.array([0.8, 0.7, 0.7, 0.6]))
    assert curve.at(800)[0] > 0.6


def test_the_band_holds_what_comes_8_times_of_10():
    """Accuracies measured on as many texts as there are labels, of a law that is known."""
    random, held = np.random.default_rng(1), 0
    law = 1 - 0.5 * (SIZES / 50) ** -0.4
    for _ in range(200):
        curve = LearningCurve.of(SIZES, random.binomial(SIZES, law) / SIZES)
        _, low, high = curve.at(600)
        held += low <= 1 - 0.5 * (600 / 50) ** -0.4 <= high
    assert 0.7 <= held / 200 <= 0.97


def test_the_band_is_wider_further_on_and_with_fewer_labels():
    accuracy = np.array([0.5, 0.6, 0.68, 0.74])
    many, few = LearningCurve.of(SIZES, accuracy), LearningCurve.of(SIZES // 5, accuracy)
    width = {name: np.ptp(one.at(400)[1:]) for name, one in (("many", many), ("few", few))}
    assert width["few"] > width["many"]
