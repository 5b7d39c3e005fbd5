"""What the baselines say, by hand, and that they are fitted once and judged as a model is."""

from __future__ import annotations

import numpy as np
import pytest
from outputs_by_hand import NAN, classes, spec

from tfsocial.metrics import baselines
from tfsocial.metrics.baselines import LabelledTexts
from tfsocial.metrics.scores import scores
from tfsocial.metrics.thresholds import cross_fit_thresholds, tune_thresholds


def linear(head, texts, labels, asked):
    """What the linear baseline answers to texts."""
    return baselines.tfidf_linear(head, LabelledTexts(texts, labels))(asked)


TEXTS = ["my card is lost", "lost card", "card gone", "send money", "money transfer", ""]


ASKED = ["the card", "transfer my money", ""]


def test_majority_is_the_train_frequencies():
    found = baselines.majority(classes(3), np.array([2, 2, -1, 0]))(["", ""])
    assert found.tolist() == pytest.approx(np.array([[1 / 3, 0, 2 / 3]] * 2))
    tags = baselines.majority(spec("multilabel", "x", "y"), np.array([[1, 0], [1, 1], [NAN] * 2]))(
        [""]
    )
    assert tags.tolist() == [[1, 0.5]]


def test_mean_is_of_the_labelled_train_values():
    assert baselines.mean(np.array([[1.0], [NAN], [2.0]]))(["", ""]).tolist() == [[1.5], [1.5]]


def test_tfidf_linear_learns_which_words_mean_what():
    found = linear(classes(3), TEXTS, np.array([0, 0, 0, 2, 2, -1]), ASKED)
    assert found[:2].tolist() == [[1, 0, 0], [0, 0, 1]]
    assert found.sum(-1).tolist() == [1, 1, 1]


def test_tfidf_linear_of_many_labels():
    tags = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0], [NAN] * 3])
    found = linear(spec("multilabel", *"xyz"), TEXTS, tags, ASKED)
    assert found[0, 0] > 0.5 > found[1, 0]
    assert found[:, 1].tolist() == [1, 1, 1]  # every train row has it
    assert found[:, 2].tolist() == [0, 0, 0]  # none has


def test_tfidf_linear_with_nothing_to_learn_from():
    one = linear(classes(2), TEXTS, np.ones(6, int), ASKED)
    assert one.tolist() == [[0, 1]] * 3
    blank = linear(classes(2), ["", " "], np.array([0, 1]), ASKED)
    assert blank.tolist() == [[0.5, 0.5]] * 3
    signs = linear(classes(2), ["?", "!"], np.array([0, 1]), ["!", "?"])
    assert signs.tolist() == [[0, 1], [1, 0]]


def test_compare_scores_both_baselines():
    train = LabelledTexts(TEXTS, np.array([0, 0, 0, 1, 1, 0]))
    found = baselines.compare(
        classes(2), train, {"test": LabelledTexts(ASKED[:2], np.array([0, 1]))}, "class1"
    )["test"]
    assert found["majority"]["accuracy"] == 0.5
    assert found["tfidf_linear"]["accuracy"] == 1
    assert found["tfidf_linear"]["out_of_scope_recall"] == 1
    assert all("ece" not in scores for scores in found.values())


def test_compare_of_a_regression_is_the_mean():
    train = LabelledTexts(TEXTS, np.array([[0.0]] * 3 + [[2.0]] * 2 + [[NAN]]))
    test = LabelledTexts(["a"], np.array([[1.8]]))
    found = baselines.compare(spec("regress"), train, {"test": test})["test"]
    assert set(found) == {"mean"}
    assert found["mean"]["mean_squared_error"] == pytest.approx(1)


def test_compare_without_a_labelled_train_row():
    assert baselines.compare(
        classes(2),
        LabelledTexts(["a"], np.array([-1])),
        {"test": LabelledTexts(["a"], np.array([0]))},
    ) == {"test": {}}


def test_baselines_repeat_themselves():
    labels = np.array([0, 0, 1, 1, 2, 2])
    first, second = (linear(classes(3), TEXTS, labels, ASKED) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_each_is_fitted_once_however_many_splits(monkeypatch):
    """The n-grams are the costly part."""
    made = []
    ngrams = baselines._ngrams
    monkeypatch.setattr(baselines, "_ngrams", lambda: made.append(1) or ngrams())
    rows = LabelledTexts(ASKED[:2], np.array([0, 1]))
    train = LabelledTexts(TEXTS, np.array([0, 0, 0, 1, 1, 0]))
    found = baselines.compare(classes(2), train, {"dev": rows, "test": rows})
    assert found["dev"] == found["test"]
    assert len(made) == 1


def test_thresholds_of_many_labels_are_fitted_on_dev():
    """0.5 says no to a label that 2 of 5 have; the majority's threshold on dev says yes to all.

    Dev has the label in 4 rows of 5, so each fold of dev wants it too: F1 is 2 * 4 / (5 + 4).
    """
    head = spec("multilabel", "x")
    train = LabelledTexts(TEXTS[:5], np.array([[1.0], [1.0], [0], [0], [0]]))
    dev = LabelledTexts(TEXTS[:5], np.array([[1.0], [1.0], [1.0], [1.0], [0]]))
    test = LabelledTexts(TEXTS[:3], np.array([[1.0], [0.0], [0.0]]))
    found = baselines.compare(head, train, {"dev": dev, "test": test})
    assert found["test"]["majority"]["macro_f1"] == pytest.approx(2 * 1 / (3 + 1))
    assert found["dev"]["majority"]["macro_f1"] == pytest.approx(2 * 4 / (5 + 4))
    assert baselines.compare(head, train, {"test": test})["test"]["majority"]["macro_f1"] == 0


def test_the_linear_ones_thresholds_are_the_models_kind():
    """On dev cross-fitted, on test those of all of dev."""
    random = np.random.default_rng(0)
    head, labels = spec("multilabel", "x", "y"), random.integers(0, 2, (6, 2)).astype(float)
    rows = LabelledTexts(TEXTS, labels)
    found = baselines.compare(head, rows, {"dev": rows, "test": rows})
    said = baselines.tfidf_linear(head, rows)(TEXTS)
    for split, fitted in (("dev", cross_fit_thresholds), ("test", tune_thresholds)):
        expected = scores(head, labels, said, thresholds=fitted(labels, said))
        assert found[split]["tfidf_linear"] == expected
