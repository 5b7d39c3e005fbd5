"""SocialModel, whose `train_step` computes L + alpha * L0 + beta * L_paper."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.data import batch as keys
from tfsocial.data import packing
from tfsocial.models.encoder import PackedBert
from tfsocial.models.text_model import Outputs, TextModel
from tfsocial.objectives import weighing
from tfsocial.objectives.table import Term
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.forward import Step


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
        m0: PackedBert | None = None,
        ema: float | None = None,
    ):
        super().__init__(name="social_model")
        self.text_model = text_model
        self.terms = list(terms)
        self.total_steps = total_steps
        self.m0 = m0
        if m0 is not None:
            m0.trainable = False
        self.average = WeightAverage(text_model.trainable_variables, ema)
        self.curves = {name: keras.metrics.Mean(name) for name in _curve_names(self.terms)}

    def call(self, batch: keys.Batch, training: bool = False) -> Outputs:
        return self.text_model(batch, training=training)

    def train_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        progress = tf.cast(self.optimizer.iterations, tf.float32) / self.total_steps
        with tf.GradientTape() as tape:
            weighed = self._formula(batch, progress, training=True)
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

    def _formula(self, batch: keys.Batch, progress: tf.Tensor, training: bool) -> weighing.Weighed:
        return weighing.total(self.terms, Step(batch, self.text_model, self.m0, training), progress)

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


def _curve_names(terms: Sequence[Term]) -> list[str]:
    per_term = [f"{form}/{term.name}" for form in ("raw", "weighted") for term in terms]
    return ["loss", *per_term, "examples", "tokens", "padding_share"]
