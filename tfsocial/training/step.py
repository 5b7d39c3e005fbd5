"""SocialModel, whose `train_step` computes L + alpha * L0 + beta * L_paper."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Objectives
from tfsocial.data import batch as keys
from tfsocial.data import packing
from tfsocial.models.text_model import Outputs, TextModel
from tfsocial.objectives import weighing
from tfsocial.objectives.table import Term, losses
from tfsocial.training import gradients
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.forward import Given, Step


class SocialModel(keras.Model):
    """The text model in training, beside M0 and the formula that joins them.

    Only metrics leave a step: a raw tensor would be summed over replicas on GPU but taken
    from the first replica on TPU.
    """

    def __init__(
        self,
        text_model: TextModel,
        terms: Sequence[Term],
        total_steps: int,
        given: Given | None = None,
        objectives: Objectives | None = None,
        ema: float | None = None,
    ):
        super().__init__(name="social_model")
        self.text_model = text_model
        self.terms = list(terms)
        self.total_steps = total_steps
        self.given = given or Given(losses=losses(terms))
        for frozen in filter(None, (self.given.m0, self.given.probes)):
            frozen.trainable = False
        objectives = objectives or Objectives()
        self.surgery = objectives.weighing == "pcgrad"
        self.log_variances = None
        if objectives.weighing == "uncertainty":
            self.log_variances = self.add_weight("log_variances", [len(terms)], initializer="zeros")
        self.cosines_every = objectives.cosines_every
        pairs = itertools.combinations([term.name for term in terms], 2)
        measured = [gradients.pair_name(*pair) for pair in pairs] if self.cosines_every else []
        self.cosines = {name: _last_value(name) for name in measured}
        self.average = WeightAverage(text_model.trainable_variables, ema)
        self.curves = {name: keras.metrics.Mean(name) for name in _curve_names(self.terms)}

    def call(self, batch: keys.Batch, training: bool = False) -> Outputs:
        return self.text_model(batch, training=training)

    @property
    def term_variables(self) -> list[tf.Variable]:
        """What is learned beside the text model: the terms' log variances, if they are."""
        return [] if self.log_variances is None else [self.log_variances]

    def train_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        progress = tf.cast(self.optimizer.iterations, tf.float32) / self.total_steps
        with tf.GradientTape(persistent=self.surgery or bool(self.cosines)) as tape:
            weighed = self._formula(batch, progress, training=True)
        if self.cosines:
            self._measure_cosines(tape, weighed)
        if self.surgery:
            self._operate(tape, weighed)
        else:
            self.optimizer.minimize(weighed.loss, self.trainable_variables, tape=tape)
        self.average.update(self.optimizer.iterations)
        return self._recorded(batch, weighed)

    def test_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        return self._recorded(batch, self._formula(batch, tf.constant(1.0), training=False))

    def predict_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """Example ids [rows, slots] and every task's predictions [rows, slots, width]."""
        outputs = self(batch, training=False)
        predictions = self.text_model.predictions(outputs)
        return {keys.EXAMPLE_ID: batch[keys.EXAMPLE_ID], **predictions}

    def _operate(self, tape: tf.GradientTape, weighed: weighing.Weighed) -> None:
        """PCGrad on what the terms share, the encoder."""
        variables = self.trainable_variables
        encoder = {variable.ref() for variable in self.text_model.encoder.trainable_variables}
        per_term = gradients.per_term(tape, weighed.weighted, variables)
        shared = [variable.ref() in encoder for variable in variables]
        combined = gradients.combined([*per_term.values()], shared)
        # They are of the global batch already.
        self.optimizer.apply_gradients(
            zip(combined, variables, strict=True), skip_gradients_aggregation=True
        )

    def _measure_cosines(self, tape: tf.GradientTape, weighed: weighing.Weighed) -> None:
        lasts = [*self.cosines.values()]

        def measured() -> list[tf.Tensor]:
            variables = self.text_model.encoder.trainable_variables
            per_term = gradients.per_term(tape, weighed.weighted, variables)
            return [*gradients.cosines(per_term).values()]

        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            values = measured()  # replicas cannot meet inside a branch
        else:
            due = self.optimizer.iterations % self.cosines_every == 0
            values = tf.cond(due, measured, lambda: [last.read_value() for last in lasts])
        for last, value in zip(lasts, values, strict=True):
            last.assign(value)

    def _formula(self, batch: keys.Batch, progress: tf.Tensor, training: bool) -> weighing.Weighed:
        step = Step(batch, self.text_model, self.given, training)
        return weighing.total(self.terms, step, progress, self.log_variances)

    def _recorded(self, batch: keys.Batch, weighed: weighing.Weighed) -> dict[str, tf.Tensor]:
        """Feeds the curves. Shares of R replicas add up, so their mean is R times too small."""
        replicas = tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, tf.float32)
        shares = {"loss": weighed.loss}
        shares |= {f"raw/{name}": value for name, value in weighed.raw.items()}
        shares |= {f"weighted/{name}": value for name, value in weighed.weighted.items()}
        shares["examples"] = tf.reduce_sum(batch[keys.WEIGHT])
        shares["tokens"] = tf.reduce_sum(tf.cast(batch[keys.SEGMENT_IDS] > 0, tf.float32))
        for name, share in shares.items():
            self.curves[name].update_state(share * replicas)
        self.curves["padding_share"].update_state(packing.padding_share(batch[keys.SEGMENT_IDS]))
        return {name: metric.result() for name, metric in self.curves.items()}


def _last_value(name: str) -> tf.Variable:
    """A number all replicas know alike. Keras's metrics begin anew each epoch, this does not."""
    return tf.Variable(
        0.0,
        trainable=False,
        name=name,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.MEAN,
    )


def _curve_names(terms: Sequence[Term]) -> list[str]:
    per_term = [f"{form}/{term.name}" for form in ("raw", "weighted") for term in terms]
    return ["loss", *per_term, "examples", "tokens", "padding_share"]
