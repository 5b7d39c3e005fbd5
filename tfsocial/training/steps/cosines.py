"""Whether the terms' gradients agree: cosines between each two, measured beside the steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf

from tfsocial.training import gradients
from tfsocial.training.steps.contract import Evaluated, Trained
from tfsocial.training.steps.moving import moving_number


class Cosines:
    """The cosines between every two terms' gradients on the encoder, every so many steps.

    Args:
        terms: their names.
        every: steps between two measurements on one replica; several measure at each step.
        encoder: its variables.
    """

    def __init__(self, terms: Sequence[str], every: int, encoder: Sequence[tf.Variable]):
        self.every, self.encoder = every, encoder
        pairs = itertools.combinations(terms, 2)
        names = [gradients.pair_name(*pair) for pair in pairs]
        self.last = {name: moving_number(name) for name in names}

    def update(self, model: Trained, evaluated: Evaluated) -> None:
        """Measure if it is time, before the weights move."""
        lasts = [*self.last.values()]

        def measured() -> list[tf.Tensor]:
            scaling, weighted = gradients.scaling(model.optimizer), evaluated.weighed.weighted
            per_term = gradients.per_term(evaluated.tape, weighted, self.encoder, scaling)
            return [*gradients.cosines(per_term).values()]

        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            values = measured()  # replicas cannot meet inside a branch
        else:
            due = model.optimizer.iterations % self.every == 0
            values = tf.cond(due, measured, lambda: [last.read_value() for last in lasts])
        for last, value in zip(lasts, values, strict=True):
            last.assign(value)
