"""Several workers share the examples: none is read twice in an epoch and none is left out.

Each worker reads all files, makes every batch and takes its own rows of it, so what it gets
follows from its place alone; how rows are taken is TensorFlow's own code, called here as
`MultiWorkerMirroredStrategy` does.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.data.experimental.ops import distribute
from tensorflow.python.distribute import input_ops

from tfsocial import config
from tfsocial.data import convert
from tfsocial.data.augment import table
from tfsocial.data.augment.chain import Chain
from tfsocial.data.pipeline.augmented import AugmentedSplit, augmented_batches
from tfsocial.data.pipeline.batches import training_batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, tokenize_split
from tfsocial.data.reading.splits import read_splits
from tfsocial.text import batch as keys
from tfsocial.text import packing

ROWS, COUNT, LETTERS = 24, 101, "abcdefghij"
SHAPE = keys.Shape(ROWS, row_length=12, slots=2)
each_number = pytest.mark.parametrize("workers", [1, 3, 8])


def shared(batches: tf.data.Dataset, workers: int, place: int) -> tf.data.Dataset:
    """What one of so many workers gets, of one replica each; see `input_lib.DistributedDataset`."""
    sizes = distribute.batch_sizes_for_worker(ROWS, workers, 1, place)
    rows = batches.rebatch(sizes).prefetch(1) if workers > 1 else batches
    return input_ops.auto_shard_dataset(rows, workers, place, workers)


def assert_shared_out(batches: tf.data.Dataset, workers: int, count: int) -> None:
    """Side by side the workers' rows are the rows of every global batch, in all keys."""
    parts = [list(shared(batches, workers, place).take(count)) for place in range(workers)]
    for place, whole in enumerate(batches.take(count)):
        own = [part[place] for part in parts]
        assert {len(part[keys.WEIGHT]) for part in own} == {ROWS // workers}
        for key, values in whole.items():
            np.testing.assert_array_equal(np.concatenate([part[key] for part in own]), values)


def ids_of(batches: tf.data.Dataset, workers: int, rows: int) -> list[int]:
    """Examples in the first so many rows of all workers together, sorted."""
    steps = -(-rows // ROWS)
    parts = [list(shared(batches, workers, place).take(steps)) for place in range(workers)]
    whole = [
        np.concatenate([part[step][keys.EXAMPLE_ID] for part in parts]) for step in range(steps)
    ]
    ids = np.concatenate(whole)[:rows].ravel()
    return sorted(ids[ids != packing.EMPTY])


@pytest.fixture(scope="module")
def encoded(tmp_path_factory, tokenizer) -> TokenizedSplit:
    """Texts of 1 to 10 letters, from TFRecord shards that were written from JSON lines."""
    folder = tmp_path_factory.mktemp("shards")
    texts = [" ".join(LETTERS[: 1 + i * 7 % 10]) for i in range(COUNT)]
    lines = [json.dumps({"text": text, "label": "xy"[i % 2]}) for i, text in enumerate(texts)]
    (folder / "train.jsonl").write_text("\n".join(lines), "utf-8")
    tasks = {"label": {}}
    data = {"root": str(folder), "splits": {"train": "train.jsonl"}, "licence": "MIT"}
    settings = config.parse({"data": data, "tasks": tasks})
    (done,) = convert.convert(settings.data, settings.tasks, str(folder / "out"), 7)
    assert done.manifest.shards == 7
    merged = {**settings.data.model_dump(), **convert.use(settings.data, [done])}
    of_shards = config.parse({"data": merged, "tasks": tasks})
    corpus = read_splits(of_shards.data, of_shards.tasks)
    return tokenize_split(corpus.splits["train"], tokenizer, SHAPE.row_length)


@each_number
def test_rows_side_by_side_are_the_batch(encoded, workers):
    """Over the end of an epoch too: 101 examples in at least 51 rows, two and a bit a batch."""
    assert_shared_out(training_batches(encoded, SHAPE, seed=3), workers, count=7)


@each_number
def test_an_epoch_holds_every_example_once(encoded, workers):
    """Of all workers together, from TFRecord shards: none twice, none left out."""
    template = packing.best_fit(encoded.lengths.numpy(), SHAPE.row_length, SHAPE.slots)
    batches = training_batches(encoded, SHAPE, seed=3)
    assert ids_of(batches, workers, len(template)) == list(range(COUNT))


@each_number
def test_a_resumed_run_is_shared_out_alike(encoded, workers):
    """From batch 5 on each worker gets what it would have got, had it read from the start."""
    whole = training_batches(encoded, SHAPE, seed=3)
    later = training_batches(encoded, SHAPE, seed=3, done=5)
    for place in range(workers):
        expected = list(shared(whole, workers, place).take(8))[5:]
        for one, other in zip(expected, shared(later, workers, place).take(3), strict=True):
            for key, values in one.items():
                np.testing.assert_array_equal(other[key], values, err_msg=key)


@each_number
def test_augmented_texts_are_shared_out_alike(encoded, tokenizer, workers):
    """What becomes of a text does not depend on who makes it."""
    parts = tokenizer.word_parts(np.arange(tokenizer.vocabulary_size))
    ops = table.build_all([{"token_swap": {"rate": 0.5}}], "at", None)
    views = {"": Chain(ops, 3, 0, word_parts=parts)}
    columns = [tf.constant(["a"] * COUNT)]  # not read: the op is on tokens
    source = AugmentedSplit(encoded, columns, tokenizer, views, seed=3, epochs=4)
    assert_shared_out(augmented_batches(source, SHAPE), workers, count=6)
