"""Ops one after another: whom they touch, and that each has chance of its own."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial import config
from tfsocial.data.augment import chain, table
from tfsocial.data.augment.chain import Chain
from tfsocial.errors import InputError

MANY = 2000


def run(ops, texts, seed=0, branch=0, epoch=0, progress=0.0):
    """Texts after these ops, examples 0, 1 and so on."""
    built = Chain(table.build_all(ops, "at", None), seed, branch)
    examples = tf.range(len(texts), dtype=tf.int64)
    (after,) = built.texts([tf.constant(texts)], examples, epoch, tf.constant(progress))
    return [text.decode() for text in after.numpy()]


def test_touches_the_share_it_should():
    """A quarter of the examples, others in another epoch, and what a schedule says."""
    quarter = [{"number_mask": {"probability": 0.25}}]
    after = run(quarter, ["1"] * MANY)
    assert after.count("0") == pytest.approx(MANY / 4, abs=5 * (MANY * 3 / 16) ** 0.5)
    assert run(quarter, ["1"] * MANY, epoch=1) != after
    moving = [{"number_mask": {"probability": {"start": 0.0, "end": 1.0}}}]
    assert run(moving, ["1"] * 50, progress=0.0) == ["1"] * 50
    assert run(moving, ["1"] * 50, progress=1.0) == ["0"] * 50


def test_ops_come_in_their_order():
    """What the second sees is what the first left."""
    mask, swap = {"number_mask": {}}, {"character_noise": {"rate": 1.0, "kinds": ["look_alike"]}}
    assert run([mask, swap], ["12"]) == ["O"]
    assert run([swap, mask], ["22"]) == ["ZZ"]


def test_equal_ops_and_views_have_chance_of_their_own():
    """Twice the same op is not once, and another branch draws other numbers."""
    texts, drop = ["a b c d e f g h"] * 200, {"word_drop": {"rate": 0.5}}
    once = run([drop], texts)
    twice = run([drop, drop], texts)
    assert np.mean([len(text) for text in twice]) < 0.8 * np.mean([len(text) for text in once])
    assert run([drop], texts, branch=1) != once
    assert run([drop], texts) == once


def test_columns_of_a_pair_differ_in_chance_not_in_being_touched():
    """Both texts of an example are augmented or neither, and not in the same way."""
    built = Chain(
        table.build_all([{"word_drop": {"rate": 0.5, "probability": 0.5}}], "at", None), 0
    )
    texts = tf.constant(["a b c d e f g h i j k l"] * 300)
    examples = tf.range(300, dtype=tf.int64)
    first, second = built.texts([texts, texts], examples, 0, tf.constant(0.0))
    touched = [(column != texts).numpy() for column in (first, second)]
    assert np.mean(touched[0] == touched[1]) > 0.98  # at 0.5 few texts of 12 words lose none
    assert np.mean((first == second).numpy()[touched[0]]) < 0.1


def test_tokens_of_untouched_examples_stay(tokenizer):
    """Rows are chosen whole."""
    ops = table.build_all([{"token_drop": {"rate": 1.0, "probability": 0.5}}], "at", None)
    parts = tokenizer.word_parts(np.arange(tokenizer.vocabulary_size))
    built = Chain(ops, 0, word_parts=parts)
    tokens, types, _ = tokenizer(tf.constant(["a b c"] * 100), max_length=8)
    after, kinds = built.tokens(tokens, types, tf.range(100, dtype=tf.int64), 0, tf.constant(0.0))
    lengths = after.row_lengths().numpy()
    assert set(lengths) == {3, 5}
    assert kinds.row_lengths().numpy().tolist() == lengths.tolist()


class TestBuild:
    def test_views_of_a_config(self):
        """The ordinary pass has the ops of `augment`, the second view those of `view`."""
        ops = {
            "augment": ["word_drop", {"token_mask": {"rate": 0.2}}],
            "second_view": [{"cutoff": None}],
        }
        views = chain.build(config.parse({"data": ops}).data, 0)
        assert [op.name for op in views[""].ops] == ["word_drop", "token_mask"]
        assert [op.name for op in views["augmented"].ops] == ["cutoff"]
        assert (views[""].reads_text, views[""].reads_tokens) == (True, True)
        assert (views["augmented"].reads_text, views["augmented"].reads_tokens) == (False, True)

    def test_without_ops_there_is_nothing(self):
        """No chains at all; with a view alone the ordinary one leaves texts as they are."""
        assert chain.build(config.Data(), 0) == {}
        views = chain.build(config.parse({"data": {"second_view": ["cutoff"]}}).data, 0)
        assert views[""].ops == ()

    @pytest.mark.parametrize(
        ("ops", "sentence"),
        [
            ([{"word_drop": {}, "word_swap": {}}], r"data\.augment\.0 should name one op"),
            ([{"word_drop": {"rate": 2}}], r"data\.augment\.0\.word_drop\.rate is 2; input should"),
            (
                ["word_dorp"],
                r"data\.augment\.0\.word_dorp is not a known op; did you mean word_drop",
            ),
        ],
    )
    def test_refuses_by_key_path(self, ops, sentence):
        """Before any data is read."""
        with pytest.raises(InputError, match=sentence):
            chain.build(config.parse({"data": {"augment": ops}}).data, 0)
