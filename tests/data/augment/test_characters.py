"""Typing mistakes, one kind at a time, at a rate of 1."""

from __future__ import annotations

from collections import Counter

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsocial.data.augment import table
from tfsocial.data.augment.characters import CharacterNoise
from tfsocial.errors import InputError

from .conftest import moment_of


def typed(text: str, *kinds: str, rate: float = 1.0, seed: int = 1) -> str:
    op = CharacterNoise(rate=rate, kinds=kinds) if kinds else CharacterNoise(rate=rate)
    return op(tf.constant([text]), moment_of(1, seed=seed))[0].numpy().decode()


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("swap", "abcd, efg", "badc, feg"),
        ("swap", "你好吗？", "好你吗？"),
        ("swap", "ab你c", "ba你c"),  # never across scripts
        ("swap", "aab", "aba"),  # equal letters have nothing to change
        ("drop", "abc, de f", "a, d f"),
        ("drop", "你好吗，abc", "你，a"),
        ("case", "aBc É ß 你 1", "AbC é ß 你 1"),
        ("look_alike", "B0z 末", "8O2 未"),
        ("neighbour", "你好，É é - !", "你好，É é - !"),
        ("look_alike", "你好 xyw", "你好 xyw"),
    ],
)
def test_by_hand(kind, text, expected):
    """What each kind does to every character that can suffer it."""
    assert typed(text, kind) == expected


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_are_beside_the_key(seed):
    """Of g: f, h and the keys above and below; upper case stays, digits stay digits."""
    assert typed("g", "neighbour", seed=seed) in set("fhtyvb")
    assert typed("G", "neighbour", seed=seed) in set("FHTYVB")
    assert typed("5", "neighbour", seed=seed) in {"4", "6"}


def test_the_second_of_a_pair_suffers_nothing_else():
    """With swap and case at rate 1 each letter moved or turned, none both."""
    for seed in range(20):
        after = typed("abcdefgh", "swap", "case", seed=seed)
        assert sorted(after.lower()) == list("abcdefgh")
        for place, letter in enumerate(after):
            assert letter.isupper() == ("abcdefgh"[place] == letter.lower())


@given(st.text(max_size=30), st.sampled_from([0.2, 1.0]), st.integers(0, 50))
@settings(max_examples=60)
def test_any_text_stays_a_text(text, rate, seed):
    """No longer than before, and what is neither letter nor digit stays."""
    text = text.encode("utf-8", "ignore").decode()
    after = typed(text, rate=rate, seed=seed)
    assert len(after) <= len(text)
    marks = [letter for letter in text if not letter.isalnum() and letter in " ,.!，。\t"]
    assert Counter(marks) <= Counter(after)


def test_share_is_the_rate():
    """A twentieth of 60,000 letters turns its case, within 5 standard deviations."""
    many = tf.fill([1000], "abcdefghij" * 6)
    after = CharacterNoise(rate=0.05, kinds=("case",))(many, moment_of(1000)).numpy()
    turned = sum(letter.isupper() for text in after for letter in text.decode())
    assert turned == pytest.approx(3000, abs=5 * (60_000 * 0.05 * 0.95) ** 0.5)


def test_all_kinds_come():
    """With all kinds at rate 1 each of them shows somewhere."""
    after = "".join(typed("sebastian", seed=seed) for seed in range(30))
    assert any(letter.isupper() for letter in after)
    assert set(after) & set("53@1$6")
    assert len(after) < 30 * len("sebastian")


def test_an_unknown_kind_is_refused():
    """By its key path."""
    with pytest.raises(InputError, match=r"^at\.kinds\.0 is 'typo'; input should be 'neighbour'"):
        table.build("character_noise", {"kinds": ["typo"]}, "at")
