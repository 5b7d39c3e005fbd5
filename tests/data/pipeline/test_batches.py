"""The data pipeline: tokens worked by hand, epochs counted, graphs searched for Python."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import PYTHON_OPS, examples, first, operations
from tensorflow.core.framework import graph_pb2
from tokenized_by_hand import encoded_of

from tfsocial.data.pipeline import shuffling, tokenized_split
from tfsocial.data.pipeline.batches import evaluation_batches, steps_per_epoch, training_batches
from tfsocial.data.pipeline.tokenized_split import tokenize_split
from tfsocial.data.reading import mmap_columns
from tfsocial.text import batch as keys
from tfsocial.text import packing


def varied(count):
    """Examples of lengths 1 to 7 in no order."""
    return encoded_of(1 + (np.arange(count) * 5) % 7)


def ids_in_order(batches):
    """Ids of the examples as a reader meets them, row by row."""
    ids = np.concatenate([batch[keys.EXAMPLE_ID].numpy().ravel() for batch in batches])
    return ids[ids != packing.EMPTY]


def same(batches, others):
    """Whether two lists of batches are equal in every value of every key."""
    return all(
        set(one) == set(other) and all(np.array_equal(one[key], other[key]) for key in one)
        for one, other in zip(batches, others, strict=True)
    )


def dataset_operations(dataset):
    graph = graph_pb2.GraphDef()
    serialized = tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor)
    graph.ParseFromString(serialized.numpy())
    return operations(graph)


# --- training -------------------------------------------------------------------------------


def test_who_shares_a_row_is_worked_out_once(tokenizer, tmp_path, monkeypatch):
    """Within a run, and with a cache within all of them; another shape is another question."""
    texts, shape, asked = examples(["a b", "c", "d"]), keys.Shape(1, 8, 2), []
    best_fit = packing.best_fit

    def counted(*args):
        asked.append(args[1:])
        return best_fit(*args)

    monkeypatch.setattr(packing, "best_fit", counted)
    for cache, expected in ((None, 1), (str(tmp_path), 1), (str(tmp_path), 0)):
        encoded = tokenize_split(texts, tokenizer, 8, cache)
        asked.clear()
        steps = steps_per_epoch(encoded, shape)
        batches = first(training_batches(encoded, shape, seed=0), steps)
        assert len(asked) == expected
        ids = np.concatenate([batch[keys.EXAMPLE_ID].ravel() for batch in batches])
        assert sorted(ids[ids != packing.EMPTY].tolist()) == [0, 1, 2]
    steps_per_epoch(encoded, keys.Shape(1, 8, 3))
    assert asked == [(8, 3)]


def test_labels_of_a_file_are_not_copied(tokenizer, tmp_path):
    """The split sees what becomes of the file's numbers."""
    column = mmap_columns.Numbers("i", str(tmp_path))
    column.extend(np.arange(2))
    texts = replace(examples(["a", "b"]), labels={"intent": column.stored()})
    encoded = tokenize_split(texts, tokenizer, 8)
    texts.labels["intent"][1] = 7
    assert encoded.labels["intent"].numpy().tolist() == [0, 7]


def test_a_sample_is_packed_as_itself(tokenizer, tmp_path):
    """Though what it was taken from lies in a cache with its rows."""
    encoded = tokenize_split(examples(["a b", "c", "d"]), tokenizer, 8, str(tmp_path))
    shape = keys.Shape(1, 4, 1)
    assert steps_per_epoch(encoded, shape) == 3
    assert steps_per_epoch(tokenized_split.sample(encoded, 2), shape) == 2


def test_the_seed_decides_the_batches():
    """The same seed gives the same batches, read again or built again; another one others."""
    encoded, shape = varied(40), keys.Shape(3, 9, 3)
    dataset = training_batches(encoded, shape, seed=7)
    batches = first(dataset, 12)
    assert same(batches, first(dataset, 12))
    assert same(batches, first(training_batches(varied(40), shape, seed=7), 12))
    assert not same(batches, first(training_batches(encoded, shape, seed=8), 12))


def test_the_shuffle_does_not_depend_on_the_rows_of_a_batch():
    """The stream of packed rows is a function of seed and epoch, not of how many a step takes."""
    encoded = varied(40)
    streams = [
        ids_in_order(training_batches(encoded, keys.Shape(rows, 9, 3), seed=3).take(take))
        for rows, take in ((1, 60), (3, 20))
    ]
    assert streams[0].tolist() == streams[1].tolist()


def test_rows_are_as_full_as_the_lengths_allow():
    """Lengths 1 to 7, each as often: 1 fits 6, 2 fits 5, 3 fits 4, and no position is wasted."""
    batches = first(training_batches(varied(70), keys.Shape(2, 7, 7), seed=0), 20)
    assert all((batch[keys.SEGMENT_IDS] > 0).all() for batch in batches)


