"""Layers computed again on the way back: the same numbers, the same dropout, and really again."""

from __future__ import annotations

import numpy as np
import pytest
import replicas
import tensorflow as tf

from tfsocial.models.encoder import BertConfig, PackedBert
from tfsocial.models.gradient_checkpointing import RepeatableGenerator, checkpointed
from tfsocial.text import batch as keys

MODES = {"eager": None, "graph": False, "xla": True}
each_mode = pytest.mark.parametrize("mode", MODES)


def traced(function, mode: str):
    return function if mode == "eager" else tf.function(function, jit_compile=MODES[mode])


# --- draws that can be made again ----------------------------------------------------------


def test_its_numbers_are_those_of_tensorflows_generator():
    """The same seed gives the same numbers of every kind, and the same state after them."""
    ours, theirs = (kind.from_seed(3) for kind in (RepeatableGenerator, tf.random.Generator))
    for draw in (
        lambda generator: generator.uniform([5]),
        lambda generator: generator.normal([2, 3]),
        lambda generator: generator.uniform_full_int([4], tf.uint64),
    ):
        np.testing.assert_array_equal(draw(ours), draw(theirs))
    np.testing.assert_array_equal(ours.state, theirs.state)


@each_mode
def test_noted_draws_are_repeated(mode):
    """In their order, as often as one likes; meanwhile the state stands still."""
    generator = RepeatableGenerator.from_seed(3)

    def draw():
        with generator.noted() as noted:
            first = [generator.uniform([3]), generator.normal([2])]
        state = tf.identity(generator.state)
        again = []
        for _ in range(2):
            with generator.repeated(noted):
                again.append([generator.uniform([3]), generator.normal([2])])
        return first, again, state, tf.identity(generator.state), generator.uniform([3])

    first, again, before, after, fresh = traced(draw, mode)()
    for repeated in again:
        for one, other in zip(first, repeated, strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(before, after)
    assert not np.array_equal(first[0], fresh)


def test_two_replicas_repeat_their_own():
    """Each has numbers of its own, and the same ones again."""
    two_cpus = replicas.two_cpus()
    with two_cpus.scope():
        generator = RepeatableGenerator.from_seed(3)

    def draw():
        with generator.noted() as noted:
            first = generator.uniform([3])
        with generator.repeated(noted):
            return first, generator.uniform([3])

    drawn, again = tf.function(lambda: two_cpus.run(draw))()
    firsts, seconds = map(two_cpus.experimental_local_results, (drawn, again))
    np.testing.assert_array_equal(firsts, seconds)
    assert not np.array_equal(firsts[0], firsts[1])


# --- a function of one tensor --------------------------------------------------------------


@each_mode
def test_by_hand(mode):
    """y = (w x)^2 by the second pass: dy/dx = 2 w^2 x, dy/dw = 2 w x^2; times upstream 3."""
    weight, generator = tf.Variable([2.0]), RepeatableGenerator.from_seed(0)

    def run():
        x = tf.constant([5.0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = checkpointed(lambda x: tf.square(weight * x), x, generator, mode == "xla")
            loss = 3 * y
        return y, *tape.gradient(loss, [x, weight])

    y, by_x, by_weight = traced(run, mode)()
    assert [float(value[0]) for value in (y, by_x, by_weight)] == [100.0, 120.0, 300.0]


# --- the encoder ---------------------------------------------------------------------------


def encoders(randomize, compiled: bool, dropout: float = 0.3) -> list[PackedBert]:
    """One that keeps and one that computes again; the same weights and the same seed."""
    shape = BertConfig(
        vocab_size=35, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=16,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    made = [
        PackedBert(shape, seed=5, compiled=compiled, gradient_checkpointing=again)
        for again in (0, 1)
    ]
    for encoder in made:
        encoder.build()
    randomize(made[0])
    made[1].set_weights(made[0].get_weights())
    return made


BATCH = {
    keys.TOKEN_IDS: tf.constant([[5, 6, 7, 8, 9, 0], [10, 11, 12, 13, 0, 0]]),
    keys.SEGMENT_IDS: tf.constant([[1, 1, 2, 2, 2, 0], [1, 1, 1, 1, 0, 0]]),
    keys.POSITION_IDS: tf.constant([[0, 1, 0, 1, 2, 0], [0, 1, 2, 3, 0, 0]]),
    keys.TYPE_IDS: tf.zeros([2, 6], tf.int32),
}
DIRECTION = tf.constant(np.random.default_rng(0).normal(size=[2, 6, 32]), tf.float32)


def stepper(encoder: PackedBert, mode: str):
    """Hidden states and all weights' gradients in a direction; fresh chance each call."""

    def step():
        with tf.GradientTape() as tape:
            hidden = encoder(BATCH, training=True)
            loss = tf.reduce_sum(DIRECTION * tf.cast(hidden, tf.float32))
        found = tape.gradient(loss, encoder.trainable_variables)
        return hidden, [tf.convert_to_tensor(gradient) for gradient in found]

    return traced(step, mode)


@each_mode
def test_gradients_are_those_of_what_was_kept(randomize, mode):
    """With dropout, three steps of it: the same masks forwards, and again on the way back.

    In eager mode XLA's barrier does not exist.
    """
    kept, again = (stepper(one, mode) for one in encoders(randomize, compiled=mode == "xla"))
    for _ in range(3):
        (hidden, gradients), (expected, theirs) = again(), kept()
        np.testing.assert_allclose(hidden, expected, atol=1e-6)
        largest = max(float(tf.reduce_max(tf.abs(gradient))) for gradient in theirs)
        for one, other in zip(gradients, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6 * largest)


def test_gradients_in_bfloat16(under_bfloat16, randomize):
    """The same operations again are the same bits, whatever the precision."""
    kept, again = (stepper(one, "graph") for one in encoders(randomize, compiled=False))
    (hidden, gradients), (expected, theirs) = again(), kept()
    np.testing.assert_array_equal(tf.cast(hidden, tf.float32), tf.cast(expected, tf.float32))
    for one, other in zip(gradients, theirs, strict=True):
        scale = max(1.0, float(tf.reduce_max(tf.abs(other))))
        np.testing.assert_allclose(one, other, atol=1e-2 * scale)


def erfs(encoder: PackedBert) -> int:
    """GELUs in the graph of a step, one a pass through a layer."""
    graph = stepper(encoder, "graph").get_concrete_function().graph
    return sum(operation.type == "Erf" for operation in graph.get_operations())


def test_every_layer_is_computed_twice_and_only_in_training(randomize):
    """Two layers: two GELUs kept, four computed again, two at inference."""
    kept, again = encoders(randomize, compiled=False)
    assert (erfs(kept), erfs(again)) == (2, 4)
    at_inference = tf.function(again).get_concrete_function(BATCH).graph
    types = [operation.type for operation in at_inference.get_operations()]
    assert types.count("Erf") == 2
    assert "IdentityN" not in types


def test_xla_computes_it_again_too(randomize):
    """It would take equal operations for one, were there no barrier between them."""
    kept, again = encoders(randomize, compiled=True)
    texts = [
        stepper(one, "xla").experimental_get_compiler_ir()(stage="hlo") for one in (kept, again)
    ]
    assert [text.count("opt-barrier(") for text in texts] == [0, 2]
