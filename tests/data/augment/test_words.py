"""Words that vanish, change places, come in: worked by hand, and what holds for any text."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsocial.data.augment import neighbours, pieces
from tfsocial.data.augment.contract import TextOp
from tfsocial.data.augment.words import MARKS, WordDrop, WordInsert, WordReplace, WordSwap

from .conftest import moment_of

# Letters, spaces, Chinese, marks, a combining accent, an emoji, the separator used inside.
texts = st.text(st.sampled_from(list("ab'’ ,.\t\n你好吗，1é\u0301👍\x1f")), max_size=24)


def words(text: str) -> list[str]:
    return [word.decode() for word in pieces.cut(tf.constant([text])).units.numpy()]


def applied(op: TextOp, text: str, seed: int = 1) -> str:
    return op(tf.constant([text]), moment_of(1, seed=seed))[0].numpy().decode()


@given(texts)
@settings(max_examples=80)
def test_cut_and_joined_is_the_text(text):
    """Whatever is cut is put together again; only the separator itself is lost."""
    assert pieces.cut(tf.constant([text])).joined()[0].numpy().decode() == text.replace("\x1f", "")


def test_pieces_say_where_they_stand():
    """Rows and places of two texts around an empty one."""
    found = pieces.cut(tf.constant(["a b", "", " 好c"]))
    assert found.row.numpy().tolist() == [0, 0, 2, 2]
    assert found.place.numpy().tolist() == [0, 1, 0, 1]
    assert found.counts.numpy().tolist() == [2, 0, 2]
    assert found.head.numpy().tolist() == [b"", b"", b" "]


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_every_other_leaves_no_two_neighbours(selected):
    """Of any run half remain, rounded up; exchanging by them is an order."""
    swaps = neighbours.every_other(tf.constant([*selected, False])).numpy()
    assert not np.any(swaps[1:] & swaps[:-1])
    runs = "".join("x" if chosen else " " for chosen in selected).split()
    assert swaps.sum() == sum((len(run) + 1) // 2 for run in runs)
    assert sorted(neighbours.exchanged(tf.constant(swaps)).numpy()) == list(range(len(swaps)))


class TestDrop:
    def test_at_rate_1_one_word_remains(self):
        """What stands between words stays, but for the space after a word that went."""
        left = applied(WordDrop(rate=1.0), "one two, three! 四")
        assert left in ("one , !", "two, !", ", three! ", ", ! 四")

    def test_at_rate_1_one_character_of_chinese_remains(self):
        """Each character is a word; the mark is none."""
        assert applied(WordDrop(rate=1.0), "你好吗？") in ("你？", "好？", "吗？")

    @given(texts, st.sampled_from([0.3, 1.0]), st.integers(0, 50))
    @settings(max_examples=40)
    def test_leaves_words_in_their_order(self, text, rate, seed):
        """A subsequence, and a text that had a word keeps one."""
        before, after = words(text), words(applied(WordDrop(rate=rate), text, seed))
        assert (not before) == (not after)
        assert len(after) <= len(before)

    def test_share_is_the_rate(self):
        """3,000 texts of ten words lose three each on average, within 5 standard deviations."""
        many = tf.fill([3000], "a b c d e f g h i j")
        left = pieces.cut(WordDrop(rate=0.3)(many, moment_of(3000))).counts.numpy()
        assert left.mean() == pytest.approx(7.0, abs=5 * np.sqrt(10 * 0.3 * 0.7 / 3000))


class TestSwap:
    def test_at_rate_1_all_pairs_change_places(self):
        """Five words are two pairs and one; marks and spaces stay where they are."""
        assert applied(WordSwap(rate=1.0), "a  b, c d e!") == "b  a, d c e!"
        assert applied(WordSwap(rate=1.0), "你好 吗") == "好你 吗"

    @given(texts, st.integers(0, 50))
    @settings(max_examples=40)
    def test_keeps_all_words(self, text, seed):
        """The same words, each at most one place from where it was."""
        # Ideographs beside letters are words of their own, but letters may meet and become one.
        spaced = " ".join(words(text))
        before, after = words(spaced), words(applied(WordSwap(rate=0.5), spaced, seed))
        assert Counter(after) == Counter(before)
        assert all(word in before[max(0, i - 1) : i + 2] for i, word in enumerate(after))

    def test_does_not_reach_into_the_next_text(self):
        """The last word of a text has no next one."""
        after = WordSwap(rate=1.0)(tf.constant(["a", "b c", "d"]), moment_of(3)).numpy()
        assert after.tolist() == [b"a", b"c b", b"d"]


class TestInsert:
    def test_at_rate_1_every_word_is_followed_by_one_of_the_text(self):
        """Between Chinese characters no space comes in."""
        after = words(applied(WordInsert(rate=1.0), "a b 你"))
        assert (after[0::2], set(after[1::2]) <= {"a", "b", "你"}) == (["a", "b", "你"], True)
        assert " " not in applied(WordInsert(rate=1.0), "你好吗")

    def test_marks_come_in(self):
        """AEDA: each word is followed by one of six marks."""
        after = applied(WordInsert(rate=1.0, source="marks"), "a b c").split()
        assert after[0::2] == ["a", "b", "c"]
        assert set(after[1::2]) <= set(MARKS)

    def test_words_of_train_come_in(self):
        """They are those of the lexicon."""
        known = moment_of(1).lexicon.words.words
        after = words(applied(WordInsert(rate=1.0, source="corpus"), "zz zz zz"))
        assert set(after[1::2]) <= {word for name in known for word in words(name)}


class TestReplace:
    def test_at_rate_1_uniform_no_word_is_the_texts_own(self):
        """Every word gives way to one of train; marks stay."""
        after = applied(WordReplace(rate=1.0, choose="uniform"), "zz, zz! zz")
        assert (after.count(","), after.count("!"), "zz" in after) == (1, 1, False)

    def test_tf_idf_spares_the_word_that_tells_most(self):
        """At any rate the word of the highest TF-IDF in a text has probability 0."""
        # "refund" is in one text of eight, "card" and "the" are in this one twice.
        text = "the card is late the card is refund"
        context = moment_of(1)
        found = pieces.cut(tf.constant([text]))
        even = tf.constant(0.2)
        spared = context.lexicon.tf_idf_rates(even, found).numpy()
        assert spared.min() == 0.0
        assert spared.mean() == pytest.approx(0.2, rel=1e-5)
