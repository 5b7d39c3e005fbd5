"""Words of token ids that are hidden, vanish or change places: worked by hand, and properties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsocial.data.augment.tokens import (
    Cutoff,
    TokenDrop,
    TokenMask,
    TokenSpan,
    TokenSwap,
    words_of,
)

from .conftest import moment_of

PAD, UNK, CLS, SEP, MASK = range(5)
A, B, C, D = 5, 6, 7, 8
_B, _C = 14, 15  # ##b, ##c
OPS = (TokenMask, TokenSpan, TokenDrop, TokenSwap, Cutoff)

word_lists = st.lists(
    st.lists(st.integers(0, 7), min_size=1, max_size=3), min_size=0, max_size=9
)  # letters of each word: the first alone, the others as pieces


def framed(words: list[list[int]], second: list[list[int]] | None = None) -> list[int]:
    """Token ids of a text, or two, of these words."""
    ids = [CLS]
    for part in (words, second):
        if part is not None:
            ids += [
                letter + (5 if place == 0 else 13)
                for word in part
                for place, letter in enumerate(word)
            ]
            ids.append(SEP)
    return ids


@pytest.fixture(scope="module")
def parts(pieces_tokenizer):
    return pieces_tokenizer.word_parts(np.arange(pieces_tokenizer.vocabulary_size))


@pytest.fixture(scope="module")
def run(parts):
    """`run(op, rows, seed)`: the rows of ids after an op."""

    def applied(op, rows, seed=1):
        tokens = tf.ragged.constant(rows, tf.int32, ragged_rank=1)
        context = replace(moment_of(len(rows), seed=seed), word_parts=parts)
        after, types = op(tokens, tf.zeros_like(tokens), context)
        assert types.row_lengths().numpy().tolist() == after.row_lengths().numpy().tolist()
        return after.to_list()

    return applied


def words_in(ids: list[int]) -> list[tuple[int, ...]]:
    """The words of ids that are not special, each with its pieces."""
    words: list[list[int]] = []
    fresh = True
    for token in ids:
        if token in (CLS, SEP):
            fresh = True
        elif token < 13 or fresh:
            words.append([token])
            fresh = False
        else:
            words[-1].append(token)
    return [tuple(word) for word in words]


def test_words_of_two_texts(parts):
    """A piece belongs to the word before it; special tokens are words that are not in the text."""
    rows = tf.ragged.constant([[CLS, A, _B, C, SEP, D, SEP], [CLS, SEP]], tf.int32, ragged_rank=1)
    words = words_of(rows, parts)
    assert words.first.numpy().tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
    assert words.length.numpy().tolist() == [1, 2, 1, 1, 1, 1, 1, 1]
    assert words.row.numpy().tolist() == [0] * 6 + [1] * 2
    assert words.place.numpy().tolist() == [0, 0, 1, 2, 2, 3, 0, 0]
    assert words.in_text.numpy().tolist() == [False, True, True, False, True, False, False, False]
    assert words.counts.numpy().tolist() == [3, 0]
    assert words.of_token.numpy().tolist() == [0, 1, 1, 2, 3, 4, 5, 6, 7]


def test_at_rate_1_all_words_are_masked(run):
    """Special tokens are not."""
    for op in (TokenMask(rate=1.0), TokenSpan(rate=1.0)):
        after = run(op, [[CLS, A, _B, SEP, C, SEP], [CLS, SEP]])
        assert after == [[CLS, MASK, MASK, SEP, MASK, SEP], [CLS, SEP]]


def test_at_rate_1_pairs_change_places(run):
    """With all their pieces; never across the separator or into the next text."""
    rows = [[CLS, A, _B, _C, B, C, SEP, D, SEP], [CLS, A, SEP], [CLS, B, C, _B, SEP]]
    assert run(TokenSwap(rate=1.0), rows) == [
        [CLS, B, A, _B, _C, C, SEP, D, SEP],
        [CLS, A, SEP],
        [CLS, C, _B, B, SEP],
    ]


@pytest.mark.parametrize(
    "op", [TokenDrop(rate=1.0), Cutoff(rate=1.0), Cutoff(rate=1.0, kind="token")]
)
def test_at_rate_1_one_word_remains(run, op):
    """A whole one."""
    for seed in range(5):
        ((first, *rest), (cls, sep)) = run(op, [[CLS, A, _B, C, _C, D, SEP], [CLS, SEP]], seed)
        assert (first, cls, sep) == (CLS, CLS, SEP)
        assert rest in ([A, _B, SEP], [C, _C, SEP], [D, SEP])


@given(word_lists, word_lists, st.sampled_from([0.3, 1.0]), st.sampled_from(OPS), st.integers(0, 9))
@settings(max_examples=60)
def test_words_go_as_a_whole(run, first, second, rate, op, seed):
    """Special tokens stay; what is left are words of the text, or nothing but masks."""
    ids = framed(first, second)
    (after,) = run(op(rate=rate), [ids], seed)
    assert (after[0], after[-1], after.count(SEP), len(after) <= len(ids)) == (CLS, SEP, 2, True)
    left, whole = words_in(after), words_in(ids)
    if op in (TokenMask, TokenSpan):
        assert len(after) == len(ids)
        assert all(new in (old, MASK) for new, old in zip(after, ids, strict=True))
        for word, start in _places(ids):
            masked = [after[start + k] == MASK for k in range(len(word))]
            assert all(masked) or not any(masked)
    else:
        assert all(word in whole for word in left)
        assert (not left) == (not whole)


def _places(ids):
    """Each word and where it begins."""
    start = 0
    for word in words_in(ids):
        while tuple(ids[start : start + len(word)]) != word:
            start += 1
        yield word, start
        start += len(word)


@pytest.mark.parametrize(
    "op", [TokenMask(rate=0.3), TokenSpan(rate=0.3), TokenSpan(rate=0.3, length=1)]
)
def test_share_masked_is_the_rate(run, op):
    """Of 20,000 words, the first and the last ones of a text like those within."""
    after = np.array(run(op, [[CLS, *[A] * 10, SEP]] * 2000))
    share = (after[:, 1:-1] == MASK).mean(0)
    np.testing.assert_allclose(share, 0.3, atol=5 * np.sqrt(0.21 / 2000))


def test_spans_are_runs(run):
    """Masked words stand in runs of at least `length`, but at the ends of a text."""
    for ids in run(TokenSpan(rate=0.3, length=3), [[CLS, *[A] * 20, SEP]] * 50):
        runs = "".join("x" if token == MASK else " " for token in ids[1:-1])
        assert all(len(run) >= 3 for run in runs.strip("x").split())


@pytest.mark.parametrize("kind", ["span", "token"])
def test_cutoff_takes_its_share(run, kind):
    """Of ten words at 0.25 two or three, in half of the texts each; a span is one run."""
    letters = [[CLS, *range(A, A + 8), PAD + 1, 12, SEP]] * 400
    lengths = []
    for ids in run(Cutoff(rate=0.25, kind=kind), letters):
        lengths.append(len(ids) - 2)
        if kind == "span":
            kept = "".join("x" if token in ids else " " for token in letters[0][1:-2])
            assert len(kept.split()) <= 2
    assert set(lengths) == {7, 8}
    assert 150 < lengths.count(8) < 250


def test_cutoff_spans_fall_anywhere(run):
    """Each word of a text is cut off in some example."""
    rows = run(Cutoff(rate=0.25), [[CLS, *range(A, A + 8), SEP]] * 200)
    for letter in range(A, A + 8):
        missing = sum(letter not in ids for ids in rows)
        assert 5 < missing < 100
