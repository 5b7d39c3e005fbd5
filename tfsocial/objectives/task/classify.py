"""L of one class out of several. p is the softmax of the logits z, y the example's class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.objectives.task.shared import class_labels, power


@dataclass(frozen=True)
class CrossEntropy(Objective):
    """-sum_c q_c log softmax(z)_c, with q = (1 - s) onehot(y) + s / C.

    Label smoothing s: Szegedy et al. (2016), Rethinking the Inception Architecture,
    arXiv:1512.00567, section 7.
    """

    task: str
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    kinds = ("classify",)

    def __call__(self, step: Forward) -> Terms:
        log_p, log_p_y, mask = _log_likelihood(step, self.task)
        uniform = tf.reduce_mean(log_p, -1)
        return Terms(-(1 - self.label_smoothing) * log_p_y - self.label_smoothing * uniform, mask)


@dataclass(frozen=True)
class AnnealedCrossEntropy(Objective):
    """-log p_y while p_y < eta_t, then 0; eta_t = alpha_t (1 - 1/C) + 1/C rises from 1/C to 1.

    alpha_t is t/T (`linear`), 1 - exp(-5 t/T) (`log`) or exp(5 (t/T - 1)) (`exp`). Few labels
    are then not learned by heart before a large unlabelled pool is. Training-signal annealing of
    Xie et al. (2020), arXiv:1904.12848, section 2.4; where the paper divides by the examples
    that are left, those that are learned count with 0 here.
    """

    task: str
    schedule: Literal["linear", "log", "exp"] = "linear"

    kinds = ("classify",)

    def __call__(self, step: Forward) -> Terms:
        log_p, log_p_y, mask = _log_likelihood(step, self.task)
        share = 1 / log_p.shape[-1]
        limit = self._alpha(tf.cast(step.progress, tf.float32)) * (1 - share) + share
        return Terms(tf.where(tf.exp(log_p_y) < limit, -log_p_y, 0.0), mask)

    def _alpha(self, progress: tf.Tensor) -> tf.Tensor:
        if self.schedule == "linear":
            return progress
        return (
            tf.exp(5 * (progress - 1)) if self.schedule == "exp" else -tf.math.expm1(-5 * progress)
        )


@dataclass(frozen=True)
class Focal(Objective):
    """-(1 - p_y)^gamma log p_y: what is nearly learned counts less.

    Lin et al. (2017), Focal Loss for Dense Object Detection, arXiv:1708.02002, equation 4,
    with a softmax in place of the sigmoid.
    """

    task: str
    gamma: Annotated[float, Field(ge=0.0)] = 2.0

    kinds = ("classify",)

    def __call__(self, step: Forward) -> Terms:
        _, log_p_y, mask = _log_likelihood(step, self.task)
        return Terms(-power(-tf.math.expm1(log_p_y), self.gamma) * log_p_y, mask)


@dataclass(frozen=True)
class Poly(Objective):
    """-log p_y + epsilon (1 - p_y): another first coefficient in the expansion of cross-entropy.

    Poly-1, Leng et al. (2022), PolyLoss: A Polynomial Expansion Perspective of Classification
    Loss Functions, arXiv:2204.12511. Below -1 the loss would fall as p_y moves away from 1.
    """

    task: str
    epsilon: Annotated[float, Field(ge=-1.0)] = 1.0

    kinds = ("classify",)

    def __call__(self, step: Forward) -> Terms:
        _, log_p_y, mask = _log_likelihood(step, self.task)
        return Terms(-log_p_y - self.epsilon * tf.math.expm1(log_p_y), mask)


@dataclass(frozen=True)
class GeneralizedCrossEntropy(Objective):
    """(1 - p_y^q) / q, between -log p_y (q towards 0) and 1 - p_y (q = 1).

    It forgives wrong labels: the gradient is cross-entropy's times p_y^q.
    Zhang & Sabuncu (2018), Generalized Cross Entropy Loss for Training Deep Neural Networks
    with Noisy Labels, arXiv:1805.07836, section 3; q = 0.7 is theirs.
    """

    task: str
    q: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7

    kinds = ("classify",)

    def __call__(self, step: Forward) -> Terms:
        _, log_p_y, mask = _log_likelihood(step, self.task)
        return Terms(-tf.math.expm1(self.q * log_p_y) / self.q, mask)


@dataclass(frozen=True)
class SymmetricCrossEntropy(Objective):
    """-alpha sum_c q_c log p_c - beta sum_c p_c log q_c, q = onehot(y), with A for log 0.

    Only the wrong classes have log q = A, so the second sum is A (1 - p_y).
    Wang et al. (2019), Symmetric Cross Entropy for Robust Learning with Noisy Labels,
    arXiv:1908.06112, section 3.
    """

    task: str
    alpha: Annotated[float, Field(gt=0.0)] = 0.1
    beta: Annotated[float, Field(ge=0.0)] = 1.0
    A: Annotated[float, Field(lt=0.0)] = -4.0

    kinds = ("classify",)

    def __call__(self, step: Forward) -> Terms:
        _, log_p_y, mask = _log_likelihood(step, self.task)
        reverse = self.A * tf.math.expm1(log_p_y)
        return Terms(-self.alpha * log_p_y + self.beta * reverse, mask)


@dataclass(frozen=True)
class ClassBalanced(Objective):
    """-w_y log p_y, with w_c proportional to (1 - beta) / (1 - beta^n_c) and of mean 1.

    n_c is how many training examples class c has. beta = 0 weighs all classes alike, beta
    towards 1 by 1 / n_c. A class without examples is weighed as one with a single one.
    Cui et al. (2019), Class-Balanced Loss Based on Effective Number of Samples,
    arXiv:1901.05555, equation 8.
    """

    task: str
    beta: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999

    kinds = ("classify",)

    def __call__(self, step: Forward) -> Terms:
        _, log_p_y, mask = _log_likelihood(step, self.task)
        labels, _ = class_labels(step, self.task)
        return Terms(
            -tf.gather(self._weights(step.label_counts[self.task]), labels) * log_p_y, mask
        )

    def _weights(self, counts: np.ndarray) -> np.ndarray:
        weights = (1 - self.beta) / (1 - np.power(self.beta, np.maximum(counts, 1)))
        return (weights / weights.mean()).astype(np.float32)


def _log_likelihood(step: Forward, task: str) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Give log p [rows, slots, classes], log p_y [rows, slots], the mask of labelled examples."""
    log_p = tf.nn.log_softmax(step.outputs.logits[task])
    labels, mask = class_labels(step, task)
    return log_p, tf.gather(log_p, labels, batch_dims=2), mask
