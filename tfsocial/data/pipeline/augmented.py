"""Batches of texts that are other ones in each epoch.

Shuffle -> augment -> tokenize -> augment -> assign to rows -> pack, a window of examples at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf
from tensorflow.autograph.experimental import do_not_convert

from tfsocial.data.augment.chain import Chain
from tfsocial.data.pipeline.batches import pipeline_options, slot_features
from tfsocial.data.pipeline.shuffling import renamed, shuffled
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.text.tokenizer import Tokenizer

WINDOW = 2048  # examples that are augmented and packed together; a smaller one packs less tightly


@dataclass(frozen=True)
class AugmentedSplit:
    """A split whose texts are augmented anew in each epoch.

    Attributes:
        encoded: the texts as they are.
        columns: string [n] each; one, or two for pairs; none where no view changes strings.
        views: name -> what it goes through; "" is the ordinary one.
        seed: of the shuffles.
        epochs: how many there will be, for rates that move.
    """

    encoded: TokenizedSplit
    columns: Sequence[tf.Tensor]
    tokenizer: Tokenizer
    views: Mapping[str, Chain]
    seed: int
    epochs: float

    def read(
        self, view: str, examples: tf.Tensor, epoch: tf.Tensor, row_length: int
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Read examples, int64 [m], in this epoch: token ids and type ids, int32 [m, (length)]."""
        chain, progress = self.views[view], tf.cast(epoch, tf.float32) / self.epochs
        if chain.reads_text:
            columns = [tf.gather(column, examples) for column in self.columns]
            columns = chain.texts(columns, examples, epoch, progress)
            tokens, types, _ = self.tokenizer(*columns, max_length=row_length)
        else:
            tokens, types = (
                tf.gather(values, examples) for values in (self.encoded.tokens, self.encoded.types)
            )
            tokens = tokens.with_flat_values(self.encoded.renumbered(tokens.flat_values))
        return chain.tokens(tokens, types, examples, epoch, progress)


def augmented_batches(source: AugmentedSplit, shape: keys.Shape, done: int = 0) -> tf.data.Dataset:
    """Batch, endlessly and packed, texts that are other ones in each epoch.

    A view's tokens stand under keys of their own, with the examples in the same rows and slots:
    what counts is the longest view of an example.

    Args:
        done: batches to leave out at the beginning. They are made all the same: how many rows an
            epoch fills is known only then.
    """
    static = source.encoded.spec(shape, source.views)

    @do_not_convert
    def windows(epoch):
        return _windows(source, epoch)

    @do_not_convert
    def pack(examples, epoch):
        return _packed_window(source, examples, epoch, shape)

    @do_not_convert
    def shaped(batch):
        return {key: tf.ensure_shape(batch[key], spec.shape) for key, spec in static.items()}

    rows = tf.data.Dataset.counter().flat_map(windows)
    rows = rows.map(pack, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    batches = rows.rebatch(shape.rows, drop_remainder=True).map(shaped)
    return batches.skip(done).prefetch(tf.data.AUTOTUNE).with_options(pipeline_options())


def augmented_steps_per_epoch(source: AugmentedSplit, shape: keys.Shape) -> int:
    """Count the batches that the first epoch fills, rounded up; it is read for that."""

    @do_not_convert
    def rows_of(examples, epoch):
        return tf.shape(_packed_window(source, examples, epoch, shape)[keys.WEIGHT])[0]

    rows = sum(int(count) for count in _windows(source, tf.constant(0, tf.int64)).map(rows_of))
    return max(1, -(-rows // shape.rows))


def _windows(source: AugmentedSplit, epoch: tf.Tensor) -> tf.data.Dataset:
    """List examples int64 [up to WINDOW] and their epoch, all once, in the epoch's order."""
    count = len(source.encoded)
    order = shuffled(tf.range(count, dtype=tf.int64), source.seed, 2 * epoch)
    windows = tf.data.Dataset.from_tensor_slices(order).batch(WINDOW)
    return windows.map(lambda examples: (examples, epoch))


def _packed_window(
    source: AugmentedSplit, examples: tf.Tensor, epoch: tf.Tensor, shape: keys.Shape
) -> dict[str, tf.Tensor]:
    """Pack these examples as they read in this epoch, shuffled; the last row may be part empty."""
    views = {view: source.read(view, examples, epoch, shape.row_length) for view in source.views}
    assignment = _window_rows(
        source, [tokens for tokens, _ in views.values()], examples, epoch, shape
    )
    features = {key: tf.gather(values, examples) for key, values in source.encoded.features.items()}
    packed = slot_features(renamed(assignment, examples))
    for view, (tokens, types) in views.items():
        rows = packing.pack(tokens, types, {} if view else features, assignment, shape.row_length)
        packed |= {keys.view_key(view, key): values for key, values in rows.items()}
    return packed


def _window_rows(
    source: AugmentedSplit,
    views: Sequence[tf.RaggedTensor],
    examples: tf.Tensor,
    epoch: tf.Tensor,
    shape: keys.Shape,
) -> tf.Tensor:
    """Assign, int64 [rows, slots], the longest view of each example, the rows shuffled."""
    lengths = tf.reduce_max([tokens.row_lengths() for tokens in views], 0)
    assignment = packing.first_fit(lengths, shape.row_length, shape.slots)
    draw = (examples[0] + 1) * 2**32 + 2 * epoch + 1  # its first example names a window
    return shuffled(assignment, source.seed, draw)
