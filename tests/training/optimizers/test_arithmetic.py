"""AdamW against Keras's and against its paper in numpy; the learning rate over the run."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st
from six_steps import (
    DECAYED,
    MODES,
    SHAPES,
    STEPS,
    assert_all_close,
    built,
    by_hand,
    compiled,
    gradients,
    section,
    trained,
    variables,
)

from tfsocial.training.optimizers import build
from tfsocial.training.optimizers.adafactor import Adafactor
from tfsocial.training.optimizers.schedule import WarmUpAndDecay


def kerass(clip_norm: float | None = None, **knobs) -> keras.optimizers.AdamW:
    knobs = {"learning_rate": 0.05, "weight_decay": 0.2, "epsilon": 1e-8, **knobs}
    return keras.optimizers.AdamW(global_clipnorm=clip_norm, jit_compile=False, **knobs)


def by_the_paper(clip_norm: float | None) -> list[np.ndarray]:
    """Algorithm 2 of arXiv:1711.05101, rate 0.05 and decay 0.2."""

    def moved(theta, g, kept, t, decays):
        kept["m"] = 0.9 * kept.get("m", 0.0) + 0.1 * g
        kept["v"] = 0.999 * kept.get("v", 0.0) + 0.001 * g**2
        direction = kept["m"] / (1 - 0.9**t)
        direction /= np.sqrt(kept["v"] / (1 - 0.999**t)) + 1e-8
        return theta - 0.05 * (direction + (0.2 * theta if decays else 0.0))

    return by_hand(moved, clip_norm)


class TestAdamW:
    """Keras's arithmetic in one kernel a variable."""

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("clip_norm", [None, 1.0, 100.0])
    def test_is_kerass(self, mode, clip_norm):
        """Same weights after six steps, clipped, not clipped, and with a norm never reached."""
        assert_all_close(trained(built(clip_norm), mode), trained(kerass(clip_norm)))

    def test_is_kerass_with_other_knobs(self):
        """Betas, epsilon, rate and decay go where Keras puts them."""
        knobs = {"learning_rate": 0.3, "weight_decay": 0.5, "beta_1": 0.5, "beta_2": 0.8}
        actual = trained(built(**knobs, epsilon=0.1))
        assert_all_close(actual, trained(kerass(**knobs, epsilon=0.1)))

    @pytest.mark.parametrize("clip_norm", [None, 1.0])
    def test_is_the_papers(self, clip_norm):
        """Same weights as the algorithm written by hand in numpy."""
        assert_all_close(trained(built(clip_norm)), by_the_paper(clip_norm))

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("clip_norm", [None, 1.0])
    def test_rows_of_a_table_are_a_dense_gradient(self, mode, clip_norm):
        """A gradient of single rows, one of them twice, counts as the table it adds up to.

        Keras clips by the norm of the rows as they come; here it is that of their sum.
        """

        def with_rows(step):
            given = gradients(step)
            return [*given[:3], given[3][:3], given[4]]  # the rows 0, 3 and 3

        def as_slices(given):
            rows = tf.IndexedSlices(given[3], tf.constant([0, 3, 3]), tf.constant([5, 2]))
            return [*given[:3], rows, given[4]]

        def as_table(step):
            given = as_slices([tf.constant(gradient) for gradient in with_rows(step)])
            return [tf.convert_to_tensor(gradient).numpy() for gradient in given]

        weights = variables()
        optimizer = built(clip_norm, weights=weights)

        def on_rows(given):
            optimizer.apply_gradients(zip(as_slices(given), weights, strict=True))

        apply = compiled(on_rows, mode)
        for step in range(STEPS):
            apply([tf.constant(gradient) for gradient in with_rows(step)])
        assert_all_close(weights, trained(built(clip_norm), of_step=as_table), 1e-6)
        assert_all_close(weights, trained(kerass(clip_norm), of_step=as_table))

    def test_missing_gradient_leaves_the_variable_alone(self):
        """A weight the loss does not depend on neither moves nor decays, and breaks nothing."""
        weights = variables()
        optimizer = built(1.0, weights=weights)
        before = weights[0].numpy()
        given = [None, *map(tf.constant, gradients(0)[1:])]
        optimizer.apply_gradients(zip(given, weights, strict=True))
        np.testing.assert_array_equal(weights[0], before)

    @pytest.mark.parametrize("mode", MODES)
    def test_norm_on_record_is_the_one_before_clipping(self, mode):
        """3 and 4 have norm 5, whatever the clipping makes of them."""
        weights = variables()[:2]
        optimizer = built(clip_norm=0.1, weights=weights)

        def apply():
            given = [tf.zeros([3, 2]), tf.constant([3.0, 4.0])]
            optimizer.apply_gradients(zip(given, weights, strict=True))

        compiled(apply, mode)()
        assert float(optimizer.gradient_norm) == 5

    def test_norm_on_record_adds_up_repeated_rows(self):
        """Rows (1, 0) and (2, 4) of one word are (3, 4): norm 5, not the square root of 21."""
        optimizer, table = built(clip_norm=None), tf.Variable(tf.zeros([5, 2]))
        rows = tf.IndexedSlices(tf.constant([[1.0, 0.0], [2.0, 4.0]]), tf.constant([3, 3]), [5, 2])
        optimizer.apply_gradients([(rows, table)])
        assert float(optimizer.gradient_norm) == 5

    def test_clipping_by_hand(self):
        """Adam divides by the gradient's size, so clipping shows against a large epsilon.

        Gradient (3, 4) clipped to 1 is (.6, .8); m_hat / (sqrt(v_hat) + e) at the first step,
        with e outside the correction of v as in Keras: e / sqrt(1 - beta_2).
        """
        optimizer = built(clip_norm=1.0, learning_rate=1.0, epsilon=0.5, weight_decay=0.0)
        weight = tf.Variable([0.0, 0.0])
        optimizer.apply_gradients([(tf.constant([3.0, 4.0]), weight)])
        epsilon = 0.5 / math.sqrt(0.001)
        expected = [-0.6 / (0.6 + epsilon), -0.8 / (0.8 + epsilon)]
        np.testing.assert_allclose(weight, expected, rtol=1e-4)

    def test_two_replicas_are_one(self, two_cpus):
        """Replicas' gradients are added, then clipped, then applied once; rows meet as well."""

        def part(step, replica):
            given = [gradient * (0.3 if replica else 0.7) for gradient in gradients(step)]
            given[3] = given[3][:2]  # the rows `replica` and 4
            return {"replica": tf.constant(replica), "given": [tf.constant(g) for g in given]}

        def as_gradients(part):
            given, rows = part["given"], tf.stack([part["replica"], 4])
            return [*given[:3], tf.IndexedSlices(given[3], rows, tf.constant([5, 2])), given[4]]

        def added(step):
            both = [as_gradients(part(step, replica)) for replica in range(2)]
            dense = [[tf.convert_to_tensor(gradient) for gradient in one] for one in both]
            return [(one + other).numpy() for one, other in zip(*dense, strict=True)]

        with two_cpus.scope():
            weights = variables()
            optimizer = built(clip_norm=1.0, weights=weights)

        def on_replica(part):
            optimizer.apply_gradients(zip(as_gradients(part), weights, strict=True))

        apply = tf.function(lambda parts: two_cpus.run(on_replica, args=(parts,)))
        for step in range(STEPS):
            apply(
                two_cpus.experimental_distribute_values_from_function(
                    lambda context, step=step: part(step, context.replica_id_in_sync_group)
                )
            )
        alone = built(clip_norm=1.0)
        assert_all_close(weights, trained(alone, of_step=added), 1e-6)
        for weight in weights:
            here, there = two_cpus.experimental_local_results(weight)
            np.testing.assert_array_equal(here, there)
        np.testing.assert_allclose(optimizer.gradient_norm, alone.gradient_norm, rtol=1e-6)


