"""Measures against numbers by hand and other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from tfsocial.apps.recommend.ranking import measures

labels_and_scores = st.lists(
    st.tuples(st.booleans(), st.integers(-5, 5)), min_size=2, max_size=40
).filter(lambda rows: len({label for label, _ in rows}) == 2)


@given(labels_and_scores)
def test_auc_is_that_of_sklearn(rows: list[tuple[bool, int]]) -> None:
    labels, scores = map(np.array, zip(*rows, strict=True))
    expected = metrics.roc_auc_score(labels, scores)
    assert measures.auc(labels, scores) == pytest.approx(expected)


def test_auc_of_one_label_is_unknown() -> None:
    assert np.isnan(measures.auc([1, 1], [0.1, 0.2]))


def test_auc_of_each_user() -> None:
    found = measures.auc_by_user([7, 3, 7, 3, 7], [1, 1, 0, 0, 0], [0.5, 0.2, 0.5, 0.9, 0.1])
    assert found.tolist() == [0.0, 0.75]


@given(st.permutations(range(8)), st.sets(st.integers(0, 7), min_size=1), st.integers(1, 10))
def test_ndcg_is_that_of_sklearn(ranked: list[int], wanted: set[int], k: int) -> None:
    scores = np.empty(8)
    scores[ranked] = np.arange(8, 0, -1)
    truth = np.isin(np.arange(8), list(wanted)).astype(int)
    expected = metrics.ndcg_score([truth], [scores], k=k)
    assert measures.ndcg(ranked, list(wanted), k) == pytest.approx(expected)


def test_recall_and_ndcg_without_a_wanted_item_are_unknown() -> None:
    assert np.isnan(measures.recall([1, 2], [], 2))
    assert np.isnan(measures.ndcg([1, 2], [], 2))


def test_intra_list_distance_by_hand() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    # 1 - 0, 1 - 0.6 and 1 - 0.8
    assert measures.intra_list_distance([0, 1, 2], vectors) == pytest.approx((1 + 0.4 + 0.2) / 3)
    assert np.isnan(measures.intra_list_distance([0], vectors))


def test_paired_bootstrap_sees_a_small_difference_of_the_same_users() -> None:
    base = np.random.default_rng(0).normal(0, 10, 500)
    found = measures.paired_bootstrap(base + 0.5, base)
    assert (found.mean, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_paired_bootstrap_has_the_interval_of_the_mean() -> None:
    ahead = np.random.default_rng(1).normal(0.1, 1, 1000)
    found = measures.paired_bootstrap([*ahead, np.nan], np.zeros(1001))
    half = 1.96 * ahead.std() / np.sqrt(1000)
    assert found.mean == pytest.approx(ahead.mean())
    assert found.low == pytest.approx(ahead.mean() - half, abs=0.01)
    assert found.high == pytest.approx(ahead.mean() + half, abs=0.01)
