"""Dropout and GELU as the encoder computes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from kernels_by_hand import compiled

from tfsocial.models.kernels import ByteDropout, HashDropout, gelu

# --- dropout ---------------------------------------------------------------------------------


each_kind = pytest.mark.parametrize("kind", [ByteDropout, HashDropout])


def dropout(kind, rate=0.1, seed=0):
    return kind(rate, tf.random.Generator.from_seed(seed))


@each_kind
@pytest.mark.parametrize("jit", [False, True], ids=["eager", "xla"])
@pytest.mark.parametrize(("rate", "dropped"), [(0.1, 26), (0.5, 128), (0.001, 0), (0.9, 230)])
def test_the_share_and_the_mean_of_what_is_kept(kind, rate, dropped, jit):
    """A share of dropped / 256 is zero, the rest is scaled so that the mean stays."""
    layer, count = dropout(kind, rate), 400_000
    call = compiled(layer) if jit else lambda x: layer(x, training=True)
    outputs = call(tf.ones([count])).numpy()
    share = dropped / 256
    assert set(np.unique(outputs)) <= {np.float32(0), np.float32(256 / (256 - dropped))}
    four_sigma = 4 * math.sqrt(share * (1 - share) / count)
    assert abs((outputs == 0).mean() - share) <= four_sigma
    assert abs(outputs.astype(np.float64).mean() - 1) <= four_sigma / (1 - share) + 1e-6


@each_kind
def test_nothing_is_dropped_at_inference(kind):
    """The layer is the identity unless it trains."""
    inputs = tf.random.normal([7, 5])
    np.testing.assert_array_equal(dropout(kind, 0.5)(inputs), inputs)
    np.testing.assert_array_equal(dropout(kind, 0.5)(inputs, training=False), inputs)
    np.testing.assert_array_equal(dropout(kind, 0.0)(inputs, training=True), inputs)


@each_kind
@pytest.mark.parametrize("jit", [False, True], ids=["eager", "xla"])
def test_calls_differ_and_a_seed_repeats_them(kind, jit):
    """Fresh bytes each call; the same sequence from the same seed."""

    def two_calls(seed):
        layer = dropout(kind, 0.5, seed)
        call = compiled(layer) if jit else lambda x: layer(x, training=True)
        return [call(tf.ones([64])).numpy().tolist() for _ in range(2)]

    one, other = two_calls(seed=3)
    assert one != other
    assert two_calls(seed=3) == [one, other]
    assert two_calls(seed=4)[0] not in (one, other)


@each_kind
def test_neighbours_are_dropped_independently(kind):
    """Elements share a random word or key and not a byte: none foretells another."""
    kept = dropout(kind, 0.5)(tf.ones([500, 200]), training=True).numpy() > 0
    for flat in (kept.ravel(), kept.T.ravel()):
        for distance in range(1, 17):
            together = np.mean(flat[distance:] == flat[:-distance])
            assert together == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(99_000))


@each_kind
def test_every_row_of_every_axis_has_its_own_mask(kind):
    """Of 120 rows of 64 no two drop the same places, wherever in the tensor they lie."""
    kept = dropout(kind, 0.5)(tf.ones([4, 5, 6, 64]), training=True).numpy() > 0
    assert len(np.unique(kept.reshape([120, 64]), axis=0)) == 120


@each_kind
@pytest.mark.parametrize("jit", [False, True], ids=["eager", "xla"])
def test_the_gradient_passes_through_the_same_mask(kind, jit):
    """What was dropped gets none, what was kept gets its scale."""
    layer, inputs = dropout(kind, 0.3), tf.constant(np.linspace(1, 2, 500), tf.float32)

    @tf.function(jit_compile=jit)
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
        return outputs, tape.gradient(outputs, x)

    outputs, gradient = both(inputs)
    assert 0 < np.mean(gradient == 0) < 1
    np.testing.assert_allclose(gradient, outputs / inputs, rtol=1e-6)


@each_kind
@pytest.mark.parametrize("shape", [[], [1], [3], [2, 3, 3], [0, 4]])
def test_every_shape_static_or_not(kind, shape):
    """Sizes that fill no whole words, one element and none; known at trace time or not."""
    layer = dropout(kind, 0.5)
    unknown = tf.function(
        lambda x: layer(x, training=True),
        input_signature=[tf.TensorSpec([None] * len(shape), tf.float32)],
    )
    for outputs in (layer(tf.ones(shape), training=True), unknown(tf.ones(shape))):
        assert outputs.shape == shape
        assert set(np.ravel(outputs)) <= {0.0, 2.0}


@each_kind
def test_dropout_stays_in_its_precision(kind):
    """bfloat16 in, bfloat16 out."""
    layer = kind(0.5, tf.random.Generator.from_seed(0), dtype="bfloat16")
    assert layer(tf.ones([64], tf.bfloat16), training=True).dtype == tf.bfloat16


# --- gelu -----------------------------------------------------------------------------------

POINTS = np.linspace(-6, 6, 241)


def normal_share(x):
    """Phi(x)."""
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def test_gelu_is_x_times_phi():
    """To 1e-6 of math.erf's, and by hand at 0 and 1."""
    expected = [x * normal_share(x) for x in POINTS]
    np.testing.assert_allclose(gelu(tf.constant(POINTS, tf.float32)), expected, atol=1e-6)
    np.testing.assert_allclose(gelu(tf.constant([0.0, 1.0])), [0, 0.8413447], atol=1e-6)


def test_gelu_gradient_is_phi_plus_x_times_density():
    """d/dx x Phi(x) = Phi(x) + x phi(x)."""
    inputs = tf.constant(POINTS, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = gelu(inputs)
    density = np.exp(-(POINTS**2) / 2) / math.sqrt(2 * math.pi)
    expected = [normal_share(x) + x * d for x, d in zip(POINTS, density, strict=True)]
    np.testing.assert_allclose(tape.gradient(outputs, inputs), expected, atol=2e-6)


def test_gelu_stays_in_its_precision():
    """No float32 constant slips into bfloat16."""
    assert gelu(tf.ones([3], tf.bfloat16)).dtype == tf.bfloat16
