"""Texts of a request, packed as tightly as they can be."""

from __future__ import annotations

import tensorflow as tf
from rows_by_hand import CLS, PYTHON_OPS, SEP, A, B, C, D, operations

from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.text.requests import pack_texts

# --- pack_texts -----------------------------------------------------------------------------


def test_pack_texts_by_hand(tokenizer):
    """As few rows as next-fit needs, and the assignment that takes results back to texts."""
    texts = [tf.constant(["a b", "c", "a b c d"])]
    batch, assignment = pack_texts(texts, tokenizer, row_length=7, slots=4)
    assert batch[keys.TOKEN_IDS].numpy().tolist() == [
        [CLS, A, B, SEP, CLS, C, SEP],
        [CLS, A, B, C, D, SEP, 0],
    ]
    assert batch[keys.SEGMENT_IDS].numpy().tolist() == [[1, 1, 1, 1, 2, 2, 2], [1] * 6 + [0]]
    assert assignment.numpy().tolist() == [[0, 1, -1, -1], [2, -1, -1, -1]]
    assert batch[keys.EXAMPLE_ID].numpy().tolist() == assignment.numpy().tolist()
    assert batch[keys.WEIGHT].numpy().tolist() == [[1, 1, 0, 0], [1, 0, 0, 0]]


def test_a_short_text_pays_for_its_own_tokens_only(tokenizer):
    """The row is as long as all texts together where they do not fill one."""
    batch, _ = pack_texts([tf.constant(["a", "b c"])], tokenizer, row_length=64, slots=4)
    assert batch[keys.TOKEN_IDS].numpy().tolist() == [[CLS, A, SEP, CLS, B, C, SEP]]


def test_texts_of_about_one_length_have_a_row_each(tokenizer):
    """Of 5, 5 and 4 tokens 15 places are filled to more than eight ninths; of 5, 3 and 3 not."""
    batch, assignment = pack_texts([tf.constant(["a b c", "b c d", "c d"])], tokenizer, 64, 4)
    assert batch[keys.TOKEN_IDS].shape == [3, 5]
    assert assignment.numpy()[:, 0].tolist() == [0, 1, 2]
    batch, _ = pack_texts([tf.constant(["a b c", "b", "c"])], tokenizer, 64, 4)
    assert batch[keys.TOKEN_IDS].shape == [1, 11]


def test_pack_texts_takes_pairs_and_cuts_long_texts(tokenizer):
    """Two columns make one example; no example is longer than a row."""
    columns = [tf.constant(["a"]), tf.constant(["b c d"])]
    batch, _ = pack_texts(columns, tokenizer, row_length=5, slots=2)
    assert batch[keys.TOKEN_IDS].numpy().tolist() == [[CLS, A, SEP, B, SEP]]
    assert batch[keys.TYPE_IDS].numpy().tolist() == [[0, 0, 0, 1, 1]]


def test_pack_texts_in_one_graph(tokenizer):
    """Traced for any number of texts, none included, without Python in the graph."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def ids(texts):
        batch, assignment = pack_texts([texts], tokenizer, 6, 2)
        return packing.gather_examples(batch[keys.EXAMPLE_ID], assignment)

    for count in (0, 1, 5):
        assert ids(tf.constant(["a b"] * count, tf.string)).numpy().tolist() == list(range(count))
    assert not operations(ids.get_concrete_function().graph.as_graph_def()) & PYTHON_OPS
