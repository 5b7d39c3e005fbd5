"""Losses of one class against numbers worked by hand, scikit-learn, Keras and NumPy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from sklearn.metrics import log_loss

from tfsocial.objectives import weighing
from tfsocial.objectives.task.classify import (
    AnnealedCrossEntropy,
    ClassBalanced,
    CrossEntropy,
    Focal,
    GeneralizedCrossEntropy,
    Poly,
    SymmetricCrossEntropy,
)

SHARES = np.log([1, 2, 5])  # logits of probabilities 1/8, 2/8 and 5/8
LABELS = np.arange(12).reshape(3, 4) % 5
VARIANTS = [Focal, Poly, GeneralizedCrossEntropy, SymmetricCrossEntropy]


def probabilities_of(logits, labels) -> np.ndarray:
    """p_y in float64."""
    powers = np.exp(logits.astype(np.float64))
    shares = powers / powers.sum(-1, keepdims=True)
    return np.take_along_axis(shares, labels[..., np.newaxis], -1)[..., 0]


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


class TestFocal:
    """-(1 - p_y)^gamma log p_y."""

    def test_by_hand(self, labelled):
        """gamma = 2: p = 2/8 costs (3/4)^2 log 4, p = 5/8 costs (3/8)^2 log(8/5)."""
        loss, mask = Focal("topic")(labelled([[SHARES] * 2], [[1, 2]]))
        np.testing.assert_allclose(
            loss, [[9 / 16 * math.log(4), 9 / 64 * math.log(8 / 5)]], rtol=1e-6
        )
        np.testing.assert_array_equal(mask, [[1, 1]])

    @pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
    def test_is_keras_categorical_focal_crossentropy(self, labelled, random_logits, gamma):
        """Each example's loss is Keras's with all classes alike."""
        loss, _ = Focal("topic", gamma)(labelled(random_logits, LABELS))
        expected = keras.losses.categorical_focal_crossentropy(
            tf.one_hot(LABELS, 5), random_logits, alpha=1.0, gamma=gamma, from_logits=True
        )
        np.testing.assert_allclose(loss, expected, rtol=1e-4)

    def test_gamma_zero_is_cross_entropy(self, labelled, slopes, random_logits):
        """Same losses, same gradients."""
        plain, reduced = CrossEntropy("topic"), Focal("topic", 0.0)
        step = labelled(random_logits, LABELS)
        np.testing.assert_allclose(reduced(step).loss, plain(step).loss, rtol=1e-6)
        np.testing.assert_allclose(
            slopes(reduced, random_logits, LABELS),
            slopes(plain, random_logits, LABELS),
            atol=1e-7,
        )

    @pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
    def test_what_is_learned_has_no_gradient(self, slopes, gamma):
        """p = 1 is where (1 - p)^gamma has no slope of its own for small gamma."""
        found = slopes(Focal("topic", gamma), [[[1e4, -1e4]]], [[0]])
        np.testing.assert_array_equal(found, [[[0, 0]]])


class TestPoly:
    """-log p_y + epsilon (1 - p_y)."""

    def test_by_hand(self, labelled):
        """p = 2/8: log 4 + 2 * 3/4 at epsilon = 2, log 4 - 3/4 at epsilon = -1."""
        step = labelled([[SHARES]], [[1]])
        np.testing.assert_allclose(
            Poly("topic", 2.0)(step).loss, [[math.log(4) + 3 / 2]], rtol=1e-6
        )
        np.testing.assert_allclose(
            Poly("topic", -1.0)(step).loss, [[math.log(4) - 3 / 4]], rtol=1e-6
        )

    def test_epsilon_zero_is_cross_entropy(self, labelled, random_logits):
        """Nothing is added."""
        step = labelled(random_logits, LABELS)
        np.testing.assert_array_equal(
            Poly("topic", 0.0)(step).loss, CrossEntropy("topic")(step).loss
        )

    @pytest.mark.parametrize("epsilon", [-1.0, 0.5, 3.0])
    def test_is_the_series_with_another_first_coefficient(self, labelled, random_logits, epsilon):
        """(1 + epsilon) (1 - p) + sum over j > 1 of (1 - p)^j / j, a thousand powers of it."""
        logits = random_logits / 3
        wrong = 1 - probabilities_of(logits, LABELS)
        powers = np.arange(1, 1001)
        coefficients = 1 / powers
        coefficients[0] += epsilon
        expected = (wrong[..., np.newaxis] ** powers) @ coefficients
        loss, _ = Poly("topic", epsilon)(labelled(logits, LABELS))
        np.testing.assert_allclose(loss, expected, rtol=1e-5)


class TestClassBalanced:
    """-w_y log p_y."""

    def balanced(self, labelled, beta: float, counts) -> np.ndarray:
        step = labelled([[np.log([1, 1, 2])] * 3], [[0, 1, 2]])
        return ClassBalanced("topic", beta)(replace(step, label_counts={"topic": counts})).loss[0]

    def test_by_hand(self, labelled):
        """beta = 1/2, counts 1, 2, 3: 1/2 over 1/2, 3/4, 7/8 is 1, 2/3, 4/7, their mean 47/63."""
        loss = self.balanced(labelled, 0.5, np.array([1, 2, 3]))
        weights = np.array([1, 2 / 3, 4 / 7]) * 63 / 47
        np.testing.assert_allclose(loss, weights * np.log([4, 4, 2]), rtol=1e-5)

    def test_of_beta_zero_is_cross_entropy(self, labelled):
        """Every class weighs 1."""
        loss = self.balanced(labelled, 0.0, np.array([1, 20, 300]))
        np.testing.assert_allclose(loss, np.log([4, 4, 2]), rtol=1e-6)

    def test_a_class_nobody_has_is_finite(self, labelled):
        """Weighed as one with a single example."""
        losses = [self.balanced(labelled, 0.9, np.array([n, 5, 9])) for n in (0, 1)]
        np.testing.assert_array_equal(*losses)


class TestGeneralizedCrossEntropy:
    """(1 - p_y^q) / q."""

    def test_by_hand(self, labelled):
        """q = 1/2 and p = 2/8: (1 - 1/2) / (1/2) = 1."""
        loss, mask = GeneralizedCrossEntropy("topic", 0.5)(labelled([[SHARES]], [[1]]))
        np.testing.assert_allclose(loss, [[1]], rtol=1e-6)
        np.testing.assert_array_equal(mask, [[1]])

    def test_q_one_is_the_share_of_the_wrong_classes(self, labelled):
        """p = 1/8, 2/8 and 5/8 cost 7/8, 6/8 and 3/8."""
        loss, _ = GeneralizedCrossEntropy("topic", 1.0)(labelled([[SHARES] * 3], [[0, 1, 2]]))
        np.testing.assert_allclose(loss, [[7 / 8, 6 / 8, 3 / 8]], rtol=1e-6)

    def test_small_q_is_cross_entropy(self, labelled, random_logits):
        """p^q is 1 + q log p; what is left out is of order q."""
        step = labelled(random_logits, LABELS)
        loss, _ = GeneralizedCrossEntropy("topic", 1e-6)(step)
        np.testing.assert_allclose(loss, CrossEntropy("topic")(step).loss, rtol=1e-4)

    @pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
    def test_is_the_formula_in_numpy(self, labelled, random_logits, q):
        """Random logits, in float64."""
        loss, _ = GeneralizedCrossEntropy("topic", q)(labelled(random_logits, LABELS))
        expected = (1 - probabilities_of(random_logits, LABELS) ** q) / q
        np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-6)

    def test_gradient_is_cross_entropys_times_a_power_of_p(self, slopes, random_logits):
        """What a label is trusted with is p_y^q: an unlikely one pulls little."""
        found = slopes(GeneralizedCrossEntropy("topic", 0.7), random_logits, LABELS)
        trust = probabilities_of(random_logits, LABELS)[..., np.newaxis] ** 0.7
        expected = trust * slopes(CrossEntropy("topic"), random_logits, LABELS)
        np.testing.assert_allclose(found, expected, atol=1e-7)


class TestSymmetricCrossEntropy:
    """Cross-entropy in both directions, with A for log 0."""

    def test_by_hand(self, labelled):
        """p = 2/8 at alpha = 1/2, beta = 2, A = -3: 1/2 log 4 + 2 * 3 * 3/4."""
        loss, mask = SymmetricCrossEntropy("topic", 0.5, 2.0, -3.0)(labelled([[SHARES]], [[1]]))
        np.testing.assert_allclose(loss, [[math.log(4) / 2 + 9 / 2]], rtol=1e-6)
        np.testing.assert_array_equal(mask, [[1]])

    def test_beta_zero_is_alpha_times_cross_entropy(self, labelled, random_logits):
        """The reverse direction is left out."""
        step = labelled(random_logits, LABELS)
        loss, _ = SymmetricCrossEntropy("topic", 3.0, 0.0)(step)
        np.testing.assert_allclose(loss, 3 * CrossEntropy("topic")(step).loss, rtol=1e-6)

    def test_is_both_sums_over_the_classes(self, labelled, random_logits):
        """Both cross-entropies class by class in float64, log onehot(y) being 0 or A."""
        loss, _ = SymmetricCrossEntropy("topic", 0.3, 0.8, -6.0)(labelled(random_logits, LABELS))
        onehot = np.eye(5)[LABELS]
        p = tf.nn.softmax(random_logits.astype(np.float64)).numpy()
        forward, reverse = -(onehot * np.log(p)).sum(-1), -(p * (1 - onehot) * -6.0).sum(-1)
        np.testing.assert_allclose(loss, 0.3 * forward + 0.8 * reverse, rtol=1e-5)


@pytest.mark.parametrize("loss_of", VARIANTS)
class TestVariant:
    """Each of the losses above, where all of them are cross-entropy's kin."""

    def test_leaves_out_unlabelled_and_weightless(self, labelled, loss_of):
        """Label -1 and weight 0 are masked, and the loss that stands there is finite."""
        loss, mask = loss_of("topic")(labelled(np.zeros([1, 3, 2]), [[-1, 0, 1]], [[1, 0, 1]]))
        np.testing.assert_array_equal(mask, [[0, 0, 1]])
        assert np.isfinite(loss.numpy()).all()

    def test_large_logits_stay_finite(self, labelled, slopes, loss_of):
        """Right or wrong with certainty, loss and gradient are numbers; right costs nothing."""
        logits, labels = [[[1e4, -1e4], [1e4, -1e4]]], [[0, 1]]
        loss, _ = loss_of("topic")(labelled(logits, labels))
        assert loss[0, 0] == 0
        assert 1 <= loss[0, 1] < np.inf
        assert np.isfinite(slopes(loss_of("topic"), logits, labels)).all()

    def test_falls_as_the_right_class_grows(self, labelled, loss_of):
        """p_y from 0.01 to 0.99: every step costs less."""
        p = np.linspace(0.01, 0.99, 50)
        logits = np.log(np.stack([p, 1 - p], -1))[np.newaxis]
        loss, _ = loss_of("topic")(labelled(logits, np.zeros([1, 50], np.int32)))
        assert np.all(np.diff(loss.numpy()[0]) < 0)


