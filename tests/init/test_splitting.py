"""Groups of near-duplicates stay together, and labels are shared out evenly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.init import noise, splitting


def test_near_texts_are_one_group_and_so_are_theirs():
    """Transitive: a ~ b, b ~ c, while a and c alone are not near."""
    chain = ["where is my parcel now", "where is my parcel no", "here is my parcel no"]
    assert splitting.groups([*chain, "thank you very much"]).tolist() == [0, 0, 0, 1]


@given(
    group=st.lists(st.integers(0, 30), min_size=2, max_size=120),
    data=st.data(),
)
def test_no_group_lies_in_two_splits_and_no_row_is_lost(group, data):
    group = np.unique(group, return_inverse=True)[1]
    strata = data.draw(st.lists(st.sampled_from("abc"), min_size=len(group), max_size=len(group)))
    rows = splitting.split(group, strata)
    assert sorted(np.concatenate([*rows.values()]).tolist()) == list(range(len(group)))
    places = [set(group[members].tolist()) for members in rows.values()]
    assert sum(map(len, places)) == len(set().union(*places))


def test_each_label_is_shared_out_as_the_whole_is():
    """Of 100 rows of each of three labels 80, 10 and 10."""
    strata = np.repeat(["a", "b", "c"], 100)
    rows = splitting.split(np.arange(300), strata)
    for split, expected in (("train", 80), ("dev", 10), ("test", 10)):
        counts = np.unique(strata[rows[split]], return_counts=True)[1]
        assert counts.tolist() == pytest.approx([expected] * 3, abs=1)


def test_a_label_of_one_row_is_learned():
    strata = ["common"] * 299 + ["rare"]
    rows = splitting.split(np.arange(300), strata)
    assert 299 in rows["train"]


def test_a_small_table_has_no_test():
    rows = splitting.split(np.arange(50), ["a", "b"] * 25)
    assert list(rows) == ["train", "dev"]
    assert len(rows["dev"]) == pytest.approx(15, abs=1)


def test_a_split_without_rows_is_none():
    assert list(splitting.split(np.array([0, 1]), ["a", "b"])) == ["train"]


def test_suspected_labels_are_some_of_those_that_were_exchanged():
    """Two clouds far apart; every tenth label is the other's, and no right one is suspected."""
    random = np.random.default_rng(0)
    labels = np.arange(200) % 2
    vectors = random.normal(scale=0.1, size=[200, 8]) + np.eye(8)[labels]
    assert noise.suspected(vectors, labels) == 0.0
    wrong = labels.copy()
    wrong[::10] = 1 - wrong[::10]
    assert 0.02 < noise.suspected(vectors, wrong) <= 0.1


def test_classes_too_small_to_tell_are_not_suspected():
    assert noise.suspected(np.eye(4), np.array([0, 1, 2, 3])) == 0.0
