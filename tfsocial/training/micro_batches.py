"""Gradient accumulation: a batch too large for the memory, in parts within one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from tfsocial.objectives import weighing
from tfsocial.objectives.table import Term
from tfsocial.objectives.weighing import Weighed
from tfsocial.text.batch import EXAMPLE_ID, TOKEN_IDS, Batch
from tfsocial.training import gradients
from tfsocial.training.forward import Step

Formula = Callable[[Batch, Mapping[str, tf.Tensor]], Weighed]


def accumulated(
    batch: Batch,
    parts: int,
    formula: Formula,
    counts: Mapping[str, tf.Tensor],
    variables: Sequence[tf.Variable],
    scaling: gradients.Scaling | None = None,
) -> tuple[Weighed, list[tf.Tensor]]:
    """The formula on a batch and this replica's gradients, one part of the rows after the other.

    Each part is divided by the counts of all parts, so that the parts add up to the batch. What
    compares examples with each other (contrasts, mixup) sees those of its own part, and an example
    that has nobody to be compared with there does not count.

    Args:
        batch: of a multiple of `parts` rows.
        counts: term -> examples it counts in all parts of the global batch.
        variables: those that learn; no gradient of others is computed.
        scaling: see `gradients.of_replica`.
    """
    found: list[Weighed] = []
    totals = [tf.zeros_like(variable) for variable in variables]
    for part in split(batch, parts):
        # Not before the part before it is done: else all would be in memory at once.
        with tf.control_dependencies(totals):
            part = {key: tf.identity(values) for key, values in part.items()}
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(variables)
                weighed = formula(part, counts)
            own = gradients.of_replica(tape, weighed.loss, variables, scaling)
            totals = [
                total + tf.convert_to_tensor(more) for total, more in zip(totals, own, strict=True)
            ]
        found.append(weighed)
    return tf.nest.map_structure(lambda *values: tf.add_n(values), *found), totals


def split(batch: Batch, parts: int) -> list[Batch]:
    """Rows of a batch in so many parts of the same size.

    >>> [part["x"].numpy().tolist() for part in split({"x": tf.range(4)}, 2)]
    [[0, 1], [2, 3]]
    """
    pieces = {key: tf.split(values, parts) for key, values in batch.items()}
    return [{key: piece[part] for key, piece in pieces.items()} for part in range(parts)]


def counted(terms: Sequence[Term], steps: Sequence[Step]) -> dict[str, tf.Tensor]:
    """Term -> examples it counts in these parts of the global batch.

    A mask follows from the batch alone, so a graph holds nothing of the passes traced here: the
    steps must draw no chance, which a graph keeps.
    """
    return {
        term.name: tf.add_n([weighing.counted(term.objective(step)) for step in steps])
        for term in terms
    }


@dataclass(frozen=True)
class Certain(Step):
    """A step without chance: 1/2 for every number drawn; to be asked without dropout."""

    def uniform(self) -> tf.Tensor:
        return tf.fill(tf.shape(self.batch[EXAMPLE_ID]), 0.5)

    def uniform_tokens(self) -> tf.Tensor:
        return tf.fill(tf.shape(self.batch[TOKEN_IDS]), 0.5)

    def noise(self) -> tf.Tensor:
        return tf.fill(tf.shape(self._words), 0.5)