class TestWeightDecay:
    """theta <- (1 - eta * lambda) theta, for some."""

    @pytest.mark.parametrize("mode", MODES)
    def test_shrinks_by_hand(self, mode):
        """Six steps of 0.05 * 0.2 and no gradient leave 0.99^6 of what decays; the rest stays."""
        after = trained(built(), mode, of_step=lambda _: [0 * g for g in gradients(0)])
        for name, before, value in zip(SHAPES, variables(), after, strict=True):
            left = 0.99**STEPS if name in DECAYED else 1.0
            np.testing.assert_allclose(value, left * before.numpy(), rtol=1e-5, err_msg=name)

    def test_follows_the_learning_rate(self):
        """A warm-up in which the rate grows pulls weakly first: 1 - lambda * eta_t each step."""
        optimizer = built(learning_rate=0.1, warmup_fraction=1.0, weight_decay=1.0)
        weight = tf.Variable([2.0], name="kernel")
        expected = 2.0
        for step in range(3):
            optimizer.apply_gradients([(tf.zeros([1]), weight)])
            expected *= 1 - 0.1 * (step + 1) / STEPS
            np.testing.assert_allclose(weight, [expected], rtol=1e-6)

    def test_none_is_none(self):
        """weight_decay: 0 leaves every weight where it is."""
        after = trained(built(weight_decay=0.0), of_step=lambda _: [0 * g for g in gradients(0)])
        assert_all_close(after, variables(), 0)

    def test_real_names(self, social_model):
        """In a real model kernels, positions and token types decay; nothing else does."""
        model = social_model(learning_rate=0.5, weight_decay=0.5)
        weights = model.trainable_variables
        before = [weight.numpy() + 1.0 for weight in weights]
        for weight, value in zip(weights, before, strict=True):
            weight.assign(value)
        model.optimizer.apply_gradients([(tf.zeros_like(weight), weight) for weight in weights])
        for weight, value in zip(weights, before, strict=True):
            kept = any(part in weight.name for part in ("bias", "beta", "gamma", "word_embeddings"))
            expected = value if kept else 0.75 * value
            np.testing.assert_allclose(weight, expected, rtol=1e-6, err_msg=weight.name)
        assert sum("kernel" in weight.name for weight in weights) == 6 + 1


