"""SocialModel, whose `train_step` computes L + alpha * L0 + beta * L_paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Objectives
from tfsocial.models import parameters
from tfsocial.models.parameters import Parameters
from tfsocial.models.text_model import Outputs, TextModel
from tfsocial.objectives.table import Term, drift_constraints, losses
from tfsocial.text import batch as keys
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.formula import Formula
from tfsocial.training.keras_private import FittedModel
from tfsocial.training.run_constants import RunConstants
from tfsocial.training.steps.choice import training_step
from tfsocial.training.steps.moving import moving_number
from tfsocial.training.steps.step_metrics import StepMetrics

FROZEN = ("m0", "probe", "averaged_weights")  # constants that are layers


class SocialModel(FittedModel):
    """The text model in training, beside M0 and the formula that joins them.

    Args:
        ema: memory of the averages of the weights; None for none.
        parts: that a batch is computed in.
        frozen: names of weights of the encoder that stay as they are.
    """

    def __init__(
        self,
        text_model: TextModel,
        terms: Sequence[Term],
        total_steps: int,
        constants: RunConstants | None = None,
        objectives: Objectives | None = None,
        ema: float | None = None,
        parts: int = 1,
        frozen: Iterable[str] = (),
    ):
        super().__init__(name="social_model")
        self._frozen = frozenset(frozen)
        self.text_model, self.parts = text_model, parts
        constants = constants or RunConstants(losses(terms))
        average = constants.get("averaged_weights")
        averages = parameters.of_text_model(average).variables if average else None
        for beside in filter(None, map(constants.get, FROZEN)):
            beside.trainable = False
        objectives, names = objectives or Objectives(), [term.name for term in terms]
        self.step = training_step(objectives, parts, names, text_model.encoder)
        alphas = {
            name: moving_number(name, constraint.start)
            for name, constraint in drift_constraints(terms).items()
        }
        factors = self.step.gradnorm.factors if self.step.gradnorm else {}
        self.log_variances = None
        if objectives.weighing == "uncertainty":
            self.log_variances = self.add_weight("log_variances", [len(terms)], initializer="zeros")
        self.formula = Formula(
            [*terms], text_model, constants, total_steps, alphas, factors, self.log_variances
        )
        weights = self._learned(parameters.of_text_model(text_model)).variables
        self.average = WeightAverage(weights, ema, averages)
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
        """What the optimizer moves."""
        return [*self._learned(self.parameters).variables.values()]

    @property
    def parameters(self) -> Parameters:
        """All weights by name: what the terms learn, then the text model's."""
        return parameters.of_text_model(self.text_model, self.term_variables)

    def _learned(self, weights: Parameters) -> Parameters:
        """Pick those that learn: Keras's flags are a layer's, not a weight's."""
        return weights.trainable.where(lambda weight: weight.name not in self._frozen)

    @property
    def term_variables(self) -> dict[str, tf.Variable]:
        """What is learned beside the text model."""
        return {} if self.log_variances is None else {"log_variances": self.log_variances}

    @property
    def moving_numbers(self) -> dict[str, tf.Variable]:
        """What has a curve beside the metrics: cosines between terms, weights that move."""
        alphas = {f"alpha/{name}": alpha for name, alpha in self.formula.alphas.items()}
        factors = {f"gradnorm/{name}": by for name, by in self.formula.factors.items()}
        return {**(self.step.cosines.last if self.step.cosines else {}), **alphas, **factors}

    # AutoGraph is off where a graph is made: no Python here branches on a tensor's value, and to
    # rewrite it costs each run seconds.
    @tf.autograph.experimental.do_not_convert
    def call(self, batch: keys.Batch, training: bool = False) -> Outputs:
        return self.text_model(batch, training=training)

    @tf.autograph.experimental.do_not_convert
    def train_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """Move the weights once; give the means of the epoch so far."""
        weighed = self.step.take(self, batch)
        self.average.update(self.optimizer.iterations)
        return self.step_metrics.update(batch, weighed)

    @tf.autograph.experimental.do_not_convert
    def test_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """Compute the formula without dropout; give the means of the batches so far."""
        return self.step_metrics.update(batch, self.formula.evaluation(batch))

    @tf.autograph.experimental.do_not_convert
    def predict_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """Give example ids [rows, slots] and predictions [rows, slots, width] of every task."""
        outputs = self(batch, training=False)
        predictions = self.text_model.predictions(outputs.pooled, outputs.logits)
        return {keys.EXAMPLE_ID: batch[keys.EXAMPLE_ID], **predictions}
