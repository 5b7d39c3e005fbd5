"""Packing: rows worked by hand, a plain loop as the oracle, and packing undone."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsocial.text import batch as keys
from tfsocial.text import packing

NAN = np.nan
TOKENS = [[2, 7, 3], [2, 3], [2, 5, 6, 3]]
TYPES = [[0, 0, 1], [0, 0], [0, 1, 1, 1]]


def ragged(rows):
    return tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1)


def pack(assignment, row_length, features=None):
    """The rows of `TOKENS` in these places."""
    places = tf.constant(assignment, tf.int64)
    return packing.pack(ragged(TOKENS), ragged(TYPES), features or {}, places, row_length)


def plain_next_fit(lengths, row_length, slots):
    """Next-fit as one would say it."""
    rows, room = [], 0
    for example, length in enumerate(lengths):
        if not rows or length > room or len(rows[-1]) == slots:
            rows.append([])
            room = row_length
        rows[-1].append(example)
        room -= length
    return rows


def filled(assignment):
    """The examples of each row, without the empty slots."""
    return [[example for example in row if example != packing.EMPTY] for row in assignment]


@st.composite
def crowds(draw, shortest=1):
    """(lengths, row_length, slots) in which every example fits a row."""
    row_length = draw(st.integers(1, 12))
    lengths = draw(st.lists(st.integers(shortest, row_length), max_size=25))
    return lengths, row_length, draw(st.integers(1, 5))


@st.composite
def packed_crowds(draw):
    """(examples' tokens, assignment, row_length), the examples in any order."""
    lengths, row_length, slots = draw(crowds().filter(lambda crowd: crowd[0]))
    tokens = [[100 * i + j for j in range(length)] for i, length in enumerate(lengths)]
    order = np.array(draw(st.permutations(range(len(lengths)))))
    places = packing.next_fit(np.array(lengths)[order], row_length, slots).numpy()
    return tokens, np.where(places == packing.EMPTY, places, order[places]), row_length


@pytest.mark.parametrize(
    ("lengths", "row_length", "slots", "expected"),
    [
        ([3, 4, 2, 5], 8, 2, [[0, 1], [2, 3]]),
        ([3, 4, 2, 5], 8, 1, [[0], [1], [2], [3]]),
        ([3, 4, 2, 5], 14, 5, [[0, 1, 2, 3, -1]]),
        ([3, 5, 1], 8, 3, [[0, 1, -1], [2, -1, -1]]),  # 3 + 5 fills a row to the brim
        ([6, 3, 2], 8, 3, [[0, -1, -1], [1, 2, -1]]),  # 2 would fit row 0; next-fit looks not back
        ([8, 8], 8, 2, [[0, -1], [1, -1]]),
        ([], 8, 2, []),
    ],
)
def test_next_fit_by_hand(lengths, row_length, slots, expected):
    """An example goes into the row at hand if tokens and slots allow, else it opens the next."""
    assignment = packing.next_fit(tf.constant(lengths, tf.int32), row_length, slots)
    assert assignment.dtype == tf.int64
    assert assignment.shape == (len(expected), slots)
    assert assignment.numpy().tolist() == expected


@settings(max_examples=50, deadline=None)
@given(crowds(shortest=0))
def test_next_fit_equals_the_plain_loop(crowd):
    """The vectorised form assigns as a loop over the examples does, also where some are empty."""
    lengths, row_length, slots = crowd
    assignment = packing.next_fit(tf.constant(lengths, tf.int32), row_length, slots).numpy()
    assert filled(assignment) == plain_next_fit(*crowd)


@settings(max_examples=40, deadline=None)
@given(crowds())
def test_next_fit_keeps_its_promises(crowd):
    """Every example once and in order; no row too long or too full; empty slots at its end."""
    lengths, row_length, slots = crowd
    assignment = packing.next_fit(tf.constant(lengths, tf.int32), row_length, slots).numpy()
    rows = filled(assignment)
    assert [example for row in rows for example in row] == list(range(len(lengths)))
    assert all(sum(lengths[example] for example in row) <= row_length for row in rows)
    assert all(1 <= len(row) <= slots for row in rows)
    assert [row.tolist()[: len(kept)] for row, kept in zip(assignment, rows, strict=True)] == rows


@pytest.mark.parametrize(
    ("lengths", "row_length", "slots", "expected"),
    [
        ([6, 3, 2], 8, 3, [[0, 2, -1], [1, -1, -1]]),  # 2 goes back to where it fits to the brim
        ([2, 3, 5, 6], 8, 2, [[3, 0], [2, 1]]),
        (
            [3, 5, 3],
            8,
            1,
            [[1], [0], [2]],
        ),  # no space for a second; of equals the first comes first
        (
            [4, 5, 3, 3, 1],
            9,
            2,
            [[1, 0], [2, 3], [4, -1]],
        ),  # 4 leaves 0 after 5; 1 finds full slots
        ([8, 8], 8, 2, [[0, -1], [1, -1]]),
        ([], 8, 2, []),
    ],
)
def test_best_fit_by_hand(lengths, row_length, slots, expected):
    """The longest first, each into the row it leaves the least space in."""
    assignment = packing.best_fit(np.array(lengths, np.int64), row_length, slots)
    assert assignment.dtype == np.int64
    assert assignment.shape == (len(expected), slots)
    assert assignment.tolist() == expected


@settings(max_examples=50, deadline=None)
@given(crowds())
def test_best_fit_keeps_its_promises(crowd):
    """Every example once; no row too long or too full; best-fit decreasing's known bound."""
    lengths, row_length, slots = crowd
    rows = filled(packing.best_fit(np.array(lengths, np.int64), row_length, slots))
    assert sorted(example for row in rows for example in row) == list(range(len(lengths)))
    assert all(sum(lengths[example] for example in row) <= row_length for row in rows)
    assert all(1 <= len(row) <= slots for row in rows)
    if slots > row_length:  # 11/9 OPT + 6/9 (Dosa, 2007), and OPT is at most next-fit's
        assert len(rows) <= 11 / 9 * len(plain_next_fit(*crowd)) + 6 / 9


def test_best_fit_refuses_what_no_row_holds():
    """The caller truncates; whoever forgets is told the length."""
    with pytest.raises(ValueError, match="an example of 9 tokens is longer than a row: 8"):
        packing.best_fit(np.array([3, 9]), 8, 2)


def plain_first_fit(lengths, row_length, slots):
    """First-fit decreasing as one would say it: the lengths in each row."""
    rows = []
    for length in sorted(lengths, reverse=True):
        fitting = (row for row in rows if sum(row) + length <= row_length and len(row) < slots)
        row = next(fitting, None)
        if row is None:
            rows.append([length])
        else:
            row.append(length)
    return rows


@pytest.mark.parametrize(
    ("lengths", "row_length", "slots", "expected"),
    [
        ([6, 3, 2], 8, 3, [[0, 2, -1], [1, -1, -1]]),
        ([3, 5, 3], 8, 1, [[1], [0], [2]]),
        ([2, 2, 2, 2, 2], 8, 3, [[0, 1, 2], [3, 4, -1]]),  # full slots before a full row
        ([5, 4, 3, 4], 9, 2, [[0, 1], [3, 2]]),
        ([8], 8, 1, [[0]]),
        ([], 8, 2, []),
    ],
)
def test_first_fit_by_hand(lengths, row_length, slots, expected):
    """Row by row, each time the longest that fits."""
    assignment = packing.first_fit(tf.constant(lengths, tf.int64), row_length, slots)
    assert (assignment.dtype, assignment.shape) == (tf.int64, (len(expected), slots))
    assert assignment.numpy().tolist() == expected


@settings(max_examples=40, deadline=None)
@given(crowds())
def test_first_fit_equals_the_plain_loop(crowd):
    """Every example once, in rows of the lengths that first-fit decreasing gives."""
    lengths, row_length, slots = crowd
    rows = filled(packing.first_fit(tf.constant(lengths, tf.int32), row_length, slots).numpy())
    assert sorted(example for row in rows for example in row) == list(range(len(lengths)))
    assert [[lengths[example] for example in row] for row in rows] == plain_first_fit(*crowd)


def test_first_fit_in_one_graph():
    """One trace serves every number of examples."""
    traced = tf.function(
        lambda lengths: packing.first_fit(lengths, 8, 2),
        input_signature=[tf.TensorSpec([None], tf.int32)],
    )
    for lengths in ([], [3, 5, 2, 6], [8] * 5):
        eager = packing.first_fit(tf.constant(lengths, tf.int32), 8, 2)
        assert traced(tf.constant(lengths, tf.int32)).numpy().tolist() == eager.numpy().tolist()


def test_first_fit_refuses_what_no_row_holds():
    """Nothing is cut silently."""
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        packing.first_fit(tf.constant([3, 9]), 8, 2)


def test_pack_by_hand():
    """Tokens stand behind each other in slot order; positions restart; padding is all zero."""
    features = {
        keys.EXAMPLE_ID: tf.constant([0, 1, 2], tf.int64),
        keys.WEIGHT: tf.constant([1.0, 0.5, 2.0]),
        keys.label_key("class"): tf.constant([10, 11, 12]),
        keys.label_key("kinds"): tf.constant([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]),
    }
    batch = pack([[2, 0], [1, -1]], 8, features)
    expected = {
        keys.TOKEN_IDS: [[2, 5, 6, 3, 2, 7, 3, 0], [2, 3, 0, 0, 0, 0, 0, 0]],
        keys.SEGMENT_IDS: [[1, 1, 1, 1, 2, 2, 2, 0], [1, 1, 0, 0, 0, 0, 0, 0]],
        keys.POSITION_IDS: [[0, 1, 2, 3, 0, 1, 2, 0], [0, 1, 0, 0, 0, 0, 0, 0]],
        keys.TYPE_IDS: [[0, 1, 1, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0, 0, 0]],
        keys.EXAMPLE_ID: [[2, 0], [1, -1]],
        keys.WEIGHT: [[2.0, 1.0], [0.5, 0.0]],
        keys.label_key("class"): [[12, 10], [11, -1]],
        keys.label_key("kinds"): [[[0, 0], [0, 1]], [[1, 1], [NAN, NAN]]],
    }
    assert set(batch) == set(expected)
    for key, values in expected.items():
        np.testing.assert_array_equal(batch[key], values, err_msg=key)


def test_pack_keeps_the_types_of_the_contract():
    """Dtypes are those `batch.spec` names, whatever the rows hold."""
    features = {keys.EXAMPLE_ID: tf.range(3, dtype=tf.int64), keys.WEIGHT: tf.ones([3])}
    batch = pack([[2, 0], [1, -1]], 8, features)
    for key, spec in keys.spec(keys.Shape(2, 8, 2), {}).items():
        assert (batch[key].dtype, batch[key].shape) == (spec.dtype, spec.shape), key


def test_an_empty_row_holds_nothing():
    """A row without examples, which fills up a batch, is padding throughout."""
    features = {keys.EXAMPLE_ID: tf.range(3, dtype=tf.int64), keys.WEIGHT: tf.ones([3])}
    batch = pack([[-1, -1], [0, -1]], 4, features)
    assert batch[keys.TOKEN_IDS].numpy().tolist() == [[0, 0, 0, 0], [2, 7, 3, 0]]
    assert batch[keys.SEGMENT_IDS].numpy().tolist() == [[0, 0, 0, 0], [1, 1, 1, 0]]
    assert batch[keys.EXAMPLE_ID].numpy().tolist() == [[-1, -1], [0, -1]]
    assert batch[keys.WEIGHT].numpy().tolist() == [[0, 0], [1, 0]]


def test_a_segment_is_numbered_by_its_slot():
    """An example in the second slot is segment 2 even where the first slot is empty."""
    batch = pack([[-1, 1]], 4)
    assert batch[keys.TOKEN_IDS].numpy().tolist() == [[2, 3, 0, 0]]
    assert batch[keys.SEGMENT_IDS].numpy().tolist() == [[2, 2, 0, 0]]


@settings(max_examples=40, deadline=None)
@given(packed_crowds())
def test_the_tokens_of_each_slot_are_the_example(crowd):
    """Reading segment k of a row gives the tokens of slot k - 1's example, positions 0, 1, ..."""
    tokens, assignment, row_length = crowd
    batch = packing.pack(ragged(tokens), ragged(tokens), {}, assignment, row_length)
    for row, slot in np.argwhere(assignment != packing.EMPTY):
        segment = batch[keys.SEGMENT_IDS][row].numpy() == slot + 1
        example = tokens[assignment[row, slot]]
        assert batch[keys.TOKEN_IDS][row].numpy()[segment].tolist() == example
        assert batch[keys.TYPE_IDS][row].numpy()[segment].tolist() == example
        positions = batch[keys.POSITION_IDS][row].numpy()[segment]
        assert positions.tolist() == list(range(len(example)))
    filled_share = sum(map(len, tokens)) / (len(assignment) * row_length)
    padding = packing.padding_share(batch[keys.SEGMENT_IDS])
    assert float(padding) == pytest.approx(1 - filled_share, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(packed_crowds())
def test_unpacking_undoes_packing(crowd):
    """`gather_examples` in the graph and `unpack` on the host give each example its values back."""
    tokens, assignment, row_length = crowd
    values = np.random.default_rng(0).normal(size=[len(tokens), 2]).astype(np.float32)
    features = {keys.EXAMPLE_ID: tf.range(len(tokens), dtype=tf.int64), "values": values}
    batch = packing.pack(ragged(tokens), ragged(tokens), features, assignment, row_length)
    np.testing.assert_array_equal(packing.gather_examples(batch["values"], assignment), values)
    ids, found = packing.unpack(batch[keys.EXAMPLE_ID].numpy(), batch["values"].numpy())
    assert ids.tolist() == list(range(len(tokens)))
    np.testing.assert_array_equal(found, values)


def test_unpack_of_a_few_examples_is_in_their_order():
    """Ids need not be without gaps; the values come with them, ascending."""
    ids, values = packing.unpack(
        np.array([[7, -1], [3, 40]]), np.array([[[70, 71], [0, 0]], [[30, 31], [400, 401]]])
    )
    assert ids.tolist() == [3, 7, 40]
    assert values.tolist() == [[30, 31], [70, 71], [400, 401]]


def test_eager_traced_and_mapped_agree():
    """next_fit and pack give the same eagerly, as a tf.function and inside `tf.data`."""
    tokens, types = ragged(TOKENS), ragged(TYPES)
    features = {keys.WEIGHT: tf.constant([1.0, 0.5, 2.0])}

    def rows(lengths):
        assignment = packing.next_fit(lengths, 6, 2)
        return {"places": assignment, **packing.pack(tokens, types, features, assignment, 6)}

    lengths = tokens.row_lengths()
    eager, traced = rows(lengths), tf.function(rows)(lengths)
    mapped = next(iter(tf.data.Dataset.from_tensors(lengths).map(rows)))
    assert eager["places"].numpy().tolist() == [[0, 1], [2, -1]]
    for key, values in eager.items():
        np.testing.assert_array_equal(traced[key], values, err_msg=key)
        np.testing.assert_array_equal(mapped[key], values, err_msg=key)


def test_one_graph_serves_every_size():
    """Traced once with unknown sizes, it packs any number of examples into any rows."""
    traces = []
    unknown = tf.TensorSpec([], tf.int32)

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.int32), unknown, unknown])
    def rows(tokens, row_length, slots):
        traces.append(tokens)
        assignment = packing.next_fit(tokens.row_lengths(), row_length, slots)
        return packing.pack(tokens, tokens, {}, assignment, row_length)[keys.TOKEN_IDS]

    assert rows(ragged([[1, 2], [3]]), 4, 2).numpy().tolist() == [[1, 2, 3, 0]]
    assert rows(ragged([[1, 2], [3], [4]]), 2, 3).numpy().tolist() == [[1, 2], [3, 4]]
    assert rows(ragged([]), 2, 3).shape == (0, 2)
    assert len(traces) == 1


@pytest.mark.parametrize("lengths", [[5, 2], [2, 5], [2, 5, 2], [9, 1]])
@pytest.mark.parametrize("mapped", [False, True], ids=["eager", "mapped"])
def test_an_example_longer_than_a_row_raises(lengths, mapped):
    """It never runs on into the next row, where it would mix with another example."""
    tokens = ragged([[1] * length for length in lengths])

    def rows(lengths):
        return packing.pack(tokens, tokens, {}, packing.next_fit(lengths, 4, 2), 4)

    def mapped_rows(lengths):
        return list(tf.data.Dataset.from_tensors(lengths).map(rows))

    with pytest.raises(tf.errors.InvalidArgumentError):
        (mapped_rows if mapped else rows)(tokens.row_lengths())
