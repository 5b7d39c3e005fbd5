"""R-Drop: two dropout passes over a text should agree."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from tfsocial.data.batch import WEIGHT
from tfsocial.objectives.contract import Forward, Terms


@dataclass(frozen=True)
class RDrop:
    """1/2 * (KL(p1 || p2) + KL(p2 || p1)), p1 and p2 from passes with different dropout.

    Liang, Wu, Li et al. (2021), R-Drop: Regularized Dropout for Neural Networks,
    arXiv:2106.14448, equation 2; the paper's alpha is this term's weight (1 to 5 on GLUE).
    It needs no labels. A multilabel task takes the KL of each label's Bernoulli, summed.

    Symmetric KL needs no logarithm of its own: it is 1/2 * sum (p1 - p2) (log p1 - log p2).
    """

    task: str

    def __call__(self, step: Forward) -> Terms:
        first, second = (pass_.logits[self.task] for pass_ in (step.outputs, step.again()))
        if step.kinds[self.task] == "multilabel":
            # For a Bernoulli both outcomes add up to (p1 - p2) times the difference in log-odds.
            differences = (tf.sigmoid(first) - tf.sigmoid(second)) * (first - second)
        else:
            log_ratio = tf.nn.log_softmax(first) - tf.nn.log_softmax(second)
            differences = (tf.nn.softmax(first) - tf.nn.softmax(second)) * log_ratio
        return Terms(tf.reduce_sum(differences, -1) / 2, step.batch[WEIGHT])
