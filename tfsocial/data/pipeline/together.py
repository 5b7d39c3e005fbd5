"""Batches in which the examples of a group stand together: a list that is ranked, a basket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfsocial.data.attributes import NONE, Attribute
from tfsocial.data.pipeline.shuffling import renamed, shuffled
from tfsocial.errors import InputError
from tfsocial.text import batch as keys
from tfsocial.text import packing


@dataclass(frozen=True)
class Together:
    """Rows of an epoch, of which no group's are divided between batches.

    A group fills rows of its own, the same in every epoch; an example of no group shares rows with
    others of none. How many groups of which size share a batch is the same in every epoch too;
    which they are, and the order of the batches, is drawn anew.

    Attributes:
        members: int32 [m, slots], the rows of all groups, one group after the other.
        starts: int64 [groups + 1], where each group's rows begin there.
        template: int32 [batches, rows of a batch], which groups share a batch, the one of the most
            rows being number 0.
    """

    members: tf.Tensor
    starts: tf.Tensor
    template: tf.Tensor

    count = 1  # of chunks: all groups are shuffled together

    @classmethod
    def of(cls, lengths: np.ndarray, groups: Attribute, shape: keys.Shape) -> Together:
        """Pack examples of these lengths, int [n], by the group that each belongs to.

        Raises:
            InputError: a batch cannot hold a group.
        """
        parts = list(_packed(lengths, groups, shape))
        sizes = np.array([len(part) for part in parts], np.int32)
        template = packing.best_fit(np.sort(sizes)[::-1], shape.rows, shape.rows)
        starts = np.cumsum([0, *sizes]).astype(np.int64)
        return cls(
            tf.constant(np.concatenate(parts).astype(np.int32)),
            tf.constant(starts),
            tf.constant(template.astype(np.int32)),
        )

    @property
    def rows_of_all(self) -> int:
        """Count the rows of an epoch: of whole batches, some empty."""
        return int(tf.size(self.template))

    def rows(self, chunk: tf.Tensor, epoch: tf.Tensor, seed: int) -> tf.Tensor:
        """Assign all examples to rows in this epoch, int32 [rows of all, slots].

        Args:
            chunk: there is one.
        """
        sizes = self.starts[1:] - self.starts[:-1]
        order = shuffled(tf.range(tf.size(sizes)), seed, 2 * epoch)
        places = tf.argsort(tf.gather(sizes, order), direction="DESCENDING", stable=True)
        batches = shuffled(self.template, seed, 2 * epoch + 1)
        return self._rows_of(renamed(batches, tf.gather(order, places)))

    def _rows_of(self, batches: tf.Tensor) -> tf.Tensor:
        """Put the rows of groups, int32 [batches, rows of a batch], in the place of their names."""
        groups = tf.RaggedTensor.from_tensor(batches, padding=packing.EMPTY)
        members = tf.RaggedTensor.from_row_splits(self.members, self.starts, validate=False)
        rows, slots = self.template.shape[1], self.members.shape[1]
        filled = tf.gather(members, groups).merge_dims(1, 2)
        whole = filled.to_tensor(packing.EMPTY, shape=[None, rows, slots])
        return tf.reshape(whole, [-1, slots])


def _packed(lengths: np.ndarray, groups: Attribute, shape: keys.Shape) -> Iterator[np.ndarray]:
    """Pack each group, int64 [rows, slots]; of those of none each row is a group."""
    order = np.argsort(groups.codes, kind="stable")
    codes, starts = np.unique(groups.codes[order], return_index=True)
    for code, members in zip(codes, np.split(order, starts[1:]), strict=True):
        places = packing.best_fit(lengths[members], shape.row_length, shape.slots)
        rows = np.where(places == packing.EMPTY, packing.EMPTY, members[places])
        if code == NONE:
            yield from np.split(rows, len(rows))
        elif len(rows) <= shape.rows:
            yield rows
        else:
            raise _too_large(groups.values[code], len(members), len(rows), shape)


def _too_large(value: str, examples: int, rows: int, shape: keys.Shape) -> InputError:
    return InputError(
        f"data.together: the {examples} examples of {value!r} fill {rows} rows of "
        f"{shape.row_length} tokens and {shape.slots} slots, and a batch has "
        f"data.rows={shape.rows}; raise it, or make smaller groups"
    )
