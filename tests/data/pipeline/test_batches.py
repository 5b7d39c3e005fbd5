"""The data pipeline: tokens worked by hand, epochs counted, graphs searched for Python."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import graph_pb2
from tokenized_by_hand import encoded_of

from tfsocial import files
from tfsocial.data.examples import Examples, Origin
from tfsocial.data.pipeline import shuffling, tokenization, tokenized_split
from tfsocial.data.pipeline.batches import (
    evaluation_batches,
    one_batch,
    steps_per_epoch,
    training_batches,
)
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, prune_vocabulary, tokenize_split
from tfsocial.data.reading import mmap_columns
from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.text.requests import pack_texts
from tfsocial.text.tokenizer import Tokenizer

CLS, SEP = 2, 3
A, B, C, D = 5, 6, 7, 8  # ids of these letters in tests/conftest.py
PYTHON_OPS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def examples(text, pair=None, **labels):
    lines = np.arange(len(text), dtype=np.int32)
    origin = Origin(("train.csv",), np.zeros_like(lines), lines)
    return Examples(list(text), pair, {task: np.array(v) for task, v in labels.items()}, origin)


def varied(count):
    """Examples of lengths 1 to 7 in no order."""
    return encoded_of(1 + (np.arange(count) * 5) % 7)


def ids_in_order(batches):
    """Ids of the examples as a reader meets them, row by row."""
    ids = np.concatenate([batch[keys.EXAMPLE_ID].numpy().ravel() for batch in batches])
    return ids[ids != packing.EMPTY]


def first(dataset, count):
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset.take(count)]


def same(batches, others):
    """Whether two lists of batches are equal in every value of every key."""
    return all(
        set(one) == set(other) and all(np.array_equal(one[key], other[key]) for key in one)
        for one, other in zip(batches, others, strict=True)
    )


def operations(graph):
    """Names of all ops of a GraphDef, those of its functions included."""
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return {node.op for node in nodes}


def dataset_operations(dataset):
    graph = graph_pb2.GraphDef()
    serialized = tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor)
    graph.ParseFromString(serialized.numpy())
    return operations(graph)


class Poisoned(Tokenizer):
    """Says it is the same tokenizer and cannot tokenize."""

    def __call__(self, *texts, max_length):
        raise AssertionError("the tokenizer was called")


# --- encode ---------------------------------------------------------------------------------


def test_encode_by_hand(tokenizer):
    """Row i is example i between its special tokens; labels come with it."""
    encoded = tokenize_split(
        examples(
            ["a b", "", "Cards?"],
            intent=np.array([1, -1, 0], np.int32),
            mood=np.array([[0.5], [np.nan], [2.0]], np.float32),
        ),
        tokenizer,
        row_length=8,
    )
    assert encoded.tokens.to_list() == [[CLS, A, B, SEP], [CLS, SEP], [CLS, 33, 31, 32, SEP]]
    assert encoded.types.to_list() == [[0, 0, 0, 0], [0, 0], [0, 0, 0, 0, 0]]
    assert encoded.lengths.numpy().tolist() == [4, 2, 5]
    assert (len(encoded), encoded.truncated) == (3, 0)
    labels = {task: values.numpy().tolist() for task, values in encoded.labels.items()}
    assert np.isnan(labels["mood"].pop(1)).all()  # NaN equals nothing
    assert labels == {"intent": [1, -1, 0], "mood": [[0.5], [2.0]]}


def test_encode_of_pairs_by_hand(tokenizer):
    """The second text has type 1, with its separator."""
    encoded = tokenize_split(examples(["a", "b"], ["b c", ""]), tokenizer, row_length=8)
    assert encoded.tokens.to_list() == [[CLS, A, SEP, B, C, SEP], [CLS, B, SEP, SEP]]
    assert encoded.types.to_list() == [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1]]


def test_encode_counts_the_examples_it_cuts(tokenizer):
    """An example that just fits is not counted; every longer one is, once."""
    texts = ["a b", "a b c", "a b c d", "a b c d a b c d"]
    encoded = tokenize_split(examples(texts), tokenizer, row_length=5)
    assert encoded.tokens.to_list()[1:] == [[CLS, A, B, C, SEP]] * 3
    assert encoded.truncated == 2


def test_encode_goes_on_where_a_block_ends(tokenizer, monkeypatch):
    """Blocks of texts tokenized at once are put together in order."""
    texts = ["a", "b c", "", "d", "a b c"]
    whole = tokenize_split(examples(texts), tokenizer, row_length=4)
    monkeypatch.setattr(tokenization, "TOKENIZE_AT_ONCE", 2)
    blocks = tokenize_split(examples(texts), tokenizer, row_length=4)
    assert blocks.tokens.to_list() == whole.tokens.to_list()
    assert blocks.truncated == whole.truncated == 1


def test_the_cache_gives_the_same_and_spares_the_tokenizer(tokenizer, tmp_path):
    """A second run reads what the first one wrote; labels always come from the examples."""
    cache = str(tmp_path / "cache")
    texts, poisoned = ["a b c", "d"], Poisoned(tokenizer.vocabulary)
    written = tokenize_split(examples(texts, label=[0, 1]), tokenizer, 4, cache)
    read = tokenize_split(examples(texts, label=[1, 0]), poisoned, 4, cache)
    assert read.tokens.to_list() == written.tokens.to_list() == [[CLS, A, B, SEP], [CLS, D, SEP]]
    assert read.types.to_list() == written.types.to_list()
    assert read.truncated == written.truncated == 1
    assert read.labels["label"].numpy().tolist() == [1, 0]
    with pytest.raises(AssertionError, match="was called"):
        tokenize_split(examples(texts), poisoned, 4)


@pytest.mark.parametrize(
    ("text", "pair", "row_length", "lower_case"),
    [
        (["a c", "b"], None, 8, True),
        (["b", "a b"], None, 8, True),
        (["a b b"], None, 8, True),
        (["a b", "b", ""], None, 8, True),
        (["a b", "b"], ["", ""], 8, True),
        (["a b", "b"], None, 9, True),
        (["a b", "b"], None, 8, False),
    ],
    ids=["text", "order", "joined", "longer", "pair", "row length", "tokenizer"],
)
def test_the_cache_is_not_used_for_anything_else(
    tokenizer, tmp_path, text, pair, row_length, lower_case
):
    """Another text, order, pair, row length or tokenizer is tokenized anew."""
    cache = str(tmp_path)
    tokenize_split(examples(["a b", "b"]), tokenizer, 8, cache)
    poisoned = Poisoned(tokenizer.vocabulary, lower_case=lower_case)
    with pytest.raises(AssertionError, match="was called"):
        tokenize_split(examples(text, pair), poisoned, row_length, cache)


def test_the_cache_tells_two_columns_from_one(tokenizer, tmp_path):
    """The same texts cut otherwise into text and pair are another content."""
    one = tokenize_split(examples(["a", "b"]), tokenizer, 8, str(tmp_path))
    two = tokenize_split(examples(["a"], ["b"]), tokenizer, 8, str(tmp_path))
    assert one.tokens.to_list() == [[CLS, A, SEP], [CLS, B, SEP]]
    assert two.tokens.to_list() == [[CLS, A, SEP, B, SEP]]


def test_a_run_that_breaks_off_leaves_no_cache(tokenizer, tmp_path):
    """Nothing half done is found by the next run."""
    with pytest.raises(AssertionError):
        tokenize_split(examples(["a"]), Poisoned(tokenizer.vocabulary), 8, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert tokenize_split(examples(["a"]), tokenizer, 8, str(tmp_path)).tokens.shape[0] == 1


def test_what_is_in_the_cache_is_mapped_and_not_read(tokenizer, tmp_path):
    """The pages of the file are the tensor's memory, so that the system can take them back."""
    encoded = tokenize_split(examples(["a b", "c"]), tokenizer, 8, str(tmp_path))
    (folder,) = tmp_path.iterdir()
    mapped = Path("/proc/self/maps").read_text("utf-8")
    assert all(str(folder / name) in mapped for name in ("tokens", "types", "splits"))
    assert encoded.tokens.flat_values.dtype == tf.int32
    batch = first(training_batches(encoded, keys.Shape(1, 8, 2), seed=0), 1)[0]
    assert sorted(batch[keys.TOKEN_IDS].ravel().tolist()) == sorted(
        [CLS, A, B, SEP, CLS, C, SEP, 0]
    )


