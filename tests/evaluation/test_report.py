"""The report: numbers worked by hand, scikit-learn's opinion, and files that stay whole."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics

from tfsocial import files
from tfsocial.config import InputError
from tfsocial.evaluation import baselines, report

NAN = np.nan


def spec(kind, *labels):
    """What the report reads of a HeadSpec; making a real one would import TensorFlow."""
    return SimpleNamespace(kind=kind, labels=labels, width=1 if kind == "regress" else len(labels))


def classes(count):
    return spec("classify", *(f"class{number}" for number in range(count)))


def sure(predicted, width, confidence=0.9):
    """Probabilities [n, width] whose largest is `confidence`, at `predicted`."""
    rest = (1 - confidence) / (width - 1)
    return np.where(np.eye(width, dtype=bool)[np.asarray(predicted)], confidence, rest)


# Truth 0 0 1 1 2, said 0 1 1 1 0: F1 of class 0 is 1/2, of class 1 is 4/5, of class 2 is 0.
TRUTH = np.array([0, 0, 1, 1, 2])
SAID = np.array([0, 1, 1, 1, 0])


def a_report(**knobs):
    return report.report(spec("classify", "a", "b", "oos"), TRUTH, sure(SAID, 3), **knobs)


# --- classify --------------------------------------------------------------------------


def test_classify_by_hand():
    found = report.scores(classes(3), TRUTH, sure(SAID, 3, 0.9))
    assert found["count"] == 5
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["micro_f1"] == pytest.approx(3 / 5)
    assert found["macro_f1"] == pytest.approx((1 / 2 + 4 / 5 + 0) / 3)
    assert found["ece"] == pytest.approx(0.9 - 3 / 5)
    assert set(found) == {"count", "accuracy", "micro_f1", "macro_f1", "ece"}


def test_macro_f1_is_over_labels_in_truth_or_prediction():
    found = report.scores(classes(5), np.array([0, 0]), sure([0, 1], 5))
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_calibration_error_by_hand():
    # fifteen bins part 0.65 (wrong) from 0.68 (right), and put 1.0 and 0.95 (both right) together
    confidence = np.array([0.65, 0.68, 1.0, 0.95])
    probabilities = np.stack([confidence, 1 - confidence], -1)
    found = report.scores(classes(2), np.array([1, 0, 0, 0]), probabilities)
    assert found["ece"] == pytest.approx((0.65 + 0.32 + 2 * (1 - 0.975)) / 4)


def test_a_bin_holds_its_upper_edge():
    bins = report.calibration(np.array([0, 0, 0]), np.array([[0.5, 0.5], [0.51, 0.49], [1, 0]]), 2)
    assert bins.count.tolist() == [1, 2]
    assert bins.confidence.tolist() == pytest.approx([0.5, 0.755])
    assert bins.accuracy.tolist() == [1, 1]


def test_calibration_over_nothing():
    assert report.calibration(np.array([-1]), np.array([[0.5, 0.5]])).error == 0


def test_out_of_scope_by_hand():
    # in scope: right, called oos, right, wrong; oos: found, missed, found
    truth, said = np.array([0, 0, 1, 1, 2, 2, 2]), [0, 2, 1, 0, 2, 0, 2]
    found = report.scores(spec("classify", "a", "b", "oos"), truth, sure(said, 3), "oos")
    assert found["in_scope_accuracy"] == pytest.approx(2 / 4)
    assert found["out_of_scope_recall"] == pytest.approx(2 / 3)
    assert found["out_of_scope_precision"] == pytest.approx(2 / 3)


def test_out_of_scope_auroc_by_hand():
    # of 2 x 2 pairs out of scope has the higher probability in 3, the same in none
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4], [0.2, 0.8]])
    truth = np.array([0, 0, 1, 1])
    found = report.scores(spec("classify", "a", "oos"), truth, probabilities, "oos")
    assert found["out_of_scope_auroc"] == pytest.approx(3 / 4)
    alone = report.scores(spec("classify", "a", "oos"), truth[:2], probabilities[:2], "oos")
    assert "out_of_scope_auroc" not in alone


def test_out_of_scope_leaves_out_ratios_over_nothing():
    found = report.scores(spec("classify", "a", "oos"), np.array([0]), sure([0], 2), "oos")
    assert found["in_scope_accuracy"] == 1
    assert "out_of_scope_recall" not in found
    assert "out_of_scope_precision" not in found


@pytest.mark.parametrize("kind", ["classify", "multilabel"])
def test_out_of_scope_must_be_a_label_of_a_classification(kind):
    labels = np.array([0]) if kind == "classify" else np.array([[1.0, 0.0]])
    expected = "did you mean out?" if kind == "classify" else "not for multilabel"
    with pytest.raises(InputError, match=expected.replace("?", r"\?")):
        report.scores(spec(kind, "a", "out"), labels, np.array([[0.5, 0.5]]), "outt")


# --- multilabel ------------------------------------------------------------------------

# column 0: hit, miss; column 1: false alarm, hit
TAGS = np.array([[1.0, 0.0], [1.0, 1.0]])
TAGGED = np.array([[0.9, 0.6], [0.4, 0.8]])


def test_multilabel_by_hand():
    found = report.scores(spec("multilabel", "x", "y"), TAGS, TAGGED)
    assert found == pytest.approx({"count": 2, "accuracy": 0, "macro_f1": 2 / 3, "micro_f1": 2 / 3})


def test_thresholds_decide():
    found = report.scores(spec("multilabel", "x", "y"), TAGS, TAGGED, thresholds=[0.4, 0.7])
    assert found == pytest.approx({"count": 2, "accuracy": 1, "macro_f1": 1, "micro_f1": 1})


def test_one_column_is_one_label_not_two_classes():
    labels, predictions = np.array([[1.0], [0.0], [0.0]]), np.array([[0.9], [0.9], [0.1]])
    found = report.report(spec("multilabel", "x"), labels, predictions)
    assert found["macro_f1"] == found["micro_f1"] == pytest.approx(2 / 3)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["classes"]["x"]["f1-score"] == pytest.approx(2 / 3)


def test_tuned_thresholds_by_hand():
    labels = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [NAN] * 3])
    predictions = np.array([[0.4, 0.9, 0.9], [0.3, 0.1, 0.8], [0.1, 0.2, 0.7], [0.9, 0.9, 0.9]])
    # first: between 0.1 and 0.3; second: nobody has it; third: all three is best (4/5)
    assert report.tune_thresholds(labels, predictions).tolist() == pytest.approx([0.2, 0.5, 0.5])


def test_tuned_threshold_of_ties():
    """Two rows of one probability cannot be parted: both or neither."""
    tuned = report.tune_thresholds(np.array([[1.0], [0.0]]), np.array([[0.2], [0.2]]))
    assert tuned.tolist() == pytest.approx([0.1])


def test_tuned_thresholds_without_a_labelled_row():
    assert report.tune_thresholds(np.full((2, 2), NAN), np.full((2, 2), 0.1)).tolist() == [0.5, 0.5]


COLUMN = st.lists(st.tuples(st.booleans(), st.sampled_from(np.linspace(0, 1, 9))), min_size=1)


@given(column=COLUMN, threshold=st.floats(0, 1))
@settings(deadline=None)
def test_no_threshold_beats_the_tuned_one(column, threshold):
    truth, probabilities = (
        np.array(values, float)[:, None] for values in zip(*column, strict=True)
    )
    tuned = report.tune_thresholds(truth, probabilities)

    def f1(at):
        return report.scores(spec("multilabel", "x"), truth, probabilities, thresholds=[at])[
            "macro_f1"
        ]

    assert f1(tuned[0]) >= f1(threshold) - 1e-12
    assert 0 <= tuned[0] <= 1


# --- regress ---------------------------------------------------------------------------


def test_regress_by_hand():
    labels, values = np.array([[0.0], [1.0], [2.0]]), np.array([[1.0], [1.0], [4.0]])
    found = report.scores(spec("regress"), labels, values)
    assert found["mean_squared_error"] == pytest.approx(5 / 3)
    assert found["mean_absolute_error"] == pytest.approx(1)
    assert found["pearson"] == pytest.approx(3 / np.sqrt(2 * 6))
    assert found["r2"] == pytest.approx(1 - 5 / 2)


def test_what_a_constant_leaves_undefined_is_left_out():
    varied, constant = np.array([[0.0], [1.0]]), np.array([[3.0], [3.0]])
    errors = {"count", "mean_squared_error", "mean_absolute_error"}
    assert set(report.scores(spec("regress"), varied, constant)) == {*errors, "r2"}
    assert set(report.scores(spec("regress"), constant, varied)) == errors


# --- scikit-learn agrees, order and unlabelled rows do not matter ---------------------------


@st.composite
def cases(draw):
    """(spec, labels, predictions), some rows unlabelled and at least one not."""
    kind = draw(st.sampled_from(["classify", "multilabel", "regress"]))
    count, width = draw(st.integers(1, 20)), draw(st.integers(1, 5))
    head = spec(kind, *"abcde"[:width])
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    unlabelled = random.random(count) < 0.3
    unlabelled[0] = False
    predictions = random.random((count, head.width))
    if kind == "classify":
        labels = np.where(unlabelled, -1, random.integers(0, width, count))
        return head, labels, predictions / predictions.sum(-1, keepdims=True)
    labels = random.integers(0, 2, (count, head.width)).astype(float)
    labels[unlabelled] = NAN
    return head, labels, predictions


def known(labels):
    return labels >= 0 if labels.ndim == 1 else ~np.isnan(labels).any(-1)


@given(cases())
@settings(deadline=None)
def test_unlabelled_rows_count_nowhere(case):
    head, labels, predictions = case
    rows = known(labels)
    alone = report.report(head, labels[rows], predictions[rows])
    assert report.report(head, labels, predictions) == alone
    assert alone["count"] == rows.sum()
    predictions[~rows] = NAN
    assert report.report(head, labels, predictions) == alone


@given(cases(), st.randoms())
@settings(deadline=None)
def test_order_does_not_matter(case, random):
    head, labels, predictions = case
    order = random.sample(range(len(labels)), len(labels))
    shuffled = report.scores(head, labels[order], predictions[order])
    assert shuffled == pytest.approx(report.scores(head, labels, predictions))


@given(cases())
@settings(deadline=None)
def test_scikit_learn_agrees(case):
    head, labels, predictions = case
    rows = known(labels)
    found = report.scores(head, labels, predictions)
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


@given(arrays.arrays(np.float64, (12, 3), elements=st.floats(0, 1)), st.integers(0, 2))
@settings(deadline=None)
def test_calibration_error_lies_between_0_and_1(weights, truth):
    bins = report.calibration(np.full(12, truth), weights)
    assert 0 <= bins.error <= 1
    assert bins.count.sum() == 12


# --- nothing and nonsense --------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "labels"),
    [("classify", np.array([-1])), ("multilabel", [[NAN, NAN]]), ("regress", [[NAN]])],
)
def test_no_labelled_row(kind, labels):
    head = spec(kind, "a", "b")
    predictions = np.full((1, head.width), 0.5)
    assert report.scores(head, labels, predictions) == {"count": 0}
    found = report.report(head, labels, predictions)
    assert found == {"kind": kind, "count": 0}
    assert "no example" in report.as_text(found, "test / task")


def test_a_row_with_some_labels_unknown_is_unlabelled_as_in_the_loss():
    found = report.scores(spec("multilabel", "x", "y"), [[1, NAN], [1, 1]], [[0.1, 0.1], [1, 1]])
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
        report.scores(classes(2), np.array(labels), np.array(predictions))


def test_thresholds_must_be_one_per_label():
    with pytest.raises(ValueError, match="thresholds have shape"):
        report.scores(spec("multilabel", "x", "y"), TAGS, TAGGED, thresholds=[0.5])


# --- the whole report and its text -----------------------------------------------------


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
    found = report.report(classes(3), truth, said)["most_confused"]
    assert [pair["count"] for pair in found] == [2, 1]
    assert (found[0]["truth"], found[0]["predicted"]) == ("class1", "class2")


def test_confusion_counts_by_hand():
    counts = report.confusion_counts(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 0]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    with pytest.raises(ValueError):
        report.confusion_counts(np.array([0]), np.array([3]), 3)


def test_a_label_called_like_an_average_keeps_its_row():
    head = spec("classify", "accuracy", "b")
    found = report.report(head, np.array([0, 1]), sure([0, 0], 2))
    assert found["accuracy"] == found["classes"]["accuracy"] == 0.5
    assert found["classes"]["accuracy (label)"]["recall"] == 1


@pytest.mark.parametrize("kind", ["classify", "multilabel"])
def test_the_table_is_scikit_learns(kind):
    random = np.random.default_rng(0)
    head, probabilities = spec(kind, "a", "bb", "a_rather_long_name"), random.random((40, 3))
    if kind == "classify":
        probabilities /= probabilities.sum(-1, keepdims=True)
        labels, said = random.integers(0, 3, 40), probabilities.argmax(-1)
    else:
        labels, said = random.integers(0, 2, (40, 3)), probabilities >= 0.5
    text = report.as_text(report.report(head, labels, probabilities), "test")
    table = metrics.classification_report(
        labels, said, target_names=head.labels, digits=3, zero_division=0
    )
    assert table in text


def test_of_many_classes_only_the_worst_are_shown():
    truth = np.arange(40).repeat(3)
    said = truth.copy()
    said[:3] = 1  # class0 is never found
    found = report.report(classes(40), truth, sure(said, 40))
    text = report.as_text(found, "test / intent")
    assert "confusion_matrix" not in found
    assert len(found["classes"]) == 40 + 3
    assert "the 10 worst of 40 classes by F1" in text
    assert text.index(" class0 ") < text.index(" class1 ")
    assert " class10 " not in text
    assert "     3  class0 -> class1" in text


def test_baselines_stand_beside_the_scores():
    others = {"majority": {"accuracy": 0.4}, "tfidf_linear": {"accuracy": 0.75, "macro_f1": 0.5}}
    text = report.as_text(a_report(baselines=others), "test / intent")
    assert "accuracy 0.600; majority 0.400 (+0.200); TF-IDF + linear SVM 0.750 (-0.150)\n" in text
    assert "macro_f1 0.433; TF-IDF + linear SVM 0.500 (-0.067)\n" in text
    assert "ece 0.300\n" in text


def test_text_of_a_multilabel_report():
    found = report.report(
        spec("multilabel", "x", "y"),
        TAGS,
        TAGGED,
        None,
        [0.4, 0.7],
        {"tfidf_linear": {"accuracy": 1}},
    )
    assert found["thresholds"] == {"x": 0.4, "y": 0.7}
    assert "TF-IDF + logistic regression 1.000 (+0.000)" in report.as_text(found, "dev / tags")


# --- files -----------------------------------------------------------------------------


def test_written_reports_read_back_equal(tmp_path):
    reports = {"dev": {"intent": a_report()}, "test": {"intent": a_report(out_of_scope="oos")}}
    report.write(reports, tmp_path / "run")
    read = json.loads((tmp_path / "run/report.json").read_text())
    assert read == reports
    assert read["test"]["intent"]["accuracy"] == 0.6
    text = (tmp_path / "run/report.txt").read_text()
    expected = [report.as_text(read[split]["intent"], f"{split} / intent") for split in read]
    assert text == "\n".join(expected)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "report.json",
        "report.txt",
    ]


def test_json_has_neither_nan_nor_numpy(tmp_path):
    odd = {"count": 0, "values": np.array([NAN, 1.5], np.float32), "n": np.int64(3), "x": np.inf}
    report.write({"test": {"task": odd}}, tmp_path)
    read = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert read["test"]["task"] == {"count": 0, "values": [None, 1.5], "n": 3, "x": None}


@pytest.mark.parametrize("broken", ["write_text", "replace"])
def test_a_failing_write_leaves_the_old_files(tmp_path, monkeypatch, broken):
    report.write({"test": {"intent": a_report()}}, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*arguments, **knobs):
        if broken == "write_text":
            with open(arguments[0], "w") as stream:
                stream.write("half a fi")
        raise OSError("no space left on device")

    monkeypatch.setattr(report.Path if broken == "write_text" else files.os, broken, full)
    with pytest.raises(OSError, match="no space"):
        report.write({"test": {}}, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# --- baselines -------------------------------------------------------------------------

TEXTS = ["my card is lost", "lost card", "card gone", "send money", "money transfer", ""]
ASKED = ["the card", "transfer my money", ""]


def test_majority_is_the_train_frequencies():
    found = baselines.majority(classes(3), np.array([2, 2, -1, 0]), 2)
    assert found.tolist() == pytest.approx(np.array([[1 / 3, 0, 2 / 3]] * 2))
    tags = baselines.majority(
        spec("multilabel", "x", "y"), np.array([[1, 0], [1, 1], [NAN] * 2]), 1
    )
    assert tags.tolist() == [[1, 0.5]]


def test_mean_is_of_the_labelled_train_values():
    assert baselines.mean(np.array([[1.0], [NAN], [2.0]]), 2).tolist() == [[1.5], [1.5]]


def test_tfidf_linear_learns_which_words_mean_what():
    found = baselines.tfidf_linear(classes(3), TEXTS, np.array([0, 0, 0, 2, 2, -1]), ASKED)
    assert found[:2].tolist() == [[1, 0, 0], [0, 0, 1]]
    assert found.sum(-1).tolist() == [1, 1, 1]


def test_tfidf_linear_of_many_labels():
    tags = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0], [NAN] * 3])
    found = baselines.tfidf_linear(spec("multilabel", *"xyz"), TEXTS, tags, ASKED)
    assert found[0, 0] > 0.5 > found[1, 0]
    assert found[:, 1].tolist() == [1, 1, 1]  # every train row has it
    assert found[:, 2].tolist() == [0, 0, 0]  # none has


def test_tfidf_linear_with_nothing_to_learn_from():
    one = baselines.tfidf_linear(classes(2), TEXTS, np.ones(6, int), ASKED)
    assert one.tolist() == [[0, 1]] * 3
    blank = baselines.tfidf_linear(classes(2), ["", " "], np.array([0, 1]), ASKED)
    assert blank.tolist() == [[0.5, 0.5]] * 3
    signs = baselines.tfidf_linear(classes(2), ["?", "!"], np.array([0, 1]), ["!", "?"])
    assert signs.tolist() == [[0, 1], [1, 0]]


def test_compare_scores_both_baselines():
    train = (TEXTS, np.array([0, 0, 0, 1, 1, 0]))
    found = baselines.compare(classes(2), train, (ASKED[:2], np.array([0, 1])), "class1")
    assert found["majority"]["accuracy"] == 0.5
    assert found["tfidf_linear"]["accuracy"] == 1
    assert found["tfidf_linear"]["out_of_scope_recall"] == 1
    assert all("ece" not in scores for scores in found.values())


def test_compare_of_a_regression_is_the_mean():
    train, test = (TEXTS, np.array([[0.0]] * 3 + [[2.0]] * 2 + [[NAN]])), (["a"], np.array([[1.8]]))
    found = baselines.compare(spec("regress"), train, test)
    assert set(found) == {"mean"}
    assert found["mean"]["mean_squared_error"] == pytest.approx(1)


def test_compare_without_a_labelled_train_row():
    assert baselines.compare(classes(2), (["a"], np.array([-1])), (["a"], np.array([0]))) == {}


def test_baselines_repeat_themselves():
    labels = np.array([0, 0, 1, 1, 2, 2])
    first, second = (baselines.tfidf_linear(classes(3), TEXTS, labels, ASKED) for _ in range(2))
    assert first.tolist() == second.tolist()
