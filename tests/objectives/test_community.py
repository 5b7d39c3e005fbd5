"""L0 against numbers worked by hand, and M0's part in it against the real step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from community_by_hand import models, reading

from tfsocial.objectives import weighing
from tfsocial.objectives.community import (
    FeatureCosine,
    HiddenMSE,
    LabelPropagation,
    M0Task,
    SoftLabels,
)
from tfsocial.text import batch as keys
from tfsocial.training.forward import Step

POOLINGS = ("mean", "cls", "pooler")


class TestFeatureCosine:
    """1 - cos(f(x; theta), f(x; theta0))."""

    @pytest.mark.parametrize(
        ("tuned", "frozen", "expected"),
        [
            ([3.0, 4.0], [3.0, 4.0], 0),
            ([3.0, 4.0], [30.0, 40.0], 0),
            ([1.0, 0.0], [0.0, 2.0], 1),
            ([1.0, 0.0], [-2.0, 0.0], 2),
            ([3.0, 4.0], [1.0, 0.0], 1 - 3 / 5),
        ],
        ids=["same", "longer", "orthogonal", "opposite", "by hand"],
    )
    def test_by_hand(self, fake_step, fake_outputs, tuned, frozen, expected):
        """The angle counts, the length does not."""
        step = fake_step(
            {keys.WEIGHT: tf.ones([1, 1])},
            outputs=fake_outputs(pooled=[[tuned]]),
            community=fake_outputs(pooled=[[frozen]]),
        )
        loss, mask = FeatureCosine()(step)
        np.testing.assert_allclose(loss, [[expected]], atol=1e-6)
        np.testing.assert_array_equal(mask, [[1]])

    def test_empty_slot_is_masked_and_has_a_finite_gradient(self, fake_step, fake_outputs):
        """A slot without tokens pools to zeros, which have no direction."""
        pooled = tf.constant([[[3.0, 4.0], [0.0, 0.0]]])
        with tf.GradientTape() as tape:
            tape.watch(pooled)
            outputs = fake_outputs()._replace(pooled=pooled)
            batch = {keys.WEIGHT: tf.constant([[1.0, 0.0]])}
            step = fake_step(batch, outputs, community=fake_outputs(pooled=[[[4.0, 3.0], [0, 0]]]))
            terms = FeatureCosine()(step)
            share = weighing.mean(terms)
        np.testing.assert_array_equal(terms.mask, [[1, 0]])
        # By hand: -(u0 - cos * u) / length, with u = (.6, .8), u0 = (.8, .6), cos = .96, length 5.
        gradient = tape.gradient(share, pooled)
        np.testing.assert_allclose(gradient, [[[-0.0448, 0.0336], [0, 0]]], atol=1e-6)

    @pytest.mark.parametrize("pooling", POOLINGS)
    def test_is_zero_at_theta0(self, batch, pooling):
        """With M0's weights the model has drifted nowhere, whichever way it pools."""
        text_model, m0 = models(pooling)
        text_model.encoder.set_weights(m0.get_weights())
        loss, mask = FeatureCosine()(Step(batch, text_model, reading(m0), training=False))
        np.testing.assert_allclose(loss * mask, tf.zeros_like(loss), atol=1e-5)

    @pytest.mark.parametrize("pooling", POOLINGS)
    def test_community_does_not_move_with_theta(self, batch, pooling):
        """f(x; theta0) is M0's alone: other tuned weights leave it as it is, pooler and all."""
        text_model, m0 = models(pooling)
        before = Step(batch, text_model, reading(m0), training=True).community.pooled
        for variable in text_model.trainable_variables:
            variable.assign(variable + 0.3)
        after = Step(batch, text_model, reading(m0), training=True).community.pooled
        np.testing.assert_array_equal(after, before)

    @pytest.mark.parametrize("pooling", POOLINGS)
    def test_community_passes_no_gradient(self, batch, pooling):
        """Neither M0 nor the tuned model learns through M0's features."""
        text_model, m0 = models(pooling)
        with tf.GradientTape() as tape:
            pooled = tf.reduce_sum(
                Step(batch, text_model, reading(m0), training=True).community.pooled
            )
        variables = text_model.trainable_variables + m0.trainable_variables
        assert tape.gradient(pooled, variables) == [None] * len(variables)


class TestRememberedVectors:
    """What M0 said of train before the first step stands for its pass, in training alone."""

    def remembered(self, m0, batch):
        """Vectors by example id, of ids as far apart as they may be."""
        ids = batch[keys.EXAMPLE_ID]
        vectors = np.random.default_rng(0).normal(size=[int(tf.reduce_max(ids)) + 1, 32])
        known = tf.constant(vectors, tf.float32)
        return reading(m0).having("m0_vectors", known, of_train=True)

    def test_each_example_has_its_own(self, batch):
        text_model, m0 = models("mean")
        constants = self.remembered(m0, batch)
        pooled = Step(batch, text_model, constants, training=True).community.pooled.numpy()
        for place in np.ndindex(*batch[keys.EXAMPLE_ID].shape):
            example = int(batch[keys.EXAMPLE_ID][place])
            expected = constants["m0_vectors"][example] if example >= 0 else np.zeros(32)
            np.testing.assert_array_equal(pooled[place], expected)

    def test_dev_has_other_examples(self, batch):
        """There M0 reads the batch, whose ids count another split."""
        text_model, m0 = models("mean")
        for known in (self.remembered(m0, batch).elsewhere, reading(m0)):
            pooled = Step(batch, text_model, known, training=False).community.pooled
            np.testing.assert_allclose(pooled, text_model.pool(m0(batch), batch), atol=1e-6)

    def test_the_graph_has_no_pass_of_m0(self, batch):
        """Half the softmaxes of attention are gone with it."""

        def softmaxes(constants):
            text_model, _ = models("mean")

            @tf.function
            def loss():
                terms = FeatureCosine()(Step(batch, text_model, constants, training=True))
                return tf.reduce_sum(terms.loss)

            graph = loss.get_concrete_function().graph.as_graph_def()
            fetched = [node.name for node in graph.node if node.op == "Identity"][-1:]
            kept = tf.compat.v1.graph_util.extract_sub_graph(graph, fetched)
            return sum(node.op == "Softmax" for node in kept.node)

        _, m0 = models("mean")
        assert softmaxes(reading(m0)) == 2 * softmaxes(self.remembered(m0, batch)) > 0