class TestAnnealedCrossEntropy:
    """-log p_y as long as p_y is below a limit that rises."""

    @pytest.mark.parametrize(
        ("schedule", "progress", "counts"),
        [
            # of three classes the limit is 1/3 at first: only 1/8 and 2/8 are below
            ("linear", 0.0, [1, 1, 0]),
            # 1/3 + 2/3 * 0.4 = 0.6, still below 5/8; with 0.5 it is 2/3
            ("linear", 0.4, [1, 1, 0]),
            ("linear", 0.5, [1, 1, 1]),
            # 1 - e^-1 of the way: 0.755
            ("log", 0.2, [1, 1, 1]),
            # e^-1 of the way: 0.579
            ("exp", 0.8, [1, 1, 0]),
            ("exp", 1.0, [1, 1, 1]),
        ],
    )
    def test_by_hand(self, labelled, schedule, progress, counts):
        """Shares 1/8, 2/8 and 5/8; every example stays in the mask."""
        step = replace(labelled([[SHARES] * 3], [[0, 1, 2]]), progress=progress)
        loss, mask = AnnealedCrossEntropy("topic", schedule)(step)
        expected = np.array([math.log(8), math.log(4), math.log(8 / 5)]) * counts
        np.testing.assert_allclose(loss, [expected], rtol=1e-6)
        np.testing.assert_array_equal(mask, [[1, 1, 1]])
