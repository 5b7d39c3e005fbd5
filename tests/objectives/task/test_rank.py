"""Losses of an order against numbers worked by hand, loops and Keras."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsocial.objectives import weighing
from tfsocial.objectives.task.rank import Listwise, Pairwise
from tfsocial.text import batch as keys

NAN = math.nan
RANKED = [Pairwise, Listwise]


@pytest.fixture
def ranked(labelled):
    """(loss, mask) of an objective on one row of scores, labels and weights."""

    def make(objective, scores, labels, weight=None):
        scores, labels = np.reshape(scores, [1, -1, 1]), np.reshape(labels, [1, -1, 1])
        weight = None if weight is None else [weight]
        terms = objective(labelled(scores, labels.astype(float), weight))
        return terms.loss.numpy()[0], terms.mask.numpy()[0]

    return make


def pairs_by_loops(scores, labels, known):
    """(loss, number of examples below) of each example, numpy float64."""
    losses, below = np.zeros(len(scores)), np.zeros(len(scores))
    for i in range(len(scores)):
        costs = [
            math.log(1 + math.exp(scores[j] - scores[i]))
            for j in range(len(scores))
            if known[i] and known[j] and labels[j] < labels[i]
        ]
        below[i] = len(costs)
        losses[i] = np.mean(costs) if costs else 0
    return losses, below


class TestPairwise:
    """Mean over the examples below of log(1 + exp(-(s_i - s_j)))."""

    def test_by_hand(self, ranked):
        """Labels 2, 1, 0 with scores 0, log 3, 0.

        The first costs log(1 + 3) against the second and log 2 against the third, 3/2 log 2
        on average; the second log(1 + 1/3) against the third, which has none below it.
        """
        loss, mask = ranked(Pairwise("topic"), [0, math.log(3), 0], [2, 1, 0])
        np.testing.assert_array_equal(mask, [1, 1, 0])
        np.testing.assert_allclose(loss[:2], [1.5 * math.log(2), math.log(4 / 3)], rtol=1e-6)

    def test_equal_labels_are_no_pair(self, ranked):
        """Of labels 1, 1, 0 each 1 is compared with the 0 alone: log 2 and log(1 + 1/3)."""
        loss, mask = ranked(Pairwise("topic"), [0, math.log(3), 0], [1, 1, 0])
        np.testing.assert_array_equal(mask, [1, 1, 0])
        np.testing.assert_allclose(loss[:2], [math.log(2), math.log(4 / 3)], rtol=1e-6)

    @pytest.mark.parametrize("seed", range(3))
    def test_is_the_formula_in_two_loops(self, ranked, seed):
        """Random scores, degrees 0 to 3, unlabelled and weightless examples."""
        random = np.random.default_rng(seed)
        scores, labels = random.normal(size=12) * 3, random.integers(0, 4, 12).astype(float)
        labels[random.random(12) > 0.8] = NAN
        weight = (random.random(12) > 0.2).astype(float)
        known = (weight > 0) & np.isfinite(labels)
        loss, mask = ranked(Pairwise("topic"), scores, labels, weight)
        expected, below = pairs_by_loops(scores, labels, known)
        np.testing.assert_array_equal(mask, below > 0)
        np.testing.assert_allclose(loss * mask, expected, rtol=1e-5, atol=1e-6)
        assert 0 < mask.sum() < known.sum() < 12

    def test_large_scores_stay_finite(self, ranked):
        """The wrong order costs its distance, the right order nothing."""
        loss, _ = ranked(Pairwise("topic"), [-1e4, 1e4], [1, 0])
        np.testing.assert_allclose(loss[0], 2e4)
        loss, _ = ranked(Pairwise("topic"), [1e4, -1e4], [1, 0])
        assert loss[0] == 0


class TestListwise:
    """-n p_i log q_i, p of the labels and q of the scores."""

    def test_by_hand(self, ranked):
        """Labels log 1, log 2, log 5 are shares 1/8, 2/8, 5/8; equal scores are 1/3 each."""
        loss, mask = ranked(Listwise("topic"), [4, 4, 4], np.log([1, 2, 5]))
        np.testing.assert_allclose(loss, 3 * np.array([1, 2, 5]) / 8 * math.log(3), rtol=1e-6)
        np.testing.assert_array_equal(mask, [1, 1, 1])

    def test_temperature_by_hand(self, ranked):
        """t = 1/2 squares the labels' shares, 1 : 4 : 25, and leaves the scores' alone."""
        loss, _ = ranked(Listwise("topic", 0.5), np.log([1, 1, 2]), np.log([1, 2, 5]))
        costs = np.array([1, 4, 25]) / 30 * np.log([4, 4, 2])
        np.testing.assert_allclose(loss, 3 * costs, rtol=1e-6)

    @pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
    def test_mean_is_keras_cross_entropy_of_the_shares(self, ranked, temperature):
        """The list of labelled examples is one example of as many classes."""
        random = np.random.default_rng(2)
        scores, labels = random.normal(size=[2, 12]) * 3
        labels[[1, 5]] = NAN
        weight = np.ones(12)
        weight[7] = 0
        known = np.isfinite(labels) & (weight > 0)
        terms = ranked(Listwise("topic", temperature), scores, labels, weight)
        expected = keras.losses.categorical_crossentropy(
            tf.nn.softmax(labels[known] / temperature), scores[known], from_logits=True
        )
        np.testing.assert_array_equal(terms[1], known)
        np.testing.assert_allclose(terms[0][known].mean(), expected, rtol=1e-5)

    def test_is_least_where_scores_are_the_labels_over_temperature(self, slopes):
        """There the gradient is 0, whatever is added to all scores."""
        labels = np.array([[[0.0], [1.0], [3.0]]])
        found = slopes(Listwise("topic", 2.0), labels / 2 + 7, labels)
        np.testing.assert_allclose(found, np.zeros([1, 3, 1]), atol=1e-6)

    def test_one_example_is_no_list(self, ranked):
        """Alone it has all of both shares; its loss would be 0 whatever its score."""
        loss, mask = ranked(Listwise("topic"), [3, 1], [2, NAN])
        np.testing.assert_array_equal(mask, [0, 0])
        assert np.isfinite(loss).all()

    def test_small_temperature_stays_finite(self, ranked):
        """t = 1e-30 gives all of p to the first."""
        loss, _ = ranked(Listwise("topic", 1e-30), [0, 0, 9], [2, 1, NAN])
        np.testing.assert_allclose(loss, [2 * math.log(2), 0, 0], rtol=1e-6)


@pytest.mark.parametrize("loss_of", RANKED)
class TestRanked:
    """Both losses of an order."""

    def test_only_differences_of_scores_count(self, ranked, loss_of):
        """A score has no zero: adding to all of them changes nothing."""
        scores, labels = np.array([0.3, -1.0, 2.0]), [2, 0, 1]
        here, there = (ranked(loss_of("topic"), scores + by, labels)[0] for by in (0, 100))
        np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-6)

    def test_the_right_order_costs_less(self, labelled, loss_of):
        """The mean falls when scores are swapped towards the labels' order."""
        labels = [[[2.0], [1.0], [0.0]]]
        right, wrong = (
            weighing.mean(loss_of("topic")(labelled([[[a], [b], [c]]], labels)))
            for a, b, c in [(2.0, 1.0, 0.0), (0.0, 1.0, 2.0)]
        )
        assert right < wrong

    def test_without_any_label_nothing_counts(self, ranked, slopes, loss_of):
        """Unlabelled examples only: an empty mask, finite losses, no gradient."""
        loss, mask = ranked(loss_of("topic"), [1.0, 2.0], [NAN, NAN])
        np.testing.assert_array_equal(mask, [0, 0])
        assert np.isfinite(loss).all()
        found = slopes(loss_of("topic"), [[[1.0], [2.0]]], [[[NAN], [NAN]]])
        np.testing.assert_array_equal(found, np.zeros([1, 2, 1]))

    def test_rows_are_no_lists(self, labelled, loss_of):
        """Two rows of two are the list that one row of four is."""
        scores, labels = [0.3, -1.0, 2.0, 0.5], [2.0, 0.0, 1.0, 1.0]
        one, two = (
            loss_of("topic")(labelled(np.reshape(scores, shape), np.reshape(labels, shape)))
            for shape in ([1, 4, 1], [2, 2, 1])
        )
        np.testing.assert_allclose(np.ravel(two.loss), np.ravel(one.loss), rtol=1e-6)
        np.testing.assert_array_equal(np.ravel(two.mask), np.ravel(one.mask))


