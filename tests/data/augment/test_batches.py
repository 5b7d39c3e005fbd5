"""Batches of texts that are other ones in each epoch."""

from __future__ import annotations

import numpy as np
import pytest
import replicas
import tensorflow as tf
from tensorflow.core.framework import graph_pb2

from tfsocial.data.augment import table
from tfsocial.data.augment.chain import Chain
from tfsocial.data.examples import Examples, Origin
from tfsocial.data.pipeline import augmented
from tfsocial.data.pipeline.augmented import (
    AugmentedSplit,
    augmented_batches,
    augmented_steps_per_epoch,
)
from tfsocial.data.pipeline.tokenized_split import tokenize_split
from tfsocial.text import batch as keys
from tfsocial.text import packing

SHAPE = keys.Shape(2, 16, 3)
COUNT = 11
TEXTS = [" ".join("abcdefghijk"[: 1 + (5 * i) % 7]) for i in range(COUNT)]
TEXT_OPS = [{"word_drop": {"rate": 0.3}}, {"word_insert": {"rate": 0.2}}]
TOKEN_OPS = [{"token_mask": {"rate": 0.4}}]


@pytest.fixture(scope="module")
def source_of(tokenizer):
    """`source_of(augment, view=None, pair=False)`: the texts above and what they go through."""

    def make(augment=(), view=None, pair=False, seed=3) -> AugmentedSplit:
        nowhere = Origin((), np.zeros(0, np.int32), np.zeros(0, np.int32))
        labels = {"label": np.arange(COUNT, dtype=np.int32)}
        examples = Examples(TEXTS, TEXTS if pair else None, labels, nowhere)
        encoded = tokenize_split(examples, tokenizer, SHAPE.row_length)
        parts = tokenizer.word_parts(np.arange(tokenizer.vocabulary_size))
        chains = {
            name: Chain(table.build_all(ops, "at", None), seed, branch, word_parts=parts)
            for branch, (name, ops) in enumerate({"": augment, keys.VIEW: view}.items())
            if ops is not None
        }
        columns = [tf.constant(TEXTS)] * (2 if pair else 1)
        return AugmentedSplit(encoded, columns, tokenizer, chains, seed, epochs=4)

    return make


def read(source, count) -> list[dict[str, np.ndarray]]:
    dataset = augmented_batches(source, SHAPE).take(count)
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset]


def examples_in(batches, view="") -> list[tuple[int, list[int]]]:
    """Id and tokens of each example as a reader meets them."""
    met = []
    for batch in batches:
        tokens, segments = (
            batch[keys.view_key(view, key)] for key in (keys.TOKEN_IDS, keys.SEGMENT_IDS)
        )
        for row, slot in np.argwhere(batch[keys.EXAMPLE_ID] != packing.EMPTY):
            own = tokens[row][segments[row] == slot + 1]
            met.append((int(batch[keys.EXAMPLE_ID][row, slot]), own.tolist()))
    return met


def same(batches, others) -> bool:
    return all(
        np.array_equal(one[key], other[key])
        for one, other in zip(batches, others, strict=True)
        for key in one
    )


# A window is of examples, before anything becomes of their texts.
@pytest.mark.parametrize(
    ("ops", "window"),
    [(TEXT_OPS, 2048), (TOKEN_OPS, 2048), (TEXT_OPS + TOKEN_OPS, 4)],
    ids=["text", "token", "both"],
)
def test_each_epoch_reads_every_example_once_and_anew(source_of, ops, window, monkeypatch):
    """What stands in a row is what the chain makes of the text in that epoch."""
    monkeypatch.setattr(augmented, "WINDOW", window)
    source = source_of(ops)
    met = examples_in(read(source, 20))
    epochs = [met[start : start + COUNT] for start in range(0, 3 * COUNT, COUNT)]
    for number, epoch in enumerate(epochs):
        assert sorted(example for example, _ in epoch) == list(range(COUNT))
        ids = tf.constant([example for example, _ in epoch], tf.int64)
        expected, _ = source.read("", ids, tf.constant(number, tf.int64), SHAPE.row_length)
        assert [tokens for _, tokens in epoch] == expected.to_list()
    assert dict(epochs[0]) != dict(epochs[1])


def test_labels_and_weights_are_the_examples(source_of):
    """Each slot has its example's; empty ones none."""
    for batch in read(source_of(TEXT_OPS), 6):
        present = batch[keys.EXAMPLE_ID] != packing.EMPTY
        np.testing.assert_array_equal(
            batch["labels/label"][present], batch[keys.EXAMPLE_ID][present]
        )
        np.testing.assert_array_equal(batch[keys.WEIGHT], present)
        assert np.all(batch["labels/label"][~present] == -1)