class TestHiddenMSE:
    """mean over tokens and dimensions of (h_t - h0_t)^2."""

    def test_by_hand(self, fake_step, fake_outputs):
        """Text 1 has tokens (1, 2) and (0, 0) where M0 has zeros: 5 over four numbers."""
        batch = {
            keys.WEIGHT: tf.ones([1, 2]),
            keys.EXAMPLE_ID: tf.constant([[0, 1]]),
            keys.SEGMENT_IDS: tf.constant([[1, 1, 2, 0]]),
        }
        tuned = tf.constant([[[1.0, 2.0], [0.0, 0.0], [3.0, 3.0], [9.0, 9.0]]])
        step = fake_step(
            batch,
            fake_outputs()._replace(hidden=tuned),
            community=fake_outputs()._replace(hidden=tf.zeros_like(tuned)),
        )
        loss, mask = HiddenMSE()(step)
        np.testing.assert_allclose(loss, [[5 / 4, 9]])
        np.testing.assert_array_equal(mask, [[1, 1]])

    def test_is_zero_at_theta0(self, batch):
        """With M0's weights every token's state is M0's."""
        text_model, m0 = models("mean")
        text_model.encoder.set_weights(m0.get_weights())
        loss, _ = HiddenMSE()(Step(batch, text_model, reading(m0), training=False))
        np.testing.assert_allclose(loss, tf.zeros_like(loss), atol=1e-10)


class TestM0Task:
    """L of M0's vectors under the shared head."""

    def test_is_the_task_s_loss_where_the_encoder_is_m0(self, bench, batch):
        """At theta0 the term and L are one number."""
        twin = bench.copy()
        twin.text_model.encoder.set_weights(twin.m0.get_weights())
        step = twin.step(batch)
        term, own = M0Task("topic")(step), step.task_loss("topic", step.outputs)
        np.testing.assert_allclose(term.loss, own.loss, rtol=1e-5)
        np.testing.assert_array_equal(term.mask, own.mask)

    def test_teaches_the_head_alone(self, bench, batch):
        """M0's vectors are constants: no gradient reaches the encoder."""
        measured = bench.measure(M0Task("topic"), batch)
        encoder = {variable.ref() for variable in bench.text_model.encoder.variables}
        for variable, gradient in zip(bench.variables, measured.gradients, strict=True):
            if variable.ref() in encoder:
                np.testing.assert_array_equal(gradient, tf.zeros_like(gradient))


class TestSoftLabels:
    """T^2 KL(softmax(z0 / T) || softmax(z / T))."""

    @pytest.mark.parametrize("temperature", [1.0, 2.0])
    def test_by_hand(self, fake_step, fake_outputs, temperature):
        """Logits T log 3 and 0 are shares 3/4 and 1/4 at temperature T; the student is even."""
        step = fake_step(
            {keys.WEIGHT: tf.ones([1, 1])},
            fake_outputs([[[0.0, 0.0]]]),
            community=fake_outputs([[[temperature * np.log(3.0), 0.0]]]),
            kinds={"topic": "classify"},
        )
        loss, _ = SoftLabels("topic", temperature)(step)
        expected = 3 / 4 * np.log(3 / 2) + 1 / 4 * np.log(1 / 2)
        np.testing.assert_allclose(loss, [[temperature**2 * expected]], rtol=1e-5)


class TestLabelPropagation:
    """-(1 - H(F) / log C) * sum of F^(1/T) log p, over F^(1/T)'s sum."""

    @pytest.mark.parametrize(("temperature", "right"), [(1.0, 3 / 4), (0.5, 9 / 10)])
    def test_by_hand(self, fake_step, fake_outputs, temperature, right):
        """Of 3/4 and 1/4 the squares are as 9 to 1; nobody knows anything of the second text."""
        step = fake_step(
            {keys.WEIGHT: tf.ones([1, 2])},
            fake_outputs([[[np.log(4.0), 0.0], [0.0, 0.0]]]),
            propagated={"topic": tf.constant([[[0.75, 0.25], [0.0, 0.0]]])},
        )
        loss, mask = LabelPropagation("topic", temperature=temperature)(step)
        entropy = -(3 / 4 * np.log(3 / 4) + 1 / 4 * np.log(1 / 4))
        crossed = -(right * np.log(4 / 5) + (1 - right) * np.log(1 / 5))
        np.testing.assert_allclose(loss[0, 0], (1 - entropy / np.log(2)) * crossed, rtol=1e-5)
        np.testing.assert_array_equal(mask, [[1, 0]])

    def test_is_about_train_alone(self, bench, batch):
        """Examples of dev have other numbers: none of train's answers are theirs."""
        step = Step(batch, bench.text_model, bench.constants.elsewhere, training=False)
        _, mask = LabelPropagation("topic")(step)
        np.testing.assert_array_equal(mask, tf.zeros_like(mask))
