"""SocialModel, whose `train_step` computes L + alpha * L0 + beta * L_paper."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Budget, Objectives
from tfsocial.data import batch as keys
from tfsocial.models.text_model import Outputs, TextModel
from tfsocial.objectives.table import Term, losses
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.formula import Formula
from tfsocial.training.given import Given
from tfsocial.training.keras_private import FittedModel
from tfsocial.training.steps.choice import training_step
from tfsocial.training.steps.moving import moving_number
from tfsocial.training.steps.step_metrics import StepMetrics


class SocialModel(FittedModel):
    """The text model in training, beside M0 and the formula that joins them.

    Args:
        ema: memory of the averages of the weights; None for none.
        parts: that a batch is computed in.
        frozen: weights of the encoder that stay as they are.
    """

    def __init__(
        self,
        text_model: TextModel,
        terms: Sequence[Term],
        total_steps: int,
        given: Given | None = None,
        objectives: Objectives | None = None,
        ema: float | None = None,
        parts: int = 1,
        frozen: Iterable[tf.Variable] = (),
    ):
        super().__init__(name="social_model")
        self._frozen = frozenset(variable.ref() for variable in frozen)
        self.text_model = text_model
        given = given or Given(losses=losses(terms))
        averages = given.average.trainable_variables if given.average else None
        for beside in filter(None, (given.m0, given.probes, given.average)):
            beside.trainable = False
        objectives, names = objectives or Objectives(), [term.name for term in terms]
        self.step = training_step(objectives, parts, names, text_model.encoder)
        drifting = [term for term in terms if isinstance(term.weight, Budget)]
        alphas = {term.name: moving_number(term.name, term.weight.start) for term in drifting}
        factors = self.step.gradnorm.factors if self.step.gradnorm else {}
        self.log_variances = None
        if objectives.weighing == "uncertainty":
            self.log_variances = self.add_weight("log_variances", [len(terms)], initializer="zeros")
        self.formula = Formula(
            [*terms], text_model, given, total_steps, alphas, factors, self.log_variances
        )
        weights = text_model.trainable_variables
        learns = [weight.ref() not in self._frozen for weight in weights]
        own = [*itertools.compress(weights, learns)]
        self.average = WeightAverage(own, ema, averages and [*itertools.compress(averages, learns)])
        self.step_metrics = StepMetrics(terms)

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer,
        jit_compile: bool,
        steps_per_execution: int = 1,
    ) -> None:
        """Compile, and build the optimizer: a step that makes variables is traced twice."""
        self.steps_at_once = steps_per_execution
        super().compile(optimizer, jit_compile=jit_compile, steps_per_execution=steps_per_execution)
        optimizer.build(self.learned)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that Keras resets at the start of an epoch."""
        return [*self.step_metrics.means.values()]

    @property
    def learned(self) -> list[tf.Variable]:
        """What the optimizer moves: Keras's flags would change the order of a layer's variables."""
        weights = [*self.term_variables, *self.text_model.trainable_variables]
        return [weight for weight in weights if weight.ref() not in self._frozen]

    @property
    def term_variables(self) -> list[tf.Variable]:
        """What is learned beside the text model."""
        return [] if self.log_variances is None else [self.log_variances]

    @property
    def moving_numbers(self) -> dict[str, tf.Variable]:
        """What has a curve beside the metrics: cosines between terms, weights that move."""
        alphas = {f"alpha/{name}": alpha for name, alpha in self.formula.alphas.items()}
        factors = {f"gradnorm/{name}": by for name, by in self.formula.factors.items()}
        return {**(self.step.cosines.last if self.step.cosines else {}), **alphas, **factors}

    def call(self, batch: keys.Batch, training: bool = False) -> Outputs:
        return self.text_model(batch, training=training)

    def train_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """Move the weights once; give the means of the epoch so far."""
        weighed = self.step.take(self, batch)
        self.average.update(self.optimizer.iterations)
        return self.step_metrics.update(batch, weighed)

    def test_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """Compute the formula without dropout; give the means of the batches so far."""
        return self.step_metrics.update(batch, self.formula.evaluation(batch))

    def predict_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """Give example ids [rows, slots] and predictions [rows, slots, width] of every task."""
        predictions = self.text_model.predictions(self(batch, training=False))
        return {keys.EXAMPLE_ID: batch[keys.EXAMPLE_ID], **predictions}