def test_the_seed_decides_the_batches(source_of):
    """Read again, built again: the same; under another seed others."""
    source = source_of(TEXT_OPS, TOKEN_OPS)
    batches = read(source, 12)
    assert same(batches, read(source, 12))
    assert same(batches, read(source_of(TEXT_OPS, TOKEN_OPS), 12))
    assert not same(batches, read(source_of(TEXT_OPS, TOKEN_OPS, seed=4), 12))


def test_the_second_view_stands_in_the_same_slots(source_of):
    """The ordinary view is the text as it is; the other what `view` makes of it."""
    source = source_of((), [{"word_insert": {"rate": 1.0}}])
    batches = read(source, 8)
    plain, second = examples_in(batches), examples_in(batches, keys.VIEW)
    assert [example for example, _ in plain] == [example for example, _ in second]
    for example, tokens in plain:
        assert tokens == source.encoded.tokens[example].numpy().tolist()
    longer = [len(b) - len(a) for (_, a), (_, b) in zip(plain, second, strict=True)]
    assert min(longer) >= 1  # rows are filled by the longer view
    for batch in batches:
        for key in (keys.SEGMENT_IDS, keys.POSITION_IDS):
            assert not np.array_equal(batch[key], batch[keys.view_key(keys.VIEW, key)])


def test_equal_ops_give_two_different_views(source_of):
    """Chance differs between the views of one example."""
    batches = read(source_of(TOKEN_OPS, TOKEN_OPS), 8)
    assert examples_in(batches) != examples_in(batches, keys.VIEW)


def test_pairs_are_augmented_in_both_texts(source_of):
    """All of a text gone but a word, twice, between the special tokens."""
    for _, tokens in examples_in(read(source_of([{"word_drop": {"rate": 1.0}}], pair=True), 8)):
        assert [tokens[0], tokens[2], tokens[4]] == [2, 3, 3]
        assert len(tokens) == 5


def test_rates_move_with_the_epochs(source_of):
    """Of four epochs the first leaves all, the third masks all."""
    rising = [{"token_mask": {"rate": {"start": 0.0, "end": 1.0, "until": 0.5}}}]
    met = examples_in(read(source_of(rising), 24))
    share = [
        np.mean([token == 4 for _, tokens in met[start : start + COUNT] for token in tokens[1:-1]])
        for start in (0, COUNT, 2 * COUNT)
    ]
    assert (share[0], share[2]) == (0.0, 1.0)
    assert 0.2 < share[1] < 0.8


def test_shapes_are_static_and_those_of_the_contract(source_of):
    """The dataset promises, and keeps, what `batch.spec` says, with the second view's keys."""
    dataset = augmented_batches(source_of(TEXT_OPS, TOKEN_OPS), SHAPE)
    spec = keys.spec(SHAPE, {"label": None}, ("", keys.VIEW))
    promised = {key: (found.shape, found.dtype) for key, found in dataset.element_spec.items()}
    assert promised == {key: (wanted.shape, wanted.dtype) for key, wanted in spec.items()}


def test_no_python_runs_between_batches(source_of):
    """A TPU host can run the whole stream."""
    dataset = augmented_batches(source_of(TEXT_OPS + TOKEN_OPS, TOKEN_OPS), SHAPE)
    graph = graph_pb2.GraphDef()
    graph.ParseFromString(
        tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor).numpy()
    )
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert not {"PyFunc", "PyFuncStateless", "EagerPyFunc"} & {node.op for node in nodes}


def test_steps_per_epoch_are_those_of_the_first(source_of):
    """As many batches as hold it, rounded up."""
    source = source_of(TEXT_OPS)
    steps = augmented_steps_per_epoch(source, SHAPE)
    met = examples_in(read(source, steps))
    assert len(met) >= COUNT
    assert len(examples_in(read(source, steps - 1))) < COUNT


def test_two_replicas_share_a_batch(source_of):
    """Each gets half of the rows of each global batch, in order."""
    dataset = augmented_batches(source_of(TEXT_OPS, TOKEN_OPS), SHAPE)
    strategy = replicas.two_cpus()
    shared = iter(strategy.experimental_distribute_dataset(dataset))
    for batch in dataset.take(4):
        parts = next(shared)
        for key, whole in batch.items():
            halves = strategy.experimental_local_results(parts[key])
            np.testing.assert_array_equal(np.concatenate(halves), whole)
            assert halves[0].shape[0] == 1
