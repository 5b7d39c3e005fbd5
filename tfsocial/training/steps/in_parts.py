"""Gradient accumulation: a batch too large for the memory, in parts within one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from tfsocial.objectives import weighing
from tfsocial.objectives.table import Term
from tfsocial.objectives.weighing import Weighed
from tfsocial.text.batch import EXAMPLE_ID, TOKEN_IDS, Batch
from tfsocial.training import gradients
from tfsocial.training.formula import Formula
from tfsocial.training.forward import Step
from tfsocial.training.steps.contract import Evaluated, Trained


@dataclass(frozen=True)
class InParts:
    """The gradient of a batch that does not fit into memory as a whole.

    Each part is divided by the counts of all parts, so that the parts add up to the batch. What
    compares examples with each other (contrasts, mixup) sees those of its own part, and an example
    that has nobody to be compared with there does not count.

    Args:
        parts: that the rows of a batch are divided into.
    """

    parts: int

    def evaluate(self, model: Trained, batch: Batch) -> Evaluated:
        """Compute the formula and the global batch's gradients, one part after the other."""
        counts = counted_in_parts(model.formula, split(batch, self.parts))
        weighed, summed = self._accumulated(model, batch, counts)
        return Evaluated(weighed, gradients.over_replicas(summed))

    def _accumulated(
        self, model: Trained, batch: Batch, counts: Mapping[str, tf.Tensor]
    ) -> tuple[Weighed, list[tf.Tensor]]:
        """Sum the formula and this replica's gradients over the parts."""
        shares: list[Weighed] = []
        totals = [tf.zeros_like(variable) for variable in model.learned]
        for part in split(batch, self.parts):
            # Not before the part before it is done: else all would be in memory at once.
            with tf.control_dependencies(totals):
                part = {key: tf.identity(values) for key, values in part.items()}
                weighed, of_part = self._of_part(model, part, counts)
                totals = [
                    total + tf.convert_to_tensor(more)
                    for total, more in zip(totals, of_part, strict=True)
                ]
            shares.append(weighed)
        return tf.nest.map_structure(lambda *values: tf.add_n(values), *shares), totals

    def _of_part(
        self, model: Trained, part: Batch, counts: Mapping[str, tf.Tensor]
    ) -> tuple[Weighed, list[tf.Tensor | tf.IndexedSlices]]:
        variables = model.learned
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            iterations = model.optimizer.iterations
            weighed = model.formula.training(part, iterations, counts, self.parts)
        scaling = gradients.scaling(model.optimizer)
        return weighed, gradients.of_replica(tape, weighed.loss, variables, scaling)


def split(batch: Batch, parts: int) -> list[Batch]:
    """Divide the rows of a batch into so many parts of the same size.

    Args:
        batch: of a multiple of `parts` rows.

    >>> [part["x"].numpy().tolist() for part in split({"x": tf.range(4)}, 2)]
    [[0, 1], [2, 3]]
    """
    pieces = {key: tf.split(values, parts) for key, values in batch.items()}
    return [{key: piece[part] for key, piece in pieces.items()} for part in range(parts)]


def counted_in_parts(formula: Formula, parts: Sequence[Batch]) -> dict[str, tf.Tensor]:
    """Count what each term counts in all parts of the global batch.

    Returns:
        Term -> examples, float32 [].
    """
    steps = [Certain(part, formula.text_model, formula.constants, training=False) for part in parts]
    return counted(formula.terms, steps)


def counted(terms: Sequence[Term], steps: Sequence[Step]) -> dict[str, tf.Tensor]:
    """Count the examples that each term counts in these parts of the global batch.

    A mask follows from the batch alone, so a graph holds nothing of the passes traced here: the
    steps must draw no chance, which a graph keeps.

    Returns:
        Term -> examples, float32 [].
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
