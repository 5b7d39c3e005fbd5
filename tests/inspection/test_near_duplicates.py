"""What stands twice: by hand, and near pairs against a comparison of all with all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tfsocial.data.examples import Examples, Origin
from tfsocial.inspection import near_duplicates


def examples(*texts, labels=None, pair=None):
    count = len(texts)
    origin = Origin(("f.csv",), np.zeros(count, np.int32), np.arange(2, count + 2, dtype=np.int32))
    known = {} if labels is None else {"mood": np.array(labels)}
    return Examples(list(texts), pair, known, origin)


def trigrams(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[start : start + 3] for start in range(len(padded) - 2)}


def jaccard(one: str, other: str) -> float:
    shared, whole = trigrams(one) & trigrams(other), trigrams(one) | trigrams(other)
    return len(shared) / len(whole)


def by_hand(texts, threshold):
    """All with all."""
    return {
        (first, second): jaccard(texts[first], texts[second])
        for first, second in itertools.combinations(range(len(texts)), 2)
        if jaccard(texts[first], texts[second]) >= threshold - 1e-9
    }


def found_in(texts, threshold, **options):
    found = near_duplicates.near(texts, threshold, **options)
    pairs = zip(found.first.tolist(), found.second.tolist(), strict=True)
    return dict(zip(pairs, found.similarity.tolist(), strict=True))


WORDS = ("card", "cards", "late", "later", "my", "order", "is", "卡片", "é", "?")


@given(
    texts=some.lists(
        some.lists(some.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join),
        unique=True,
        max_size=25,
    ),
    threshold=some.sampled_from([0.5, 0.6, 0.75, 0.8, 0.9, 1.0]),
)
def test_near_pairs_are_those_of_all_with_all(texts, threshold):
    """Exact: none is missed and none invented, whatever was filtered on the way."""
    assert found_in(texts, threshold) == pytest.approx(by_hand(texts, threshold))


def test_blocks_change_nothing(monkeypatch):
    texts = [f"order {number} is late" for number in range(40)]
    whole = found_in(texts, 0.6)
    monkeypatch.setattr(near_duplicates, "_AT_ONCE", 7)
    monkeypatch.setattr(near_duplicates, "_COMPARED_AT_ONCE", 3)
    assert found_in(texts, 0.6) == whole == pytest.approx(by_hand(texts, 0.6))
    assert whole


def test_too_many_pairs_are_said_to_be_too_many():
    texts = [f"the order number {number} of mine is late again" for number in range(60)]
    found = near_duplicates.near(texts, 0.6, most=50)
    assert not found.complete
    assert len(found.first) == 50
    assert near_duplicates.near(texts[:3], 0.6, most=50).complete


@pytest.mark.parametrize("texts", [[], [""], ["a"], ["", "a", "b"]])
def test_hardly_any_text_has_no_pair(texts):
    assert found_in(texts, 0.8) == {}


def test_the_most_alike_come_first():
    similarity = near_duplicates.near(["abcdefgh", "abcdefghi", "abcdefghij"], 0.5).similarity
    assert similarity.tolist() == sorted(similarity, reverse=True)


def test_texts_are_compared_in_one_form():
    pooled = near_duplicates.pool(
        {"train": examples("My  Card", "my card", "ｍｙ card", "my cards")}
    )
    assert pooled.forms == ["my card", "my cards"]
    assert pooled.form.tolist() == [0, 0, 0, 1]


def test_both_columns_of_a_pair_count():
    pooled = near_duplicates.pool({"train": examples("a", "a", "A", pair=["x", "y", "X"])})
    assert pooled.form.tolist() == [0, 1, 0]


def test_rows_that_stand_in_another_split_are_counted():
    """By hand: test repeats one text of train twice and is near another; dev repeats itself."""
    splits = {
        "train": examples("where is my card", "thank you", "thank you"),
        "dev": examples("hello there", "hello there", "hello there"),
        "test": examples("Thank you", "thank  you", "where is my card?", "something else"),
    }
    pooled = near_duplicates.pool(splits)
    table = near_duplicates.repeats(pooled, near_duplicates.near(pooled.forms))
    assert table["test"]["train"] == {"equal": 2, "near": 1}
    assert table["train"]["test"] == {"equal": 2, "near": 1}
    assert table["train"]["train"] == {"equal": 1, "near": 0}
    assert table["test"]["test"] == {"equal": 1, "near": 0}
    assert table["dev"]["dev"] == {"equal": 2, "near": 0}
    assert table["dev"]["train"] == table["train"]["dev"] == {"equal": 0, "near": 0}


def test_near_rows_of_one_split_are_counted():
    splits = {"train": examples("where is my card", "where is my card?", "thanks")}
    pooled = near_duplicates.pool(splits)
    table = near_duplicates.repeats(pooled, near_duplicates.near(pooled.forms))
    assert table["train"]["train"] == {"equal": 0, "near": 2}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (np.array([0, 1, -1], np.int32), np.array([1, -1], np.int32)),
        (
            np.array([[1, 0], [0, 1], [np.nan, np.nan]], np.float32),
            np.array([[0, 1], [np.nan, np.nan]], np.float32),
        ),
        (
            np.array([[0.5], [2.0], [np.nan]], np.float32),
            np.array([[2.0], [np.nan]], np.float32),
        ),
    ],
    ids=["classify", "multilabel", "regress"],
)
def test_labels_that_disagree_are_found(train, test):
    """'a' is 0 in train and 1 in test; 'b' agrees with itself; 'c' has no label at all."""
    splits = {
        "train": examples("a", "b", "c", labels=train),
        "test": examples("A", "c", labels=test),
    }
    groups = near_duplicates.conflicts(near_duplicates.pool(splits), splits, "mood")
    assert [group.tolist() for group in groups] == [[0, 3]]


def test_an_unlabelled_twin_is_no_conflict():
    splits = {"train": examples("a", "a", "a", labels=np.array([0, -1, 0], np.int32))}
    assert near_duplicates.conflicts(near_duplicates.pool(splits), splits, "mood") == []