class TestHeadMultiplier:
    """The heads' own learning rate."""

    def test_by_hand(self):
        """Adam's first step is the rate itself: 0.1 for the encoder, 0.3 for the head."""
        encoder, head = tf.Variable([1.0], name="kernel"), tf.Variable([1.0], name="kernel")
        config = section(learning_rate=0.1, weight_decay=0, warmup_fraction=0, decay="constant")
        optimizer = build.optimizer(config, 10, [(head, 3.0)])
        optimizer.apply_gradients([(tf.constant([0.5]), encoder), (tf.constant([0.5]), head)])
        np.testing.assert_allclose(encoder, [0.9], rtol=1e-5)
        np.testing.assert_allclose(head, [0.7], rtol=1e-5)

    def test_finds_its_heads_on_two_replicas(self, two_cpus):
        """A mirrored variable is known by its container, not by its copies."""
        with two_cpus.scope():
            encoder, head = (tf.Variable([1.0], name="kernel") for _ in range(2))
            config = section(learning_rate=0.1, warmup_fraction=0, weight_decay=0)
            optimizer = build.optimizer(config, 10, [(head, 3.0)])

        def on_replica():
            pairs = [(tf.constant([0.25]), encoder), (tf.constant([0.25]), head)]
            optimizer.apply_gradients(pairs)

        tf.function(lambda: two_cpus.run(on_replica))()
        np.testing.assert_allclose([encoder.numpy()[0], head.numpy()[0]], [0.9, 0.7], rtol=1e-5)


