"""Losses of several labels against numbers worked by hand, Keras and NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tf_keras as keras

from tfsocial.objectives.task.multilabel import Asymmetric, BinaryCrossEntropy, Multinomial

NAN = math.nan


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

    def test_unknown_label_has_no_gradient(self, slopes):
        """A NaN label gives 0, not NaN, to the logits it is compared with."""
        found = slopes(BinaryCrossEntropy("topic"), [[[2.0], [2.0]]], [[[NAN], [0.0]]])
        np.testing.assert_allclose(found, [[[0], [0.880797]]], rtol=1e-5)


def asymmetric_by_loops(logits, labels, gamma_positive, gamma_negative, clip):
    """The formula label by label, numpy float64 [rows, slots]."""
    losses = np.zeros(logits.shape)
    for where, logit in np.ndenumerate(logits):
        p = 1 / (1 + math.exp(-float(logit)))
        r = max(p - clip, 0)
        present = -((1 - p) ** gamma_positive) * math.log(p)
        absent = -(r**gamma_negative) * math.log(1 - r)
        losses[where] = present if labels[where] else absent
    return losses.mean(-1)


@pytest.fixture
def random_labels():
    return (np.random.default_rng(1).random([3, 4, 5]) > 0.6).astype(np.float32)


class TestAsymmetric:
    """Mean over labels of a focal loss with two gammas and a margin."""

    def test_by_hand(self, labelled):
        """p = 3/4 present costs 1/4 log(4/3); p = 1/2 absent has r = 1/4: 1/16 log(4/3)."""
        step = labelled([[[math.log(3), 0.0]]], [[[1.0, 0.0]]])
        loss, mask = Asymmetric("topic", 1.0, 2.0, 0.25)(step)
        np.testing.assert_allclose(loss, [[(1 / 4 + 1 / 16) * math.log(4 / 3) / 2]], rtol=1e-6)
        np.testing.assert_array_equal(mask, [[1]])

    def test_below_the_clip_costs_nothing(self, labelled, slopes):
        """p = 1/10 absent is under a clip of 1/4: no loss and no gradient, at any gamma."""
        logits, labels = [[[-math.log(9)]]], [[[0.0]]]
        for gamma in (0.0, 0.5, 4.0):
            objective = Asymmetric("topic", 0.0, gamma, 0.25)
            np.testing.assert_array_equal(objective(labelled(logits, labels)).loss, [[0]])
            np.testing.assert_array_equal(slopes(objective, logits, labels), [[[0]]])

    @pytest.mark.parametrize("knobs", [(0, 4, 0.05), (1, 2, 0), (0.5, 0.5, 0.3), (2, 0, 0.9)])
    def test_is_the_formula_in_a_loop(self, labelled, random_logits, random_labels, knobs):
        """Random logits and labels, on both sides of the clip."""
        loss, _ = Asymmetric("topic", *knobs)(labelled(random_logits, random_labels))
        expected = asymmetric_by_loops(random_logits, random_labels, *knobs)
        np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-6)

    def test_without_gammas_and_clip_is_binary_cross_entropy(
        self, labelled, slopes, random_logits, random_labels
    ):
        """Every factor is 1: same losses, same gradients."""
        plain, reduced = BinaryCrossEntropy("topic"), Asymmetric("topic", 0.0, 0.0, 0.0)
        step = labelled(random_logits, random_labels)
        np.testing.assert_allclose(reduced(step).loss, plain(step).loss, rtol=1e-5)
        np.testing.assert_allclose(
            slopes(reduced, random_logits, random_labels),
            slopes(plain, random_logits, random_labels),
            atol=1e-7,
        )

    def test_equal_gammas_without_clip_are_keras_focal_loss(
        self, labelled, random_logits, random_labels
    ):
        """Each example's loss is Keras's binary focal cross-entropy."""
        loss, _ = Asymmetric("topic", 2.0, 2.0, 0.0)(labelled(random_logits, random_labels))
        expected = keras.losses.binary_focal_crossentropy(
            random_labels, random_logits, gamma=2.0, from_logits=True
        )
        np.testing.assert_allclose(loss, expected, rtol=1e-4)

    @pytest.mark.parametrize("clip", [0.0, 0.05])
    @pytest.mark.parametrize("gamma", [0.0, 0.5, 4.0])
    def test_large_logits_stay_finite(self, labelled, slopes, clip, gamma):
        """An absent label of p = 1 costs its logit, with a clip (1 - clip)^gamma log(1 / clip)."""
        logits, labels = [[[1e3], [-1e3], [1e3], [-1e3]]], [[[0.0], [0.0], [1.0], [1.0]]]
        objective = Asymmetric("topic", gamma, gamma, clip)
        loss, _ = objective(labelled(logits, labels))
        absent = -((1 - clip) ** gamma) * math.log(clip) if clip else 1e3
        np.testing.assert_allclose(loss, [[absent, 0, 0, 1e3]], rtol=1e-5, atol=1e-6)
        assert np.isfinite(slopes(objective, logits, labels)).all()

    def test_one_unknown_label_masks_the_example(self, labelled):
        """NaN in any column is 'not labelled'; nothing becomes NaN."""
        labels = [[[1.0, 0.0], [NAN, NAN], [1.0, NAN]]]
        loss, mask = Asymmetric("topic")(labelled(np.zeros([1, 3, 2]), labels))
        np.testing.assert_array_equal(mask, [[1, 0, 0]])
        assert np.isfinite(loss.numpy()).all()


class TestMultinomial:
    """Cross-entropy of a softmax over the labels with equal shares for those that are there."""

    def test_by_hand(self, labelled):
        """Shares 1/2, 1/3 and 1/6; the first and the last are there."""
        logits = np.log([[[3.0, 2.0, 1.0]]])
        loss, mask = Multinomial("topic")(labelled(logits, [[[1.0, 0.0, 1.0]]]))
        np.testing.assert_allclose(loss, [[(math.log(2) + math.log(6)) / 2]], rtol=1e-6)
        np.testing.assert_array_equal(mask, [[1]])

    def test_one_label_is_a_class(self, labelled, random_logits):
        """Of one label each it is Keras's cross-entropy of classes."""
        classes = np.random.default_rng(1).integers(5, size=[3, 4])
        loss, _ = Multinomial("topic")(
            labelled(random_logits, np.eye(5, dtype=np.float32)[classes])
        )
        expected = keras.losses.sparse_categorical_crossentropy(classes, random_logits, True)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)

    def test_texts_without_labels_are_left_out(self, labelled, slopes):
        """Known to have none, or not labelled; neither pulls at anything."""
        labels = [[[0.0, 0.0], [NAN, NAN], [0.0, 1.0]]]
        loss, mask = Multinomial("topic")(labelled(np.zeros([1, 3, 2]), labels))
        np.testing.assert_array_equal(mask, [[0, 0, 1]])
        assert np.isfinite(loss.numpy()).all()
        assert not slopes(Multinomial("topic"), [[[2.0, 1.0]]], [[[0.0, 0.0]]]).any()