class TestLists:
    """Examples of one list are compared with each other, and with no others."""

    @pytest.fixture
    def listed(self, labelled):
        """A step on one row whose slots belong to these lists."""

        def make(scores, labels, lists):
            scores, labels = (np.reshape(one, [1, -1, 1]) for one in (scores, labels))
            step = labelled(scores, labels.astype(float))
            group = tf.constant([lists], tf.int32)
            return replace(step, batch={**step.batch, keys.group_key("topic"): group})

        return make

    def test_pairs_by_hand(self, listed):
        """The 2 of list 5 lies above its 0 alone: log(1 + 3); list 8 has no pair; 0 is in none."""
        step = listed([0, math.log(3), 1, 1, 9], [2, 0, 1, 1, 0], [5, 5, 8, 8, -1])
        loss, mask = Pairwise("topic")(step)
        np.testing.assert_array_equal(mask, [[1, 0, 0, 0, 0]])
        np.testing.assert_allclose(loss[0, 0], math.log(4), rtol=1e-6)

    def test_lists_by_hand(self, listed):
        """p = (3/4, 1/4), q = (1/2, 1/2): -2 p log q. Who is alone, or in no list, is left out."""
        step = listed([1, 1, 4, 7], [math.log(3), 0, 1, 0], [0, 0, 2, -1])
        loss, mask = Listwise("topic")(step)
        np.testing.assert_array_equal(mask, [[1, 1, 0, 0]])
        np.testing.assert_allclose(loss[0, :2], [1.5 * math.log(2), 0.5 * math.log(2)], rtol=1e-5)
        assert np.isfinite(loss).all()

    @pytest.mark.parametrize("objective", RANKED)
    def test_each_list_is_as_a_batch_of_its_own(self, ranked, listed, objective):
        """Two lists that lie mixed have the losses of either alone."""
        random = np.random.default_rng(1)
        scores, labels = random.normal(size=8), random.integers(0, 3, 8)
        lists = np.array([0, 1, 1, 0, 1, 0, 0, 1])
        loss, mask = objective("topic")(listed(scores, labels, lists))
        for number in (0, 1):
            own = lists == number
            alone, counted = ranked(objective("topic"), scores[own], labels[own])
            np.testing.assert_array_equal(mask[0][own], counted)
            np.testing.assert_allclose(loss[0][own], alone, rtol=1e-5)

    @pytest.mark.parametrize("objective", RANKED)
    def test_one_list_is_the_batch(self, ranked, listed, objective):
        """Where all belong to one list it is as if the task named none."""
        scores, labels = [0.5, 2.0, -1.0], [1, 0, 2]
        loss, mask = objective("topic")(listed(scores, labels, [3, 3, 3]))
        alone, counted = ranked(objective("topic"), scores, labels)
        np.testing.assert_array_equal(mask[0], counted)
        np.testing.assert_allclose(loss[0], alone, rtol=1e-5)

    @pytest.mark.parametrize("objective", RANKED)
    def test_gradients_stay_finite(self, listed, objective):
        """Of examples that are in no list, alone, or without a label, too."""
        scores = tf.constant(np.reshape([1.0, 2.0, 3.0, 4.0], [1, 4, 1]), tf.float32)
        step = listed([0] * 4, [1, 0, NAN, 1], [0, 0, 0, -1])
        with tf.GradientTape() as tape:
            tape.watch(scores)
            outputs = step.outputs._replace(logits={"topic": scores})
            share = weighing.mean(objective("topic")(replace(step, outputs=outputs)))
        slope = tape.gradient(share, scores).numpy().ravel()
        assert np.isfinite(slope).all()
        np.testing.assert_array_equal(slope[2:], [0, 0])
        assert np.all(slope[:2] != 0)
