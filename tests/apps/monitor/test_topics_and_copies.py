"""What texts are about, and which are copies of one another."""

from __future__ import annotations

import random

import hypothesis
import hypothesis.strategies as st
import pytest

from tests.apps.monitor import by_hand
from tfsocial.apps.monitor import copies, topics
from tfsocial.errors import InputError


def words(tmp_path, *lines: str):
    path = tmp_path / "topics.csv"
    path.write_text("\n".join(["topic,words", *lines]) + "\n", encoding="utf-8")
    return path


# --- topics -------------------------------------------------------------------------------


def test_topics_that_messages_bring_along():
    by_field = topics.ByField("about")
    assert by_field({"about": "bank"}, ()) == ["bank"]
    assert by_field({"about": ["bank", "car", "bank", " ", 5]}, ()) == ["bank", "car"]
    assert by_field({"about": None}, ("said",)) == by_field({}, ()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Buy $AAPL, sell $FB", ["apple", "face"]),
        ("pineapple and AAPLX", []),
        ("APPLE's ｆｂ", ["apple", "face"]),
        ("我在中国银行", ["bank"]),
        ("bank of apple", ["apple", "bank"]),
    ],
)
def test_topics_by_words_that_stand_alone(tmp_path, text, expected):
    path = words(tmp_path, "apple,apple|$AAPL", "face,FB|$FB", "bank,银行|bank")
    assert topics.of_flag(f"words:{path}", has_topics=False)({"text": text}, ()) == expected


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "has no lines"),
        (["a,x", "a,y"], ":3: topic: 'a' stands twice"),
        ([",x"], ":2: topic: write one"),
        (["a,|"], ":2: words: write some"),
    ],
)
def test_a_table_of_words_that_cannot_be_names_its_line(tmp_path, lines, said):
    with pytest.raises(InputError, match=said):
        topics.read_words(words(tmp_path, *lines))


def test_flags_that_are_none_say_what_to_write(tmp_path):
    for value in ("words", "field:", "model:x", "other"):
        with pytest.raises(InputError, match="write model, field:NAME or words:FILE"):
            topics.of_flag(value, has_topics=True)
    with pytest.raises(InputError, match="the model has one task alone"):
        topics.of_flag("model", has_topics=False)
    with pytest.raises(InputError, match="cannot be read"):
        topics.of_flag(f"words:{tmp_path / 'none.csv'}", has_topics=False)
    assert topics.of_flag("", has_topics=False) == topics.ByField("topic")
    assert topics.of_flag("", has_topics=True)({}, ["a", "b"]) == ["a", "b"]


# --- copies -------------------------------------------------------------------------------


def test_the_similarity_of_two_texts_by_hand():
    """abcd has abc and bcd, abce has abc and bce: one of three."""
    assert copies.similarity(copies.grams("abcd"), copies.grams("abce")) == pytest.approx(1 / 3)


@hypothesis.given(st.text(max_size=80))
def test_a_text_has_the_bands_of_its_repost(text):
    repost = f"RT @someone: {text} https://t.co/a1"
    one, other = copies.bands([text, repost])
    if copies.core(text) == copies.core(repost):
        assert one.tolist() == other.tolist()
    assert one.shape == (copies.BANDS,)


def test_of_pairs_that_are_alike_nearly_all_share_a_band_and_of_others_hardly_any():
    draw = random.Random(3)
    texts = [by_hand.text(draw) + " " + by_hand.text(draw) for _ in range(150)]
    changed = [text.replace(" fine", " good", 1) for text in texts]
    own, other = copies.bands(texts), copies.bands(changed)
    alike = [
        copies.similarity(copies.grams(one), copies.grams(two)) >= copies.NEAR
        for one, two in zip(texts, changed, strict=True)
    ]
    shared = (own == other).any(1)
    assert sum(alike) > 50
    assert shared[alike].mean() > 0.97
    unlike = (own[:-1] == own[1:]).any(1)
    assert unlike.mean() < 0.3
