"""FastFit: texts of one label, and its name, together, all others apart; compared by tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.objectives.papers.supervised_contrastive import NOBODY, Labelled, contrast_labelled
from tfsocial.text.batch import EXAMPLE_ID, SEGMENT_IDS


@dataclass(frozen=True)
class FastFit(Objective):
    """-1/|P(i)| * sum_{p in P(i)} log( exp(S(i, p) / t) / sum_{a != i} exp(S(i, a) / t) ).

    S(i, a) is the mean over i's tokens of the highest cosine with a token of a. P(i) are the other
    examples of i's label in the global batch (of all replicas) and the name of the label; i is
    told from all other examples and names. Yehudai & Bandel (2024), When LLMs are Unfit Use
    FastFit, arXiv:2404.12365, section 2; there on projected states, and names are anchors too.
    Names are read as words, by the encoder that learns.
    """

    task: str
    temperature: Annotated[float, Field(gt=0.0)] = 0.07

    kinds = ("classify",)
    needs = ("label_embeddings",)

    def __call__(self, step: Forward) -> Terms:
        own = Labelled.of(step, self.task)
        similarity = self._similarity(step) / self.temperature
        return contrast_labelled(step, own, self._others(step, own), similarity)

    def _others(self, step: Forward, own: Labelled) -> Labelled:
        """Say what all replicas' examples are, then the names."""
        classes = len(step.label_tokens(self.task).places)
        names = tf.range(classes, dtype=own.label.dtype)[:, tf.newaxis]
        nobody = tf.fill([classes, 1], tf.cast(NOBODY, own.id.dtype))
        return Labelled(
            tf.concat([step.gather(own.label), names], 0),
            tf.concat([step.gather(own.id), nobody], 0),
        )

    def _similarity(self, step: Forward) -> tf.Tensor:
        """Compute S of the replica's examples and all examples, then all names, [n, m]."""
        hidden, segments = step.outputs.hidden, step.batch[SEGMENT_IDS]
        slots = step.batch[EXAMPLE_ID].shape[1]
        own = _tokens(hidden, segments, slots)
        everywhere = tf.ensure_shape(step.gather(hidden), [None, *hidden.shape[1:]])
        every = _tokens(everywhere, step.gather(segments), slots)
        names = step.label_tokens(self.task)
        of_names = _tokens(names.hidden, names.segment_ids, names.slots)
        places = [row * names.slots + slot for row, slot in names.places]
        with_names = tf.gather(_between(own, of_names), places, axis=1)
        return tf.concat([_between(own, every), with_names], 1)


class _Tokens(NamedTuple):
    """Tokens of examples.

    Attributes:
        states: float32 [tokens, hidden], of length 1.
        owners: int32 [tokens], the number of the example, `examples` for padding.
    """

    states: tf.Tensor
    owners: tf.Tensor
    examples: tf.Tensor | int


def _tokens(hidden: tf.Tensor, segment_ids: tf.Tensor, slots: int) -> _Tokens:
    """Number examples by row and slot: those of hidden states [rows, row_length, hidden]."""
    rows = segment_ids.shape[0] or tf.shape(segment_ids)[0]
    count = rows * slots
    numbers = tf.range(rows)[:, tf.newaxis] * slots + segment_ids - 1
    owners = tf.where(segment_ids > 0, numbers, count)
    states = tf.math.l2_normalize(tf.cast(hidden, tf.float32), -1)
    return _Tokens(tf.reshape(states, [-1, hidden.shape[-1]]), tf.reshape(owners, [-1]), count)


def _between(one: _Tokens, other: _Tokens) -> tf.Tensor:
    """Compute S(i, a) of the examples of one and of other, float32 [n, m]; -1 for empty slots."""
    cosines = tf.matmul(other.states, one.states, transpose_b=True)
    highest = tf.math.unsorted_segment_max(cosines, other.owners, other.examples + 1)[
        : other.examples
    ]
    highest = tf.transpose(tf.maximum(highest, -1.0))  # of no token at all it is the lowest number
    sums = tf.math.unsorted_segment_sum(highest, one.owners, one.examples + 1)
    sizes = tf.math.unsorted_segment_sum(
        tf.ones_like(one.owners, tf.float32), one.owners, one.examples + 1
    )
    return tf.math.divide_no_nan(sums, sizes[:, tf.newaxis])[: one.examples]
