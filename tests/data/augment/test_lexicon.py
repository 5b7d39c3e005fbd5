"""The words of train, counted and weighed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.data.augment import pieces
from tfsocial.data.augment.lexicon import Lexicon, WordList

# IDF: a log(4/4) = 0, b log(4/2), c log 4; d is in none.
CORPUS = ("a b b", "A c", "a b", "a")


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.of([CORPUS])


def test_counts(lexicon):
    """Occurrences and texts, whatever the case."""
    assert lexicon.words.words == ("a", "b", "c")
    assert lexicon.counts.tolist() == [4, 3, 1]
    assert lexicon.texts_with.tolist() == [4, 2, 1]
    np.testing.assert_allclose(lexicon.idf, np.log([1, 2, 4, 4]), rtol=1e-6)


def test_counts_do_not_depend_on_blocks(lexicon, monkeypatch):
    """Texts cut three at once are the same texts."""
    monkeypatch.setattr("tfsocial.data.augment.lexicon._AT_ONCE", 3)
    again = Lexicon.of([CORPUS])
    assert (again.words, again.texts) == (lexicon.words, lexicon.texts)
    np.testing.assert_array_equal(again.counts, lexicon.counts)


def test_pairs_are_texts_too():
    """Two columns count as one after the other."""
    assert Lexicon.of([["a"], ["b a"]]).texts == 2


def test_word_list_finds_its_own():
    """Places in any case, Chinese too; -1 of what is not there; nothing in an empty list."""
    words = tf.constant(["Card", "卡", "x", "card"])
    assert WordList(("卡", "card")).index(words).numpy().tolist() == [1, 0, -1, 1]
    assert WordList(()).index(words).numpy().tolist() == [-1] * 4


def test_tf_idf_rates_by_hand(lexicon):
    """Text "a b b c d": t = (0, 2 log 2, 2 log 2, log 4, log 4), all but a are equal at the top.

    Spare is log 4 for a and 0 else, of mean log(4) / 5: a is touched with 5 times the rate.
    """
    found = pieces.cut(tf.constant(["a b b c d"]))
    spared = lexicon.tf_idf_rates(tf.constant(0.1), found)
    np.testing.assert_allclose(spared, [0.5, 0, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(lexicon.tf_idf_rates(tf.constant(0.5), found)[0], 1.0)  # not 2.5


def test_all_equal_have_the_rate_itself(lexicon):
    """Nothing tells more than anything else."""
    spared = lexicon.tf_idf_rates(tf.constant(0.1), pieces.cut(tf.constant(["c d", "b"])))
    np.testing.assert_allclose(spared, [0.1] * 3, rtol=1e-6)


def test_texts_do_not_see_each_other(lexicon):
    """Term frequency and maximum are those of the text alone."""
    together = lexicon.tf_idf_rates(
        tf.constant(0.1), pieces.cut(tf.constant(["a c", "a c c", "b a"]))
    )
    alone = [
        lexicon.tf_idf_rates(tf.constant(0.1), pieces.cut(tf.constant([text]))).numpy()
        for text in ("a c", "a c c", "b a")
    ]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-6)


def test_words_that_say_little_stand_in(lexicon):
    """S = count * IDF = (0, 3 log 2, log 4): shares (3, 0, 1) / 4 of a, b and c."""
    u = tf.constant((np.arange(1000) + 0.5) / 1000, tf.float32)
    drawn = lexicon.draw(u).numpy().tolist()
    assert [drawn.count(word) for word in (b"a", b"b", b"c")] == [750, 0, 250]


def test_of_equal_words_all_stand_in():
    """Two words that say as much are drawn alike."""
    drawn = Lexicon.of([["x y"]]).draw(tf.constant([0.0, 0.49, 0.51, 0.999999])).numpy()
    assert drawn.tolist() == [b"x", b"x", b"y", b"y"]
