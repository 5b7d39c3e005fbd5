"""L against numbers worked by hand, scikit-learn and Keras."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from sklearn.metrics import log_loss, mean_squared_error

from tfsocial.data import batch as keys
from tfsocial.objectives import weighing
from tfsocial.objectives.task import BinaryCrossEntropy, CrossEntropy, MeanSquaredError

NAN = math.nan


@pytest.fixture
def labelled(fake_step, fake_outputs):
    """A step from logits [rows, slots, width] and labels; every slot has weight 1 unless told."""

    def make(logits, labels, weight=None):
        labels = np.asarray(labels)
        weight = np.ones(np.shape(logits)[:2]) if weight is None else weight
        dtype = tf.int32 if labels.dtype.kind == "i" else tf.float32
        batch = {
            keys.WEIGHT: tf.constant(weight, tf.float32),
            keys.label_key("topic"): tf.constant(labels, dtype),
        }
        return fake_step(batch, fake_outputs(logits))

    return make


@pytest.fixture
def random_logits():
    return np.random.default_rng(0).normal(size=[3, 4, 5]).astype(np.float32) * 3


class TestCrossEntropy:
    """-sum_c q_c log softmax(z)_c."""

    def test_by_hand(self, labelled):
        """Logits log 1, log 2, log 5 are shares 1/8, 2/8 and 5/8."""
        logits = [[np.log([1, 2, 5])] * 3]
        loss, mask = CrossEntropy("topic")(labelled(logits, [[0, 1, 2]]))
        np.testing.assert_allclose(loss, [[math.log(8), math.log(4), math.log(8 / 5)]], rtol=1e-6)
        np.testing.assert_array_equal(mask, [[1, 1, 1]])

    def test_smoothing_by_hand(self, labelled):
        """s = 0.3 over three classes: the right one gets 0.8, the others 0.1 each."""
        loss, _ = CrossEntropy("topic", 0.3)(labelled([[np.log([1, 2, 5])]], [[1]]))
        expected = 0.8 * math.log(4) + 0.1 * math.log(8) + 0.1 * math.log(8 / 5)
        np.testing.assert_allclose(loss, [[expected]], rtol=1e-6)

    def test_is_scikit_learns_log_loss(self, labelled, random_logits):
        """The mean over all examples is `log_loss` of the softmax."""
        labels = np.arange(12).reshape(3, 4) % 5
        share = weighing.mean(CrossEntropy("topic")(labelled(random_logits, labels)))
        probabilities = tf.nn.softmax(random_logits.astype(np.float64)).numpy().reshape(12, 5)
        expected = log_loss(labels.ravel(), probabilities, labels=range(5))
        np.testing.assert_allclose(share, expected, rtol=1e-5)

    @pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
    def test_is_keras_categorical_crossentropy(self, labelled, random_logits, smoothing):
        """Each example's loss is Keras's, with smoothing and without."""
        labels = np.arange(12).reshape(3, 4) % 5
        loss, _ = CrossEntropy("topic", smoothing)(labelled(random_logits, labels))
        expected = keras.losses.categorical_crossentropy(
            tf.one_hot(labels, 5), random_logits, from_logits=True, label_smoothing=smoothing
        )
        np.testing.assert_allclose(loss, expected, rtol=1e-5)

    def test_leaves_out_unlabelled_and_weightless(self, labelled):
        """Label -1 and weight 0 are masked, and the loss that stands there is finite."""
        step = labelled(np.zeros([1, 3, 2]), [[-1, 0, 1]], [[1, 0, 1]])
        loss, mask = CrossEntropy("topic")(step)
        np.testing.assert_array_equal(mask, [[0, 0, 1]])
        assert np.isfinite(loss.numpy()).all()

    def test_large_logits_stay_finite(self, labelled):
        """A wrong answer given with certainty costs the difference of the logits."""
        loss, _ = CrossEntropy("topic")(labelled([[[1e4, -1e4]]], [[1]]))
        np.testing.assert_allclose(loss, [[2e4]])


class TestBinaryCrossEntropy:
    """Mean over labels of the logistic loss."""

    def test_by_hand(self, labelled):
        """Log-odds log 3 are probability 3/4, log-odds 0 are 1/2."""
        loss, mask = BinaryCrossEntropy("topic")(labelled([[[math.log(3), 0.0]]], [[[1.0, 0.0]]]))
        np.testing.assert_allclose(loss, [[(math.log(4 / 3) + math.log(2)) / 2]], rtol=1e-6)
        np.testing.assert_array_equal(mask, [[1]])

    def test_smoothing_by_hand(self, labelled):
        """s = 0.2 turns 1 into 0.9 and 0 into 0.1."""
        loss, _ = BinaryCrossEntropy("topic", 0.2)(labelled([[[math.log(3)] * 2]], [[[1.0, 0.0]]]))
        right, wrong = math.log(4 / 3), math.log(4)
        expected = (0.9 * right + 0.1 * wrong + 0.1 * right + 0.9 * wrong) / 2
        np.testing.assert_allclose(loss, [[expected]], rtol=1e-6)

    @pytest.mark.parametrize("smoothing", [0.0, 0.3])
    def test_is_keras_binary_crossentropy(self, labelled, random_logits, smoothing):
        """Each example's loss is Keras's."""
        labels = (np.random.default_rng(1).random([3, 4, 5]) > 0.6).astype(np.float32)
        loss, _ = BinaryCrossEntropy("topic", smoothing)(labelled(random_logits, labels))
        expected = keras.losses.binary_crossentropy(
            labels, random_logits, from_logits=True, label_smoothing=smoothing
        )
        np.testing.assert_allclose(loss, expected, rtol=1e-5)

    def test_one_unknown_label_masks_the_example(self, labelled):
        """NaN in any column is 'not labelled'; nothing becomes NaN."""
        labels = [[[1.0, 0.0], [NAN, NAN], [1.0, NAN]]]
        loss, mask = BinaryCrossEntropy("topic")(labelled(np.zeros([1, 3, 2]), labels))
        np.testing.assert_array_equal(mask, [[1, 0, 0]])
        assert np.isfinite(loss.numpy()).all()

    def test_unknown_label_has_no_gradient(self, labelled, fake_step, fake_outputs):
        """A NaN label gives 0, not NaN, to the logits it is compared with."""
        logits = tf.constant([[[2.0], [2.0]]])
        batch = labelled(np.zeros([1, 2, 1]), [[[NAN], [0.0]]]).batch
        with tf.GradientTape() as tape:
            tape.watch(logits)
            step = fake_step(batch, fake_outputs()._replace(logits={"topic": logits}))
            share = weighing.mean(BinaryCrossEntropy("topic")(step))
        np.testing.assert_allclose(tape.gradient(share, logits), [[[0], [0.880797]]], rtol=1e-5)


class TestMeanSquaredError:
    """(z - y)^2."""

    def test_by_hand(self, labelled):
        """Errors 2 and -3 cost 4 and 9; two outputs are averaged."""
        loss, _ = MeanSquaredError("topic")(labelled([[[3.0], [1.0]]], [[[1.0], [4.0]]]))
        np.testing.assert_allclose(loss, [[4, 9]])
        loss, _ = MeanSquaredError("topic")(labelled([[[3.0, 1.0]]], [[[1.0, 4.0]]]))
        np.testing.assert_allclose(loss, [[6.5]])

    def test_is_scikit_learns(self, labelled, random_logits):
        """The mean over examples is `mean_squared_error`."""
        values, labels = random_logits[..., :1], random_logits[..., 1:2]
        share = weighing.mean(MeanSquaredError("topic")(labelled(values, labels)))
        np.testing.assert_allclose(
            share, mean_squared_error(labels.ravel(), values.ravel()), rtol=1e-5
        )

    def test_leaves_out_unknown_values(self, labelled):
        """NaN is masked and finite; so is a weightless slot."""
        step = labelled(np.ones([1, 3, 1]), [[[NAN], [0.0], [0.0]]], [[1, 1, 0]])
        loss, mask = MeanSquaredError("topic")(step)
        np.testing.assert_array_equal(mask, [[0, 1, 0]])
        assert np.isfinite(loss.numpy()).all()
