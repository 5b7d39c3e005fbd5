"""Alpha as a budget: the weight of a term of L0 is moved so that the model stays near M0."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsocial.config import DriftConstraint
from tfsocial.data import pipeline
from tfsocial.data.batch import Shape
from tfsocial.models import inference
from tfsocial.training.curves import Curves
from tfsocial.training.step import SocialModel

FASTEST = 2.0  # times the step size: what one measurement may move a weight's logarithm by, at most
FURTHEST = 1e4  # times or parts of its start: a weight of nothing would never come back


class KeepNear(keras.callbacks.Callback):
    """log alpha <- log alpha + step_size * ((1 - cosine) / (1 - wanted) - 1), every so many steps.

    `cosine` is the mean over some texts between their vectors now and M0's. Dual ascent on the
    constraint that it is at least `wanted`: Boyd & Vandenberghe (2004), Convex Optimization,
    section 5; in the logarithm, so that alpha stays positive whatever its scale.

    Args:
        model: its text model still has M0's weights.
        encoded: texts to measure on, as many of them as the budgets say.
    """

    def __init__(self, model: SocialModel, encoded: pipeline.Encoded, shape: Shape, curves: Curves):
        super().__init__()
        self.curves = curves
        self.budgets = {
            term.name: term.weight for term in model.terms if term.name in model.budgets
        }
        measured = pipeline.sample(encoded, max(own.texts for own in self.budgets.values()))
        self.batches = pipeline.evaluation_batches(measured, shape).cache()
        self._pooled = tf.function(
            lambda batch: {"": model.text_model(batch, training=False).pooled}
        )
        self._at_m0 = self._directions()

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations.numpy())
        before = step - self.model.steps_at_once
        due = {
            name: own
            for name, own in self.budgets.items()
            if step // own.every > before // own.every
        }
        if not due:
            return
        cosine = self.cosine()
        for name, own in due.items():
            alpha = self.model.budgets[name]
            alpha.assign(moved(float(alpha.numpy()), cosine, own))
        self.curves.write(step, "train", {"cosine_to_m0": cosine})

    def cosine(self) -> float:
        """Mean cosine of the texts' vectors to M0's, with the weights of now."""
        return float(np.mean(np.sum(self._directions() * self._at_m0, -1)))

    def _directions(self) -> np.ndarray:
        vectors = inference.by_example(self._pooled, self.batches)[""]
        return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def moved(alpha: float, cosine: float, budget: DriftConstraint) -> float:
    """The weight after a measurement.

    >>> allowed = DriftConstraint(cosine=0.9)
    >>> round(moved(1.0, cosine=0.8, budget=allowed), 3)  # twice as far as allowed
    2.718
    >>> moved(1.0, cosine=0.9, budget=allowed)
    1.0
    """
    distance = (1 - cosine) / (1 - budget.cosine)
    wanted = alpha * math.exp(budget.step_size * min(distance - 1, FASTEST))
    return min(max(wanted, budget.start / FURTHEST), budget.start * FURTHEST)