def test_an_example_meets_new_company_every_epoch():
    """Ten of length 4 share rows of ten with others of length 6: no pair stays together."""
    encoded = encoded_of([4] * 10 + [6] * 10)
    batches = first(training_batches(encoded, keys.Shape(10, 10, 2), seed=0), 30)
    pairs = {tuple(sorted(row)) for batch in batches for row in batch[keys.EXAMPLE_ID]}
    assert len(pairs) > 80  # of 100, in 300 draws


@settings(max_examples=6, deadline=None)  # each is traced anew
@given(
    st.integers(1, 30), st.integers(1, 5), st.integers(7, 15), st.integers(1, 4), st.integers(0, 9)
)
def test_each_epoch_holds_every_example_once(count, rows, row_length, slots, seed):
    """Read row by row, the stream is one permutation of all examples after another."""
    shape = keys.Shape(rows, row_length, slots)
    dataset = training_batches(varied(count), shape, seed)
    batches = islice(dataset, 3 * steps_per_epoch(varied(count), shape) + 6)
    ids = ids_in_order(batches)
    epochs = len(ids) // count
    assert epochs >= 2
    for epoch in ids[: epochs * count].reshape(epochs, count):
        assert sorted(epoch) == list(range(count))


@pytest.fixture
def chunks_of_ten(monkeypatch):
    monkeypatch.setattr(shuffling, "CHUNK", 10)


@pytest.mark.usefixtures("chunks_of_ten")
def test_chunks_hold_every_example_once():
    """35 make four chunks: of 9, 9, 9 and 8, every fourth, one after the other in any order."""
    encoded = varied(35)
    ids = ids_in_order(training_batches(encoded, keys.Shape(1, 7, 1), 0).take(105))
    orders = set()
    for epoch in ids.reshape(3, 35):
        assert sorted(epoch) == list(range(35))
        chunks = [*dict.fromkeys(epoch % 4)]
        assert sorted(chunks) == [0, 1, 2, 3]
        assert np.count_nonzero(np.diff(epoch % 4)) == 3
        orders.add(tuple(chunks))
    assert len(orders) > 1
    own = [[name for name in epoch if name % 4 == 0] for epoch in ids.reshape(3, 35)]
    assert own[0] != own[1] != own[2]


@pytest.mark.usefixtures("chunks_of_ten")
@pytest.mark.parametrize("done", [1, 3, 8, 20])
def test_chunks_go_on_where_they_stopped(done):
    """Batches left out are those that came first; an epoch has as many steps as it says."""
    encoded, shape = varied(35), keys.Shape(2, 9, 3)
    dataset = training_batches(encoded, shape, seed=1)
    whole = first(dataset, 30)
    assert same(whole[done:], first(training_batches(encoded, shape, 1, done), 30 - done))
    steps = steps_per_epoch(encoded, shape)
    seen = ids_in_order(dataset.take(steps))
    assert {*seen.tolist()} == set(range(35))
    assert len(seen) < 35 + 2 * 3


def test_epochs_have_orders_of_their_own():
    """The second epoch is no copy of the first."""
    ids = ids_in_order(training_batches(varied(30), keys.Shape(1, 7, 1), 0).take(60))
    assert ids[:30].tolist() != ids[30:].tolist()
    assert ids[:30].tolist() != list(range(30))


