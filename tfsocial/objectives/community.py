"""L0: what the community model M0 has to say about theta."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from tfsocial.data.batch import WEIGHT
from tfsocial.objectives.contract import Forward, Terms


@dataclass(frozen=True)
class FeatureCosine:
    """1 - cos(f(x; theta), f(x; theta0)), f the pooled vector of a text.

    Distillation from M0's own features: the tuned model keeps the directions M0 gave to
    texts. Feature distillation: Romero et al. (2015), FitNets, arXiv:1412.6550; the cosine
    form: Sanh et al. (2019), DistilBERT, arXiv:1910.01108, section 3.
    """

    def __call__(self, step: Forward) -> Terms:
        tuned = tf.math.l2_normalize(step.outputs.pooled, -1)
        frozen = tf.math.l2_normalize(step.community.pooled, -1)
        return Terms(1 - tf.reduce_sum(tuned * frozen, -1), step.batch[WEIGHT])


@dataclass(frozen=True)
class L2SP:
    """1/2 * sum over the encoder's weights of (w - w0)^2, the same for every example.

    L2-SP, Li, Grandvalet & Davoine (2018), Explicit Inductive Bias for Transfer Learning,
    arXiv:1802.01483, equation 3 (the heads have no w0; weight decay is theirs).
    """

    def __call__(self, step: Forward) -> Terms:
        distance = tf.add_n([tf.nn.l2_loss(w - w0) for w, w0 in step.parameters])
        weight = step.batch[WEIGHT]
        return Terms(distance * tf.ones_like(weight), weight)
