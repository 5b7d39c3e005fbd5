"""Wrong labels among right ones, and agreement beyond chance; sklearn is the oracle."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import make_selection
from sklearn.metrics import cohen_kappa_score

from tfsocial.metrics.agreement import cohens_kappa
from tfsocial.metrics.label_errors import suspected, suspects
from tfsocial.metrics.probe import Probe, fitted_temperature, out_of_fold_logits


def heaps(each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Vectors in three heaps, and which heap."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), each)
    vectors = np.eye(6)[labels] + 0.08 * random.normal(size=(3 * each, 6))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def test_planted_errors_are_found():
    vectors, truth = heaps()
    labels = truth.copy()
    wrong = np.array([3, 50, 90, 110])
    labels[wrong] = (labels[wrong] + 1) % 3
    logits = out_of_fold_logits(vectors, labels, 3)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = suspects(p, labels)
    assert set(wrong) <= set(found)
    assert len(found) <= 6


def test_as_many_as_are_suspected_the_least_likely_first():
    """Two are suspected; of the label they have, the last and the first are the least likely."""
    p = np.array([[0.1, 0.9], [0.3, 0.7], [0.9, 0.1], [0.4, 0.6], [0.05, 0.95]])
    labels = np.array([0, 0, 0, 1, 1])
    assert suspected(p, labels).tolist() == [True, False, False, False, False]
    assert suspects(p, labels).tolist() == [0]


def test_confident_learning_of_cleanlab():
    found = json.loads(make_selection.FILE.read_text("utf-8"))["cleanlab"]
    p, labels = make_selection.mislabelled()
    assert np.flatnonzero(suspected(p, labels)).tolist() == found["confident_learning"]
    assert suspects(p, labels).tolist() == found["self_confidence"][: len(suspects(p, labels))]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2))
def test_kappa_is_sklearns(pairs):
    one, other = map(list, zip(*pairs, strict=True))
    expected = cohen_kappa_score(one, other) if len({*one, *other}) > 1 else np.nan
    assert cohens_kappa(one, other) == pytest.approx(expected, nan_ok=True)


def test_labels_of_different_texts_are_refused():
    with pytest.raises(ValueError, match="2 labels of one and 1 of the other"):
        cohens_kappa(["a", "b"], ["a"])


def test_a_probe_of_two_classes_is_sklearns():
    """Whose two-class regression keeps one column."""
    from sklearn.linear_model import LogisticRegression

    vectors, labels = heaps()
    vectors, labels = vectors[labels < 2], labels[labels < 2]
    theirs = LogisticRegression(C=10.0, max_iter=200).fit(vectors, labels)
    np.testing.assert_allclose(
        Probe(vectors, labels)(vectors), theirs.predict_proba(vectors), atol=1e-5
    )


def test_a_class_without_an_example_is_never_likely():
    vectors, labels = heaps()
    assert Probe(vectors, np.where(labels == 1, 3, labels), 5)(vectors)[:, [1, 4]].max() < 1e-6


def test_probabilities_are_never_made_less_sure():
    """Labels that cannot be learned would have all be as likely."""
    vectors, labels = heaps()
    held_out = out_of_fold_logits(vectors, np.random.default_rng(0).permutation(labels), 3)
    assert fitted_temperature(held_out, labels) <= 1
