"""Global shuffles, and the rows that a shuffled epoch fills.

Each epoch draws one permutation of *all* its examples and one of all its rows, pure functions of
(seed, epoch), so the same seed gives the same batches whatever machine reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsocial.data.pipeline.disk_cache import as_tensor, made_folder
from tfsocial.data.reading import mmap_columns
from tfsocial.text import batch as keys
from tfsocial.text import packing

CHUNK = 2**18  # examples that are shuffled and packed together, of some 40 bytes each


@dataclass(frozen=True)
class Chunks:
    """Every k-th example from the first on, from the second on, ...: files in order are mixed.

    Attributes:
        splits: int64 [n + 1], where each example's tokens begin.
        template: int32 [rows of all, slots], of each chunk which of its lengths share a row, the
            longest being number 0.
        starts: int64 [k + 1], where each chunk's rows begin there.
    """

    splits: tf.Tensor
    template: tf.Tensor
    starts: tf.Tensor

    @classmethod
    def of(cls, splits: tf.Tensor, shape: keys.Shape, cache: Path | None) -> Chunks:
        """Make chunks of texts of which `splits`, int64 [n + 1], says where each begins.

        They are mapped from the cache that the texts lie in, where they do.
        """
        count = max(1, -(-(splits.shape[0] - 1) // CHUNK))
        # A chunk holds its examples' numbers several times over: 32 bits of each are enough.
        parts = (
            packing.best_fit(
                tf.sort(_lengths(splits, chunk, count), direction="DESCENDING").numpy(),
                shape.row_length,
                shape.slots,
            ).astype(np.int32)
            for chunk in range(count)
        )
        template, starts = _template(parts, cache, shape)
        return cls(splits, template, tf.constant(starts))

    @property
    def count(self) -> int:
        return len(self.starts) - 1

    @property
    def rows_of_all(self) -> int:
        return len(self.template)

    def rows(self, chunk: tf.Tensor, epoch: tf.Tensor, seed: int) -> tf.Tensor:
        """Assign a chunk's examples to rows in this epoch, int32 [rows, slots]."""
        lengths = _lengths(self.splits, chunk, self.count)
        draw = 2 * epoch + tf.cast(chunk, tf.int64) * 2**40
        order = shuffled(tf.range(tf.size(lengths)), seed, draw)
        places = tf.argsort(tf.gather(lengths, order), direction="DESCENDING", stable=True)
        template = self.template[self.starts[chunk] : self.starts[chunk + 1]]
        names = chunk + self.count * tf.gather(order, places)
        return renamed(shuffled(template, seed, draw + 1), names)


def _template(
    parts: Iterator[np.ndarray], cache: Path | None, shape: keys.Shape
) -> tuple[tf.Tensor, np.ndarray]:
    """Join all parts one after the other, and give int64 [parts + 1], where each begins."""
    if cache is None:
        assignments = list(parts)
        return tf.constant(np.concatenate(assignments)), np.cumsum([0, *map(len, assignments)])

    def write(folder: Path) -> None:
        starts = [0]
        with (folder / "template").open("wb") as stream:
            for part in parts:
                part.tofile(stream)
                starts.append(starts[-1] + len(part))
        np.array(starts, np.int64).tofile(folder / "starts")

    folder = made_folder(cache / f"rows-{shape.row_length}-{shape.slots}-{CHUNK}", write)
    template = mmap_columns.mapped(folder / "template", np.int32).reshape(-1, shape.slots)
    return as_tensor(template), np.fromfile(folder / "starts", np.int64)


def _lengths(splits: tf.Tensor, chunk: tf.Tensor | int, count: int) -> tf.Tensor:
    """Read lengths, int32, of every `count`-th example from number `chunk` on."""
    return tf.cast(splits[chunk + 1 :: count] - splits[chunk:-1:count], tf.int32)


def shuffled(values: tf.Tensor, seed: int, draw: tf.Tensor) -> tf.Tensor:
    """Shuffle values, [n, ...], by the run's seed and the number of the draw, an int64 scalar."""
    seeds = tf.stack([tf.constant(seed, tf.int64), draw])
    return tf.random.experimental.stateless_shuffle(values, seeds)


def renamed(assignment: tf.Tensor, names: tf.Tensor) -> tf.Tensor:
    """Put names[i], names [n], in the place of each i in the assignment, [rows, slots]."""
    present = assignment != packing.EMPTY
    return tf.where(present, tf.gather(names, tf.maximum(assignment, 0)), packing.EMPTY)