def test_texts_are_tokenized_a_part_at_a_time(tokenizer, tmp_path, monkeypatch):
    """Parts of 2 calls with 2 texts each: 5 texts are two parts, and the last of one text."""
    monkeypatch.setattr(tokenization, "TOKENIZE_AT_ONCE", 2)
    monkeypatch.setattr(tokenization, "CALLS", 2)
    texts = ["a", "b c", "d d d", "a b", "c"]
    for cache in (None, str(tmp_path)):
        encoded = tokenize_split(examples(texts), tokenizer, 4, cache)
        assert encoded.tokens[:, 1:-1].to_list() == [[A], [B, C], [D, D], [A, B], [C]]
        assert encoded.truncated == 1


def test_two_workers_may_fill_one_cache(tokenizer, tmp_path, monkeypatch):
    """Who comes second finds the folder there and reads it."""
    making = files.making

    @contextlib.contextmanager
    def slowly(folder):
        with making(folder) as partial:
            yield partial
            folder.mkdir()
            for name in partial.iterdir():
                shutil.copy(name, folder)

    monkeypatch.setattr(files, "making", slowly)
    encoded = tokenize_split(examples(["a"]), tokenizer, 8, str(tmp_path))
    assert encoded.tokens.to_list() == [[CLS, A, SEP]]
    assert len(list(tmp_path.iterdir())) == 1


