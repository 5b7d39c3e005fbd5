"""A task's report: what explains the scores, and which rows chose the thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from outputs_by_hand import NAN, SAID, TAGGED, TAGS, TRUTH, cases, classes, known, spec, sure

from tfsocial.metrics.scores import scores
from tfsocial.metrics.thresholds import cross_fit_thresholds
from tfsocial.runs.report_text import as_text
from tfsocial.runs.task_report import task_report


def a_report(**knobs):
    return task_report(spec("classify", "a", "b", "oos"), TRUTH, sure(SAID, 3), **knobs)


def test_one_column_is_one_label_not_two_classes():
    labels, predictions = np.array([[1.0], [0.0], [0.0]]), np.array([[0.9], [0.9], [0.1]])
    found = task_report(spec("multilabel", "x"), labels, predictions)
    assert found["macro_f1"] == found["micro_f1"] == pytest.approx(2 / 3)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["classes"]["x"]["f1-score"] == pytest.approx(2 / 3)


@given(cases())
@settings(deadline=None)
def test_unlabelled_rows_count_nowhere(case):
    head, labels, predictions = case
    rows = known(labels)
    alone = task_report(head, labels[rows], predictions[rows])
    assert task_report(head, labels, predictions) == alone
    assert alone["count"] == rows.sum()
    predictions[~rows] = NAN
    assert task_report(head, labels, predictions) == alone


@pytest.mark.parametrize(
    ("kind", "labels"),
    [("classify", np.array([-1])), ("multilabel", [[NAN, NAN]]), ("regress", [[NAN]])],
)
def test_no_labelled_row(kind, labels):
    head = spec(kind, "a", "b")
    predictions = np.full((1, head.width), 0.5)
    assert scores(head, labels, predictions) == {"count": 0}
    found = task_report(head, labels, predictions)
    assert found == {"kind": kind, "count": 0}
    assert "no example" in as_text(found, "test / task")


def test_report_holds_classes_matrix_and_pairs():
    found = a_report()
    assert found["classes"]["b"] == pytest.approx(
        {"precision": 2 / 3, "recall": 1, "f1-score": 4 / 5, "support": 2}
    )
    assert found["classes"]["macro avg"]["f1-score"] == pytest.approx(found["macro_f1"])
    assert found["confusion_matrix"] == {
        "labels": ["a", "b", "oos"],
        "counts": [[1, 1, 0], [0, 2, 0], [1, 0, 0]],
    }
    assert found["most_confused"] == [
        {"truth": "a", "predicted": "b", "count": 1},
        {"truth": "oos", "predicted": "a", "count": 1},
    ]


def test_most_confused_come_most_frequent_first():
    truth, said = np.array([0, 1, 1, 2]), sure([1, 2, 2, 2], 3)
    found = task_report(classes(3), truth, said)["most_confused"]
    assert [pair["count"] for pair in found] == [2, 1]
    assert (found[0]["truth"], found[0]["predicted"]) == ("class1", "class2")


def test_a_label_called_like_an_average_keeps_its_row():
    head = spec("classify", "accuracy", "b")
    found = task_report(head, np.array([0, 1]), sure([0, 0], 2))
    assert found["accuracy"] == found["classes"]["accuracy"] == 0.5
    assert found["classes"]["accuracy (label)"]["recall"] == 1


def test_it_says_on_which_rows_thresholds_were_fitted():
    """Dev is scored at its cross-fitted thresholds, and shows those of the model."""
    head, tuned = spec("multilabel", "x", "y"), np.array([0.4, 0.7])
    fair = cross_fit_thresholds(TAGS, TAGGED)
    dev = task_report(head, TAGS, TAGGED, thresholds=tuned, cross_fitted=fair)
    test = task_report(head, TAGS, TAGGED, thresholds=tuned)
    assert dev["thresholds"] == test["thresholds"] == {"x": 0.4, "y": 0.7}
    assert dev["accuracy"] == scores(head, TAGS, TAGGED, thresholds=fair)["accuracy"]
    assert test["accuracy"] == 1
    assert test["thresholds_fitted_on"] == "dev"
    assert "without the fifth" in dev["thresholds_fitted_on"]
    assert "thresholds fitted on dev, for each" in as_text(dev, "dev / tags")
    assert "thresholds_fitted_on" not in task_report(head, TAGS, TAGGED)
