"""Losses of a number against numbers worked by hand, scikit-learn and Keras."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tf_keras as keras
from sklearn.metrics import mean_squared_error

from tfsocial.objectives import weighing
from tfsocial.objectives.task.regress import Huber, MeanSquaredError

NAN = math.nan


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


class TestHuber:
    """1/2 e^2 near 0, a straight line beyond delta."""

    def test_by_hand(self, labelled):
        """Errors 1/2 and -3 cost 1/8 and 3 - 1/2 at delta = 1, 1/8 and 2 (3 - 1) at delta = 2."""
        step = labelled([[[1.5], [1.0]]], [[[1.0], [4.0]]])
        np.testing.assert_allclose(Huber("topic")(step).loss, [[1 / 8, 5 / 2]])
        np.testing.assert_allclose(Huber("topic", 2.0)(step).loss, [[1 / 8, 4]])

    def test_outputs_are_averaged(self, labelled):
        """The two errors above on one head of two outputs."""
        loss, mask = Huber("topic")(labelled([[[1.5, 1.0]]], [[[1.0, 4.0]]]))
        np.testing.assert_allclose(loss, [[(1 / 8 + 5 / 2) / 2]])
        np.testing.assert_array_equal(mask, [[1]])

    @pytest.mark.parametrize("delta", [0.1, 1.0, 3.0])
    def test_is_keras_huber(self, labelled, random_logits, delta):
        """Each example's loss is Keras's."""
        labels = np.random.default_rng(1).normal(size=random_logits.shape)
        loss, _ = Huber("topic", delta)(labelled(random_logits, labels))
        expected = keras.losses.huber(labels, random_logits, delta)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)

    def test_large_delta_is_half_the_squared_error(self, labelled, random_logits):
        """No error reaches delta."""
        step = labelled(random_logits, np.zeros_like(random_logits))
        expected = MeanSquaredError("topic")(step).loss / 2
        np.testing.assert_allclose(Huber("topic", 1e6)(step).loss, expected, rtol=1e-6)

    def test_small_delta_is_delta_times_the_absolute_error(self, labelled, random_logits):
        """Every error is beyond delta; what is missing is delta^2 / 2."""
        loss, _ = Huber("topic", 1e-4)(labelled(random_logits, np.zeros_like(random_logits)))
        np.testing.assert_allclose(loss / 1e-4, np.abs(random_logits).mean(-1), atol=1e-4)

    def test_gradient_is_the_error_up_to_delta(self, slopes):
        """Errors 1/2, -3 and 1e6 pull with 1/2, -1 and 1; the mean over three divides."""
        found = slopes(Huber("topic"), [[[0.5], [-3.0], [1e6]]], np.zeros([1, 3, 1]))
        np.testing.assert_allclose(found[0, :, 0] * 3, [0.5, -1, 1], rtol=1e-6)

    def test_leaves_out_unknown_values(self, labelled):
        """NaN is masked and finite; so is a weightless slot."""
        step = labelled(np.ones([1, 3, 1]), [[[NAN], [0.0], [0.0]]], [[1, 1, 0]])
        loss, mask = Huber("topic")(step)
        np.testing.assert_array_equal(mask, [[0, 1, 0]])
        assert np.isfinite(loss.numpy()).all()