class TestWarmUpAndDecay:
    """The learning rate, step by step."""

    @pytest.mark.parametrize(
        ("decay", "final", "expected"),
        [
            ("linear", 0.0, [1.0, 2.0, 2.0, 1.5, 1.0, 0.5, 0.0]),
            ("linear", 0.5, [1.0, 2.0, 2.0, 1.625, 1.25, 0.875, 0.5]),
            ("cosine", 0.0, [1.0, 2.0, 2.0, 1 + math.sqrt(0.5), 1.0, 1 - math.sqrt(0.5), 0.0]),
            ("cosine", 0.5, [1.0, 2.0, 2.0, 1.78033, 1.25, 0.71967, 0.5]),
            ("constant", 0.0, [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]),
        ],
    )
    def test_by_hand(self, decay, final, expected):
        """Two steps up to 2, then down over eight: at steps 0, 1, 2, 4, 6, 8 and 10."""
        schedule = WarmUpAndDecay(2.0, total_steps=10, warmup_steps=2, decay=decay, final=final)
        values = [float(schedule(tf.constant(step, tf.int64))) for step in (0, 1, 2, 4, 6, 8, 10)]
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("decay", ["linear", "cosine"])
    def test_after_the_last_step_it_stays_at_the_end(self, decay):
        """A run that goes on neither turns around nor goes below zero."""
        schedule = WarmUpAndDecay(1.0, total_steps=4, warmup_steps=0, decay=decay, final=0.1)
        np.testing.assert_allclose([schedule(4), schedule(7), schedule(100)], [0.1] * 3, rtol=1e-5)

    def test_without_warm_up_it_starts_at_the_peak(self):
        """warmup_fraction: 0 takes the first step at full rate."""
        assert float(WarmUpAndDecay(0.25, 10, 0, "linear", 0.0)(0)) == 0.25

    @given(
        total=st.integers(1, 50),
        fraction=st.floats(0, 1),
        decay=st.sampled_from(["linear", "cosine", "constant"]),
        final=st.floats(0, 1),
    )
    @settings(max_examples=30, deadline=None)
    def test_rises_once_and_falls_once(self, total, fraction, decay, final):
        """Positive from the first step on, never above the peak; up, then down to `final`."""
        warm_up = round(fraction * total)
        schedule = WarmUpAndDecay(1.0, total, warm_up, decay, final)
        values = schedule(tf.range(total)).numpy() * np.ones(total)
        assert np.all(values > 0)
        assert np.all(values <= 1 + 1e-6)
        assert np.all(np.diff(values[: warm_up + 1]) >= -1e-6)
        assert np.all(np.diff(values[warm_up:]) <= 1e-6)

    def test_survives_its_config(self):
        """A rebuilt schedule is the same schedule: Keras saves optimizers so."""
        schedule = WarmUpAndDecay(2.0, total_steps=10, warmup_steps=2, decay="cosine", final=0.5)
        again = WarmUpAndDecay.from_config(schedule.get_config())
        assert [float(again(step)) for step in range(11)] == [
            float(schedule(step)) for step in range(11)
        ]


def test_build_takes_every_knob_of_the_config():
    """Each key of `optimizer:` arrives where it works."""
    config = section(
        learning_rate=0.5,
        weight_decay=0.3,
        beta_1=0.7,
        beta_2=0.8,
        epsilon=0.01,
        warmup_fraction=0.25,
        decay="cosine",
        final_fraction=0.1,
        clip_norm=2.5,
    )
    optimizer = build.optimizer(config, total_steps=40)
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.3, 2.5)
    assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.7, 0.8, 0.01)
    schedule = optimizer._learning_rate
    assert (schedule.warmup_steps, schedule.total_steps, schedule.decay) == (10, 40, "cosine")
    np.testing.assert_allclose([schedule.peak, schedule.final, schedule(40)], [0.5, 0.05, 0.05])
    factor_section = section(name="adafactor", epsilon=0.1, scale_parameter=True)
    factor = build.optimizer(factor_section, 40)
    assert (type(factor), factor.epsilon, factor.scale_parameter) == (Adafactor, 0.1, True)
    unchecked = {*type(config).model_fields, *factor_section.model_fields_set} - {
        "name", "learning_rate", "weight_decay", "beta_1", "beta_2", "epsilon", "scale_parameter",
        "warmup_fraction", "decay", "final_fraction", "clip_norm",
        "head_multiplier", "layer_decay",  # see optimizers/test_rates.py
    }  # fmt: skip
    assert not unchecked, "a new knob of the optimizer wants a test"


def test_step_uses_the_rate_of_its_own_number(social_model):
    """The first step moves at the rate of step 0, the second at that of step 1."""
    optimizer = build.optimizer(
        section(learning_rate=1.0, warmup_fraction=0.5, weight_decay=0.0, clip_norm=None), 4
    )
    weight = tf.Variable([0.0])
    moved = []
    for _ in range(4):
        before = float(weight[0])
        optimizer.apply_gradients([(tf.constant([1.0]), weight)])
        moved.append(before - float(weight[0]))
    np.testing.assert_allclose(moved, [0.5, 1.0, 1.0, 0.5], rtol=1e-4)
