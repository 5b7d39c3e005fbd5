"""Thresholds by hand, none better, and none from the row it judges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outputs_by_hand import NAN, TAGGED, TAGS, spec

from tfsocial.metrics.scores import scores
from tfsocial.metrics.thresholds import cross_fit_thresholds, split_thresholds, tune_thresholds


def test_tuned_thresholds_by_hand():
    labels = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [NAN] * 3])
    predictions = np.array([[0.4, 0.9, 0.9], [0.3, 0.1, 0.8], [0.1, 0.2, 0.7], [0.9, 0.9, 0.9]])
    # first: between 0.1 and 0.3; second: nobody has it; third: all three is best (4/5)
    assert tune_thresholds(labels, predictions).tolist() == pytest.approx([0.2, 0.5, 0.5])


def test_tuned_threshold_of_ties():
    """Two rows of one probability cannot be parted: both or neither."""
    tuned = tune_thresholds(np.array([[1.0], [0.0]]), np.array([[0.2], [0.2]]))
    assert tuned.tolist() == pytest.approx([0.1])


def test_tuned_thresholds_without_a_labelled_row():
    assert tune_thresholds(np.full((2, 2), NAN), np.full((2, 2), 0.1)).tolist() == [0.5, 0.5]


COLUMN = st.lists(st.tuples(st.booleans(), st.sampled_from(np.linspace(0, 1, 9))), min_size=1)


@given(column=COLUMN, threshold=st.floats(0, 1))
@settings(deadline=None)
def test_no_threshold_beats_the_tuned_one(column, threshold):
    truth, probabilities = (
        np.array(values, float)[:, None] for values in zip(*column, strict=True)
    )
    tuned = tune_thresholds(truth, probabilities)

    def f1(at):
        return scores(spec("multilabel", "x"), truth, probabilities, thresholds=[at])["macro_f1"]

    assert f1(tuned[0]) >= f1(threshold) - 1e-12
    assert 0 <= tuned[0] <= 1


def test_no_row_chooses_its_own_thresholds():
    """A row's label and prediction change the thresholds of all rows but its own fold's."""
    random = np.random.default_rng(1)
    labels, predictions = random.integers(0, 2, (20, 2)).astype(float), random.random((20, 2))
    before = cross_fit_thresholds(labels, predictions)
    moved = 0
    for row in range(20):
        other_labels, other_predictions = labels.copy(), predictions.copy()
        other_labels[row], other_predictions[row] = 1 - labels[row], 1 - predictions[row]
        after = cross_fit_thresholds(other_labels, other_predictions)
        assert (after[row] == before[row]).all()
        moved += (after != before).any()
    assert moved


def test_cross_fitted_thresholds_by_hand():
    """As many folds as rows: each row is judged at what the others want."""
    labels, predictions = np.array([[1.0], [1.0], [0.0]]), np.array([[0.9], [0.4], [0.2]])
    found = cross_fit_thresholds(labels, predictions, folds=3)
    # without the first: between 0.2 and 0.4; without the second: 0.5; without the third: below 0.4
    assert found.tolist() == [pytest.approx([value]) for value in (0.3, 0.5, 0.2)]


def test_of_noise_only_the_fitted_score_looks_good():
    """Predictions that know nothing: the optimistic score is above the cross-fitted one."""
    random = np.random.default_rng(0)
    labels, predictions = (random.random((40, 20)) < 0.2).astype(float), random.random((40, 20))
    head = spec("multilabel", *map(str, range(20)))
    fitted, fair = (
        scores(head, labels, predictions, thresholds=find(labels, predictions))["macro_f1"]
        for find in (tune_thresholds, cross_fit_thresholds)
    )
    assert fair < fitted - 0.05


def test_splits_are_scored_at_the_thresholds_of_dev():
    """Dev itself at cross-fitted ones; without dev there is nothing to fit on."""
    labels, predictions = {"dev": TAGS, "test": TAGS[:1]}, {"dev": TAGGED, "test": TAGGED[:1]}
    found = split_thresholds(labels, predictions)
    assert found["test"].tolist() == tune_thresholds(TAGS, TAGGED).tolist()
    assert found["dev"].tolist() == cross_fit_thresholds(TAGS, TAGGED).tolist()
    assert split_thresholds({"test": TAGS}, {"test": TAGGED}) == {}


def test_no_row_at_all():
    assert cross_fit_thresholds(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)
