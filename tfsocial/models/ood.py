"""Out of scope by score: no class is learned for what belongs to none, a threshold tells it."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from tfsocial.kinds import OODScore
from tfsocial.models.spec import NEVER


class OODDetector(keras.layers.Layer):
    """How sure a head is that a text belongs to one of its classes, and from where on it does not.

    The score s of a text, larger in scope, is one of

        energy           log sum_c exp(z_c), z the logits: minus the free energy at temperature 1,
                         Liu et al. (2020), Energy-based Out-of-distribution Detection,
                         arXiv:2010.03759, equation 4
        max_probability  max_c softmax(z)_c, Hendrycks & Gimpel (2017), arXiv:1610.02136
        mahalanobis      -min_c (f - m_c)' P (f - m_c), f the pooled vector, m_c its mean over
                         class c of train, P the inverse of the covariance all classes share,
                         Lee et al. (2018), arXiv:1807.03888, equation 2
        relative_mahalanobis  the same + (f - m)' Q (f - m), m and Q of all of train as one class:
                         what is unusual for any text does not count, Ren et al. (2021),
                         arXiv:2106.09022

    q = sigmoid(slope * (threshold - s)) is the probability of being out of scope. It is the last
    column of the predictions, and the others are the classes' times 1 - q.
    """

    def __init__(self, by: OODScore, classes: int, hidden_size: int, **kwargs):
        super().__init__(**kwargs, dtype="float32", trainable=False)
        self.by, self.classes, self.hidden_size = by, classes, hidden_size

    @property
    def measures_distances(self) -> bool:
        """Whether the score has to know where train's classes lie."""
        return self.by in ("mahalanobis", "relative_mahalanobis")

    def build(self, input_shape=None):
        constant = keras.initializers.Constant
        self.threshold = self.add_weight("threshold", [], initializer=constant(NEVER))
        self.slope = self.add_weight("slope", [], initializer="ones")
        square = [self.hidden_size, self.hidden_size]
        if self.measures_distances:
            self.means = self.add_weight("means", [self.classes, self.hidden_size])
            self.precision = self.add_weight("precision", square)
        if self.by == "relative_mahalanobis":
            self.mean = self.add_weight("mean", [1, self.hidden_size])
            self.precision_of_all = self.add_weight("precision_of_all", square)
        super().build(input_shape)

    def call(self, pooled: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Give probabilities [..., classes + 1] of vectors [..., hidden], logits [..., classes]."""
        outside = tf.sigmoid(self.slope * (self.threshold - self.score(pooled, logits)))
        outside = outside[..., tf.newaxis]
        return tf.concat([tf.nn.softmax(logits) * (1 - outside), outside], -1)

    def score(self, pooled: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Compute s, float32 [...], of vectors [..., hidden] and logits [..., classes]."""
        if self.by == "energy":
            return tf.reduce_logsumexp(logits, -1)
        if self.by == "max_probability":
            return tf.reduce_max(tf.nn.softmax(logits), -1)
        near = -tf.reduce_min(_distances(pooled, self.means, self.precision), -1)
        if self.by == "mahalanobis":
            return near
        return near + _distances(pooled, self.mean, self.precision_of_all)[..., 0]


def _distances(vectors: tf.Tensor, means: tf.Tensor, precision: tf.Tensor) -> tf.Tensor:
    """Compute squared Mahalanobis distances [..., m] of [..., hidden] to means [m, hidden]."""
    # Term by term: the differences themselves would be [..., m, hidden].
    stretched = tf.tensordot(vectors, precision, 1)
    norms = tf.reduce_sum(stretched * vectors, -1, keepdims=True)
    squares = tf.reduce_sum(tf.matmul(means, precision) * means, -1)
    return norms - 2 * tf.tensordot(stretched, means, [[-1], [-1]]) + squares
