"""The one order in which data happens: tokenize -> cache -> shuffle -> assign to rows -> pack.

Only indices travel through the shuffle; tokens are gathered when a batch is packed.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow.autograph.experimental import do_not_convert

from tfsocial.data.pipeline.shuffling import shuffled
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.text import batch as keys
from tfsocial.text import packing


def training_batches(
    encoded: TokenizedSplit, shape: keys.Shape, seed: int, done: int = 0
) -> tf.data.Dataset:
    """Batch a split endlessly; rows run on over an epoch's end, so no batch is part empty.

    Which lengths share a row is the same in every epoch, because the lengths are; which of the
    examples of a length goes where, and the order of the rows, is drawn anew. All examples are
    shuffled together, or, of more than `CHUNK`, each of so many chunks and their order: what an
    epoch's shuffle holds in memory does not grow with the data.

    Args:
        done: batches to leave out at the beginning; costs no more than the last epoch's rows.
    """
    chunks = encoded.chunks(shape)

    def rows_of_epoch(epoch):
        order = shuffled(tf.range(chunks.count), seed, 2 * epoch)
        parts = tf.data.Dataset.from_tensor_slices(order)
        return parts.flat_map(
            lambda chunk: tf.data.Dataset.from_tensor_slices(chunks.rows(chunk, epoch, seed))
        )

    epoch, row = divmod(done * shape.rows, chunks.rows_of_all)
    rows = tf.data.Dataset.counter(epoch).flat_map(rows_of_epoch).skip(row)
    return _packed(encoded, rows.batch(shape.rows, drop_remainder=True), shape)


def evaluation_batches(encoded: TokenizedSplit, shape: keys.Shape) -> tf.data.Dataset:
    """Batch every example once, longest first; the last batch is filled up with empty rows."""
    assignment = packing.best_fit(encoded.lengths.numpy(), shape.row_length, shape.slots)
    lacking = -len(assignment) % shape.rows
    assignment = np.pad(assignment, [[0, lacking], [0, 0]], constant_values=packing.EMPTY)
    rows = tf.data.Dataset.from_tensor_slices(assignment)
    return _packed(encoded, rows.batch(shape.rows, drop_remainder=True), shape)


def one_batch(encoded: TokenizedSplit, row_length: int, slots: int) -> keys.Batch:
    """Put all examples in one batch of as many rows as they need."""
    assignment = packing.best_fit(encoded.lengths.numpy(), row_length, slots)
    return _rows(encoded, tf.constant(assignment), row_length)


def steps_per_epoch(encoded: TokenizedSplit, shape: keys.Shape) -> int:
    """Count training batches that hold every example once, the last one rounded up."""
    return max(1, -(-encoded.chunks(shape).rows_of_all // shape.rows))


def _packed(
    encoded: TokenizedSplit, assignments: tf.data.Dataset, shape: keys.Shape
) -> tf.data.Dataset:
    static = encoded.spec(shape)

    @do_not_convert
    def pack(assignment):
        batch = _rows(encoded, tf.cast(assignment, tf.int64), shape.row_length)
        return {key: tf.ensure_shape(batch[key], spec.shape) for key, spec in static.items()}

    packed = assignments.map(pack, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return packed.prefetch(tf.data.AUTOTUNE).with_options(pipeline_options())


def _rows(encoded: TokenizedSplit, assignment: tf.Tensor, row_length: int) -> dict[str, tf.Tensor]:
    """Gather the rows of an assignment; padding is 0 under any number."""
    batch = packing.pack(encoded.tokens, encoded.types, encoded.features, assignment, row_length)
    tokens = encoded.renumbered(batch[keys.TOKEN_IDS])
    return {**batch, keys.TOKEN_IDS: tokens, **slot_features(assignment)}


def slot_features(assignment: tf.Tensor) -> dict[str, tf.Tensor]:
    """Say who sits in which slot, by `EXAMPLE_ID` and `WEIGHT`, each [rows, slots]."""
    weight = tf.cast(assignment != packing.EMPTY, tf.float32)
    return {keys.EXAMPLE_ID: assignment, keys.WEIGHT: weight}


def pipeline_options() -> tf.data.Options:
    """Set the options of every dataset that makes batches."""
    options = tf.data.Options()
    # Rewriting a graph copies every tensor it reads: all tokens, though a file holds them.
    options.experimental_optimization.apply_default_optimizations = False
    # Each worker makes every batch and takes its own rows of it; files are not what is shared out.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