# --- compact --------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.lists(st.integers(1, 500), max_size=5), min_size=1, max_size=5), max_size=3
    )
)
def test_compacted_ids_map_back(splits):
    """Every split, looked up in the list of used tokens, is what it was; none is listed in vain.

    Numbers are given when rows are packed; until then tokens are M0's.
    """
    encoded = {
        str(number): TokenizedSplit(
            tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1), None, {}, 0
        )
        for number, rows in enumerate(splits)
    }
    used, (compacted,) = prune_vocabulary(encoded)
    assert used.tolist() == sorted({0}.union(*(row for rows in splits for row in rows)))
    assert list(compacted) == list(encoded)
    for name, split in compacted.items():
        assert split.tokens is encoded[name].tokens
        new = split.renumbered(split.tokens.flat_values)
        assert new.dtype == tf.int32
        back = split.tokens.with_flat_values(used[new.numpy()])
        assert back.to_list() == encoded[name].tokens.to_list()


def test_compact_changes_nothing_but_the_ids(tokenizer):
    """Padding stays 0; types, labels and counts are the same."""
    before = tokenize_split(examples(["a d", "c c c"], label=[1, 0]), tokenizer, 4)
    used, (splits,) = prune_vocabulary({"train": before})
    after = splits["train"]
    assert used.tolist() == [0, CLS, SEP, A, C, D]
    ids = one_batch(after, 10, 2)[keys.TOKEN_IDS].numpy().tolist()
    assert ids == [[1, 3, 5, 2, 1, 4, 4, 2, 0, 0]]
    assert (after.types, after.labels, after.truncated) == (before.types, before.labels, 1)


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


@settings(max_examples=15, deadline=None)
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


@settings(max_examples=25, deadline=None)
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
