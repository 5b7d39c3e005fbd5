"""Out of scope by score: no class is learned for what belongs to none, a threshold tells it."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from tfsocial.config import ScopeScore

NEVER = -3e38  # a threshold no score lies below


class Scope(keras.layers.Layer):
    """How sure a head is that a text belongs to one of its classes, and from where on it does not.

    The score s of a text, larger in scope, is one of

        energy           log sum_c exp(z_c), z the logits: minus the free energy at temperature 1,
                         Liu et al. (2020), Energy-based Out-of-distribution Detection,
                         arXiv:2010.03759, equation 4
        max_probability  max_c softmax(z)_c, Hendrycks & Gimpel (2017), arXiv:1610.02136
        mahalanobis      -min_c (f - m_c)' P (f - m_c), f the pooled vector, m_c its mean over
                         class c of train, P the inverse of the covariance all classes share,
                         Lee et al. (2018), arXiv:1807.03888, equation 2

    q = sigmoid(slope * (threshold - s)) is the probability of being out of scope. It is the last
    column of the predictions, and the others are the classes' times 1 - q.
    """

    def __init__(self, by: ScopeScore, classes: int, hidden_size: int, **kwargs):
        super().__init__(**kwargs, dtype="float32", trainable=False)
        self.by, self.classes, self.hidden_size = by, classes, hidden_size

    def build(self, input_shape=None):
        constant = keras.initializers.Constant
        self.threshold = self.add_weight("threshold", [], initializer=constant(NEVER))
        self.slope = self.add_weight("slope", [], initializer="ones")
        if self.by == "mahalanobis":
            self.means = self.add_weight("means", [self.classes, self.hidden_size])
            self.precision = self.add_weight("precision", [self.hidden_size, self.hidden_size])
        super().build(input_shape)

    def call(self, pooled: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Probabilities [..., classes + 1] from vectors [..., hidden], logits [..., classes]."""
        outside = tf.sigmoid(self.slope * (self.threshold - self.score(pooled, logits)))
        outside = outside[..., tf.newaxis]
        return tf.concat([tf.nn.softmax(logits) * (1 - outside), outside], -1)

    def score(self, pooled: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """s, float32 [...]."""
        if self.by == "energy":
            return tf.reduce_logsumexp(logits, -1)
        if self.by == "max_probability":
            return tf.reduce_max(tf.nn.softmax(logits), -1)
        return -tf.reduce_min(self._distances(pooled), -1)

    def _distances(self, pooled: tf.Tensor) -> tf.Tensor:
        """Squared Mahalanobis distance to each class's mean, [..., classes]."""
        # Term by term: the differences themselves would be [..., classes, hidden].
        stretched = tf.tensordot(pooled, self.precision, 1)
        own = tf.reduce_sum(stretched * pooled, -1, keepdims=True)
        means = tf.reduce_sum(tf.matmul(self.means, self.precision) * self.means, -1)
        return own - 2 * tf.tensordot(stretched, self.means, [[-1], [-1]]) + means
