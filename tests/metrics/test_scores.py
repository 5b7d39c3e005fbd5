"""Scores worked by hand, and scikit-learn's opinion of the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outputs_by_hand import NAN, SAID, TAGGED, TAGS, TRUTH, cases, classes, known, spec, sure
from sklearn import metrics

from tfsocial.errors import InputError
from tfsocial.metrics.scores import scores


def test_classify_by_hand():
    found = scores(classes(3), TRUTH, sure(SAID, 3, 0.9))
    assert found["count"] == 5
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["micro_f1"] == pytest.approx(3 / 5)
    assert found["macro_f1"] == pytest.approx((1 / 2 + 4 / 5 + 0) / 3)
    assert found["ece"] == pytest.approx(0.9 - 3 / 5)
    assert set(found) == {"count", "accuracy", "micro_f1", "macro_f1", "ece"}


def test_macro_f1_is_over_labels_in_truth_or_prediction():
    found = scores(classes(5), np.array([0, 0]), sure([0, 1], 5))
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_calibration_error_by_hand():
    # fifteen bins part 0.65 (wrong) from 0.68 (right), and put 1.0 and 0.95 (both right) together
    confidence = np.array([0.65, 0.68, 1.0, 0.95])
    probabilities = np.stack([confidence, 1 - confidence], -1)
    found = scores(classes(2), np.array([1, 0, 0, 0]), probabilities)
    assert found["ece"] == pytest.approx((0.65 + 0.32 + 2 * (1 - 0.975)) / 4)


def test_out_of_scope_by_hand():
    # in scope: right, called oos, right, wrong; oos: found, missed, found
    truth, said = np.array([0, 0, 1, 1, 2, 2, 2]), [0, 2, 1, 0, 2, 0, 2]
    found = scores(spec("classify", "a", "b", "oos"), truth, sure(said, 3), "oos")
    assert found["in_scope_accuracy"] == pytest.approx(2 / 4)
    assert found["out_of_scope_recall"] == pytest.approx(2 / 3)
    assert found["out_of_scope_precision"] == pytest.approx(2 / 3)


def test_out_of_scope_auroc_by_hand():
    # of 2 x 2 pairs out of scope has the higher probability in 3, the same in none
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4], [0.2, 0.8]])
    truth = np.array([0, 0, 1, 1])
    found = scores(spec("classify", "a", "oos"), truth, probabilities, "oos")
    assert found["out_of_scope_auroc"] == pytest.approx(3 / 4)
    alone = scores(spec("classify", "a", "oos"), truth[:2], probabilities[:2], "oos")
    assert "out_of_scope_auroc" not in alone


def test_out_of_scope_leaves_out_ratios_over_nothing():
    found = scores(spec("classify", "a", "oos"), np.array([0]), sure([0], 2), "oos")
    assert found["in_scope_accuracy"] == 1
    assert "out_of_scope_recall" not in found
    assert "out_of_scope_precision" not in found


@pytest.mark.parametrize("kind", ["classify", "multilabel"])
def test_out_of_scope_must_be_a_label_of_a_classification(kind):
    labels = np.array([0]) if kind == "classify" else np.array([[1.0, 0.0]])
    expected = "did you mean out?" if kind == "classify" else "not for multilabel"
    with pytest.raises(InputError, match=expected.replace("?", r"\?")):
        scores(spec(kind, "a", "out"), labels, np.array([[0.5, 0.5]]), "outt")


def test_multilabel_by_hand():
    found = scores(spec("multilabel", "x", "y"), TAGS, TAGGED)
    assert found == pytest.approx({"count": 2, "accuracy": 0, "macro_f1": 2 / 3, "micro_f1": 2 / 3})


def test_thresholds_decide():
    found = scores(spec("multilabel", "x", "y"), TAGS, TAGGED, thresholds=[0.4, 0.7])
    assert found == pytest.approx({"count": 2, "accuracy": 1, "macro_f1": 1, "micro_f1": 1})


def test_regress_by_hand():
    labels, values = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [1.0], [4.0]])
    found = scores(spec("regress"), labels, values)
    assert found["mean_squared_error"] == pytest.approx(5 / 3)
    assert found["mean_absolute_error"] == pytest.approx(1)
    assert found["pearson"] == pytest.approx(3 / np.sqrt(2 * 6))
    assert found["r2"] == pytest.approx(1 - 5 / 2)


def test_what_a_constant_leaves_undefined_is_left_out():
    varied, constant = np.array([[0.0], [1.0]]), np.array([[3.0], [3.0]])
    errors = {"count", "mean_squared_error", "mean_absolute_error"}
    assert set(scores(spec("regress"), varied, constant)) == {*errors, "r2"}
    assert set(scores(spec("regress"), constant, varied)) == errors


@given(cases(), st.randoms())
@settings(deadline=None)
def test_order_does_not_matter(case, random):
    head, labels, predictions = case
    order = random.sample(range(len(labels)), len(labels))
    shuffled = scores(head, labels[order], predictions[order])
    assert shuffled == pytest.approx(scores(head, labels, predictions))


@given(cases())
@settings(deadline=None)
def test_scikit_learn_agrees(case):
    head, labels, predictions = case
    rows = known(labels)
    found = scores(head, labels, predictions)
    expected = _SCIKIT_LEARN[head.kind](head, labels[rows], predictions[rows])
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def _classify_expected(head, truth, probabilities):
    said = probabilities.argmax(-1)
    table = metrics.classification_report(truth, said, output_dict=True, zero_division=0)
    return {
        "accuracy": metrics.accuracy_score(truth, said),
        "macro_f1": table["macro avg"]["f1-score"],
        "micro_f1": metrics.f1_score(truth, said, average="micro"),
    }


def _multilabel_expected(head, truth, probabilities):
    said = probabilities >= 0.5
    columns = range(head.width)
    each = [metrics.f1_score(truth[:, c], said[:, c], zero_division=0) for c in columns]
    micro = metrics.f1_score(truth.ravel(), said.ravel(), zero_division=0)
    whole = (truth == said).all(-1).mean()
    return {"accuracy": whole, "macro_f1": np.mean(each), "micro_f1": micro}


def _regress_expected(head, truth, values):
    return {
        "mean_squared_error": metrics.mean_squared_error(truth, values),
        "mean_absolute_error": metrics.mean_absolute_error(truth, values),
    }


_SCIKIT_LEARN = {
    "classify": _classify_expected,
    "multilabel": _multilabel_expected,
    "regress": _regress_expected,
}


def test_a_row_with_some_labels_unknown_is_unlabelled_as_in_the_loss():
    found = scores(spec("multilabel", "x", "y"), [[1, NAN], [1, 1]], [[0.1, 0.1], [1, 1]])
    assert found["count"] == 1
    assert found["accuracy"] == 1


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 1], [[0.5, 0.5]], r"predictions have shape \[1, 2\]; expected \[2, 2\]"),
        ([[0]], [[0.5, 0.5]], r"labels have shape \[1, 1\]; expected \[1\]"),
        ([2], [[0.5, 0.5]], "label 2 is no class; expected -1 .* to 1"),
        ([-2], [[0.5, 0.5]], "label -2"),
        ([0.0], [[0.5, 0.5]], "expected integers"),
        ([0], [[NAN, 0.5]], "diverged"),
        ([0], [[-3.0, 4.0]], "not logits"),
    ],
)
def test_what_does_not_fit_is_refused(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        scores(classes(2), np.array(labels), np.array(predictions))


def test_thresholds_must_be_one_per_label():
    with pytest.raises(ValueError, match="thresholds have shape"):
        scores(spec("multilabel", "x", "y"), TAGS, TAGGED, thresholds=[0.5])


def test_each_row_may_have_thresholds_of_its_own():
    """Row 0 at (0.5, 0.7) and row 1 at (0.4, 0.5) are both right; the other way round neither."""
    head = spec("multilabel", "x", "y")
    own = np.array([[0.5, 0.7], [0.4, 0.5]])
    assert scores(head, TAGS, TAGGED, thresholds=own)["accuracy"] == 1
    assert scores(head, TAGS, TAGGED, thresholds=own[::-1])["accuracy"] == 0
    unlabelled = np.array([[NAN, NAN], [1.0, 1.0]])
    assert scores(head, unlabelled, TAGGED, thresholds=own)["accuracy"] == 1