def test_an_example_can_come_anywhere():
    """Over many epochs each of 8 examples meets each of the 8 places, about equally often."""
    epochs, count = 400, 8
    dataset = training_batches(encoded_of([1] * count), keys.Shape(64, 4, 4), seed=1)
    ids = ids_in_order(dataset.take(epochs * 2 // 64 + 1))[: epochs * count]
    places = np.argsort(ids.reshape(epochs, count), axis=1)  # [epoch, example]
    met = np.stack([np.bincount(column, minlength=count) for column in places.T])
    # 50 each in the mean, with a standard deviation of 6.6.
    assert met.min() > 20
    assert met.max() < 85


def test_a_batch_is_full_though_an_epoch_ends_inside_it():
    """Five rows an epoch and two a batch: the third batch has a row of either epoch."""
    dataset = training_batches(encoded_of([4] * 5), keys.Shape(2, 4, 1), seed=0)
    batches = first(dataset, 5)
    assert all((batch[keys.EXAMPLE_ID] != packing.EMPTY).all() for batch in batches)
    ids = np.concatenate([batch[keys.EXAMPLE_ID].ravel() for batch in batches])
    assert sorted(ids[:5]) == sorted(ids[5:]) == [0, 1, 2, 3, 4]


def test_training_batches_hold_the_tokens_and_labels_of_their_examples():
    """What a slot says it holds is what its segment holds."""
    labels = tf.constant([10, 11, 12, 13, 14, 15])
    encoded = encoded_of([3, 1, 4, 2, 2, 3], label=labels)
    for batch in first(training_batches(encoded, keys.Shape(2, 6, 3), 0), 4):
        for row, slot in np.argwhere(batch[keys.EXAMPLE_ID] != packing.EMPTY):
            example = batch[keys.EXAMPLE_ID][row, slot]
            tokens = batch[keys.TOKEN_IDS][row][batch[keys.SEGMENT_IDS][row] == slot + 1]
            assert tokens.tolist() == encoded.tokens[int(example)].numpy().tolist()
            assert batch[keys.label_key("label")][row, slot] == 10 + example
            assert batch[keys.WEIGHT][row, slot] == 1


@pytest.mark.parametrize("lengths", [[3] * 6, [6] * 3, [8, 1, 7, 1, 1]])
def test_steps_per_epoch_by_hand(lengths):
    """Three rows of eight tokens, two rows a step: two steps."""
    assert steps_per_epoch(encoded_of(lengths), keys.Shape(2, 8, 2)) == 2


def test_an_epoch_has_at_least_one_step():
    """Fewer examples than a batch holds still make a step."""
    assert steps_per_epoch(encoded_of([2]), keys.Shape(4, 8, 2)) == 1


# --- evaluation -----------------------------------------------------------------------------


def test_evaluation_by_hand():
    """The longest first; the last batch is filled up with empty rows that weigh nothing."""
    encoded = encoded_of(
        [3, 4, 2],
        label=tf.constant([4, 5, 6]),
        mood=tf.constant([[0.5], [1.5], [2.5]]),
    )
    batches = list(evaluation_batches(encoded, keys.Shape(2, 4, 2)))
    assert [batch[keys.EXAMPLE_ID].numpy().tolist() for batch in batches] == [
        [[1, -1], [0, -1]],
        [[2, -1], [-1, -1]],
    ]
    last = {key: value.numpy() for key, value in batches[1].items()}
    assert last[keys.TOKEN_IDS].tolist() == [[200, 201, 0, 0], [0, 0, 0, 0]]
    assert last[keys.SEGMENT_IDS].tolist() == [[1, 1, 0, 0], [0, 0, 0, 0]]
    assert last[keys.WEIGHT].tolist() == [[1, 0], [0, 0]]
    assert last[keys.label_key("label")].tolist() == [[6, -1], [-1, -1]]
    np.testing.assert_array_equal(
        last[keys.label_key("mood")], [[[2.5], [np.nan]], [[np.nan], [np.nan]]]
    )


@settings(max_examples=8, deadline=None)  # each is traced anew
@given(st.integers(1, 40), st.integers(1, 5), st.integers(7, 15), st.integers(1, 4))
def test_evaluation_meets_every_example_once(count, rows, row_length, slots):
    """No example is dropped with the last batch and none comes twice."""
    dataset = evaluation_batches(varied(count), keys.Shape(rows, row_length, slots))
    assert sorted(ids_in_order(dataset)) == list(range(count))


# --- both -----------------------------------------------------------------------------------


def both_datasets(encoded, shape):
    return {
        "training": training_batches(encoded, shape, 0),
        "evaluation": evaluation_batches(encoded, shape),
    }


@pytest.mark.parametrize("kind", ["training", "evaluation"])
def test_shapes_are_static_and_those_of_the_contract(kind):
    """The dataset promises, and keeps, what `batch.spec` says."""
    labels = {
        "label": tf.constant([4, 5, 6]),
        "kinds": tf.constant([[0.0, 1.0]] * 3),
    }
    shape = keys.Shape(2, 8, 3)
    dataset = both_datasets(encoded_of([3, 4, 2], **labels), shape)[kind]
    spec = keys.spec(shape, {"label": None, "kinds": 2})
    promised = {key: (found.shape, found.dtype) for key, found in dataset.element_spec.items()}
    assert promised == {key: (wanted.shape, wanted.dtype) for key, wanted in spec.items()}
    for batch in dataset.take(2):
        assert {key: (x.shape, x.dtype) for key, x in batch.items()} == promised


@pytest.mark.parametrize("kind", ["training", "evaluation"])
def test_no_python_runs_between_batches(kind):
    """Neither the dataset's graph nor any function in it calls back into Python."""
    found = dataset_operations(both_datasets(varied(5), keys.Shape(2, 8, 3))[kind])
    assert "ScatterNd" in found  # the search reaches into the functions
    assert not found & PYTHON_OPS


def test_the_search_for_python_finds_it():
    """A py_function, three functions deep, is seen by the search the test above trusts."""
    inner = tf.data.Dataset.range(3).map(lambda x: tf.py_function(lambda y: y, [x], tf.int64))
    assert dataset_operations(tf.data.Dataset.range(2).flat_map(lambda _: inner)) & PYTHON_OPS
