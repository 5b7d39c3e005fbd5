"""Drift constraints: the weight of a term of L0 is moved so that the model stays near M0."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsocial.config import DriftConstraint
from tfsocial.data.pipeline import tokenized_split
from tfsocial.data.pipeline.batches import evaluation_batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.models import inference
from tfsocial.objectives.table import drift_constraints
from tfsocial.text.batch import Shape
from tfsocial.training.callbacks.metrics_logger import MetricsLogger
from tfsocial.training.social_model import SocialModel

FASTEST = 2.0  # times the step size: what one measurement may move a weight's logarithm by, at most
FURTHEST = 1e4  # times or parts of its start: a weight of nothing would never come back


class DriftController(keras.callbacks.Callback):
    """Moves the weights of the terms that have a drift constraint, every so many steps.

    log alpha <- log alpha + step_size * ((1 - cosine) / (1 - wanted) - 1)

    `cosine` is the mean over some texts between their vectors now and M0's. Dual ascent on the
    constraint that it is at least `wanted`: Boyd & Vandenberghe (2004), Convex Optimization,
    section 5; in the logarithm, so that alpha stays positive whatever its scale.

    Args:
        model: its text model still has M0's weights.
        encoded: texts to measure on, as many of them as the constraints say.
    """

    def __init__(
        self, model: SocialModel, encoded: TokenizedSplit, shape: Shape, metrics: MetricsLogger
    ):
        super().__init__()
        self.metrics, formula = metrics, model.formula
        self.constraints = drift_constraints(formula.terms)
        texts = max(constraint.texts for constraint in self.constraints.values())
        measured = tokenized_split.sample(encoded, texts)
        self.batches = evaluation_batches(measured, shape).cache()
        self._pooled = tf.function(
            lambda batch: {"": model.text_model(batch, training=False).pooled}, autograph=False
        )
        self._at_m0 = self._directions()

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations.numpy())
        before = step - self.model.steps_at_once
        due = {
            name: constraint
            for name, constraint in self.constraints.items()
            if step // constraint.every > before // constraint.every
        }
        if not due:
            return
        cosine = self.cosine()
        for name, constraint in due.items():
            alpha = self.model.formula.alphas[name]
            alpha.assign(moved(float(alpha.numpy()), cosine, constraint))
        self.metrics.write(step, "train", {"cosine_to_m0": cosine})

    def cosine(self) -> float:
        """Measure the mean cosine of the texts' vectors to M0's, with the weights of now."""
        return float(np.mean(np.sum(self._directions() * self._at_m0, -1)))

    def _directions(self) -> np.ndarray:
        vectors = inference.by_example(self._pooled, self.batches)[""]
        return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def moved(alpha: float, cosine: float, constraint: DriftConstraint) -> float:
    """Give the weight after a measurement.

    >>> wanted = DriftConstraint(cosine=0.9)
    >>> round(moved(1.0, cosine=0.8, constraint=wanted), 3)  # twice as far as allowed
    2.718
    >>> moved(1.0, cosine=0.9, constraint=wanted)
    1.0
    """
    distance = (1 - cosine) / (1 - constraint.cosine)
    wanted = alpha * math.exp(constraint.step_size * min(distance - 1, FASTEST))
    return min(max(wanted, constraint.start / FURTHEST), constraint.start * FURTHEST)
