"""The packed encoder: each example as if alone, transformers' own model as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_names import community_name
from transformers.models.bert.modeling_tf_bert import TFBertModel

from tfsocial.models.encoder import PackedBert, segment_mask
from tfsocial.text import batch as keys
from tfsocial.text import packing

ROW_LENGTH = 12


EXAMPLES = [[2, 9, 17, 20, 3], [2, 30, 3], [2, 5, 6, 7, 8, 9, 3], [2, 3]]


PLACES = [[0, 1, -1], [2, 3, -1]]


def rows_of(examples, places, row_length=ROW_LENGTH):
    """The rows that hold these examples in these places; every second token has type 1."""
    tokens = tf.ragged.constant(examples, dtype=tf.int32, ragged_rank=1)
    types = tokens.with_flat_values(tokens.flat_values % 2)
    return packing.pack(tokens, types, {}, tf.constant(places, tf.int64), row_length)


def of_slot(hidden, batch, row, slot):
    """Hidden states of one example, [its length, hidden]."""
    return tf.boolean_mask(hidden[row], batch[keys.SEGMENT_IDS][row] == slot + 1)


def alone(encoder, example):
    """Hidden states of an example in a row of its own that has no padding."""
    return encoder(rows_of([example], [[0]], len(example)))[0]


def changed(batch, key, where, value):
    """The batch with another value where the mask says so."""
    return {**batch, key: tf.where(where, value, batch[key])}


# --- packed = alone -------------------------------------------------------------------------


def test_a_packed_example_has_the_hidden_states_it_has_alone(tiny_encoder):
    """To 1e-5, whichever row and slot it is in."""
    batch = rows_of(EXAMPLES, PLACES)
    hidden = tiny_encoder(batch)
    assert hidden.shape == (2, ROW_LENGTH, 32)
    for example, (row, slot) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        expected = alone(tiny_encoder, EXAMPLES[example])
        assert float(tf.math.reduce_std(expected)) > 0.1
        np.testing.assert_allclose(of_slot(hidden, batch, row, slot), expected, atol=1e-5)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_packing_of_any_examples_is_without_contamination(tiny_encoder, data):
    """Random examples in random rows have the hidden states they have alone."""
    example = st.lists(st.integers(1, 34), min_size=1, max_size=10)
    examples = data.draw(st.lists(example, min_size=1, max_size=6))
    lengths = tf.constant([len(tokens) for tokens in examples])
    places = packing.next_fit(lengths, row_length=ROW_LENGTH, slots=3).numpy()
    batch = rows_of(examples, places)
    hidden = tiny_encoder(batch)
    for row, slot in np.argwhere(places != packing.EMPTY):
        expected = alone(tiny_encoder, examples[places[row, slot]])
        np.testing.assert_allclose(of_slot(hidden, batch, row, slot), expected, atol=1e-5)


def test_a_packed_example_has_the_gradients_it_has_alone(tiny_encoder):
    """A loss on one example moves words and kernels as if no other example were in the batch."""
    embeddings = tiny_encoder.bert.embeddings.weight
    kernel = tiny_encoder.bert.encoder.layer[0].attention.self_attention.query.kernel
    # A layer norm's outputs sum to a constant, so a plain sum would have no gradient.
    direction = np.random.default_rng(0).normal(size=[len(EXAMPLES[1]), 32]).astype(np.float32)

    def gradients(batch, row, slot):
        with tf.GradientTape() as tape:
            hidden = tiny_encoder(batch, training=False)
            loss = tf.reduce_sum(direction * of_slot(hidden, batch, row, slot))
        return [tf.convert_to_tensor(g) for g in tape.gradient(loss, [embeddings, kernel])]

    packed = gradients(rows_of(EXAMPLES, PLACES), 0, 1)
    by_itself = gradients(rows_of([EXAMPLES[1]], [[0]], len(EXAMPLES[1])), 0, 0)
    for found, expected in zip(packed, by_itself, strict=True):
        scale = float(tf.reduce_max(tf.abs(expected)))
        assert scale > 0.1
        np.testing.assert_allclose(found, expected, atol=1e-5 * max(1.0, scale))
    untouched = sorted(set(range(35)) - set(EXAMPLES[1]))
    assert not np.any(packed[0].numpy()[untouched])


@pytest.mark.parametrize("key", keys.TOKEN_KEYS)
def test_padding_has_no_influence(tiny_encoder, key):
    """Whatever stands on padding, and were it a segment, the examples do not notice."""
    batch = rows_of(EXAMPLES, PLACES)
    padding = batch[keys.SEGMENT_IDS] == 0
    other = changed(batch, key, padding, {keys.SEGMENT_IDS: 9}.get(key, 1))
    hidden, after = tiny_encoder(batch), tiny_encoder(other)
    examples = ~padding.numpy()
    np.testing.assert_array_equal(hidden.numpy()[examples], after.numpy()[examples])
    if key != keys.SEGMENT_IDS:
        assert not np.allclose(hidden.numpy()[~examples], after.numpy()[~examples])


def test_an_example_moves_nobody_else(tiny_encoder):
    """Other tokens in one slot change that slot in every position, and no other slot at all."""
    batch = rows_of(EXAMPLES, PLACES)
    first_row = tf.constant([[True], [False]])
    touched = (batch[keys.SEGMENT_IDS] == 1) & first_row & (batch[keys.POSITION_IDS] == 1)
    hidden = tiny_encoder(batch).numpy()
    after = tiny_encoder(changed(batch, keys.TOKEN_IDS, touched, 25)).numpy()
    own = ((batch[keys.SEGMENT_IDS] == 1) & first_row).numpy()
    np.testing.assert_array_equal(hidden[~own], after[~own])
    assert np.abs(hidden[own] - after[own]).max(axis=-1).min() > 1e-3


def test_slots_can_be_exchanged(tiny_encoder):
    """The order of examples in a row moves their vectors and does not change them."""
    batch, other = rows_of(EXAMPLES, [[0, 1, 3]]), rows_of(EXAMPLES, [[3, 0, 1]])
    hidden, after = tiny_encoder(batch), tiny_encoder(other)
    for slot, place in enumerate([1, 2, 0]):
        np.testing.assert_allclose(
            of_slot(hidden, batch, 0, slot), of_slot(after, other, 0, place), atol=1e-5
        )


@pytest.mark.parametrize("key", [keys.TOKEN_IDS, keys.POSITION_IDS, keys.TYPE_IDS])
def test_every_input_counts(tiny_encoder, key):
    """Words, positions and types all reach the hidden states."""
    batch = rows_of(EXAMPLES, PLACES)
    other = {**batch, key: 1 - tf.minimum(batch[key], 1)}
    assert not np.allclose(tiny_encoder(batch), tiny_encoder(other), atol=1e-2)


def test_eager_traced_and_compiled_agree(tiny_encoder):
    """One encoder, three ways to run it."""
    batch = rows_of(EXAMPLES, PLACES)
    eager = tiny_encoder(batch)
    np.testing.assert_allclose(tf.function(tiny_encoder)(batch), eager, atol=1e-5)
    compiled = tf.function(tiny_encoder, jit_compile=True)
    np.testing.assert_allclose(compiled(batch), eager, atol=1e-5)


# --- precision ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16, tf.float16])
def test_the_mask_by_hand(dtype):
    """0 within a segment and far below any score beyond it, finite in every precision."""
    mask = segment_mask(tf.constant([[1, 1, 2, 0]]), dtype)
    assert (mask.dtype, mask.shape) == (dtype, (1, 1, 4, 4))
    values = tf.cast(mask[0, 0], tf.float32).numpy()
    together = [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(values == 0, np.array(together, bool))
    assert np.isfinite(values).all()
    assert (values[values != 0] < -1e4).all()


def test_bfloat16_is_near_float32_and_as_tight(under_bfloat16, tiny_config, tiny_encoder):
    """Half the precision moves the numbers a little and lets nothing through the mask."""
    assert tiny_encoder.compute_dtype == "bfloat16"
    batch = rows_of(EXAMPLES, PLACES)
    hidden = tiny_encoder(batch)
    assert hidden.dtype == tf.bfloat16
    other = changed(batch, keys.TOKEN_IDS, batch[keys.SEGMENT_IDS] == 1, 25)
    second = (batch[keys.SEGMENT_IDS] == 2).numpy()
    after = tf.cast(tiny_encoder(other), tf.float32).numpy()[second]
    hidden = tf.cast(hidden, tf.float32).numpy()
    np.testing.assert_array_equal(hidden[second], after)

    keras.mixed_precision.set_global_policy("float32")
    exact = PackedBert(tiny_config)
    exact.build()
    exact.set_weights(tiny_encoder.get_weights())
    difference = np.abs(hidden - exact(batch).numpy())[batch[keys.SEGMENT_IDS].numpy() > 0]
    assert 0 < difference.mean() < 0.05


# --- transformers' own model ----------------------------------------------------------------


def test_transformers_own_model_gives_the_same(tiny_config, tiny_encoder):
    """TFBertModel on a padded batch, one example a row, has our hidden states to 1e-5."""
    theirs = TFBertModel(tiny_config, add_pooling_layer=False)
    theirs.build()
    ours = {community_name(variable.name): variable for variable in tiny_encoder.variables}
    for variable in theirs.variables:
        variable.assign(ours.pop(community_name(variable.name)))
    assert not ours
    batch = rows_of(EXAMPLES, [[0], [1], [2], [3]])
    present = batch[keys.SEGMENT_IDS] > 0
    expected = theirs(
        input_ids=batch[keys.TOKEN_IDS],
        attention_mask=tf.cast(present, tf.int32),
        token_type_ids=batch[keys.TYPE_IDS],
    ).last_hidden_state
    hidden = tiny_encoder(batch)
    np.testing.assert_allclose(
        tf.boolean_mask(hidden, present), tf.boolean_mask(expected, present), atol=1e-5
    )


def test_the_pooler_is_tanh_of_a_linear_layer(tiny_config, randomize):
    """tanh(x W + b), for vectors in any arrangement."""
    encoder = PackedBert(tiny_config, pooler=True)
    encoder.build()
    randomize(encoder)
    first = np.random.default_rng(0).normal(size=[2, 3, 32]).astype(np.float32)
    kernel, bias = encoder.bert.pooler.dense.kernel.numpy(), encoder.bert.pooler.dense.bias.numpy()
    np.testing.assert_allclose(encoder.pooler(first), np.tanh(first @ kernel + bias), atol=1e-5)


# --- dropout in the encoder -----------------------------------------------------------------


@pytest.mark.parametrize("rate", ["hidden_dropout_prob", "attention_probs_dropout_prob"])
@pytest.mark.parametrize("in_xla", [False, True])
def test_each_dropout_rate_is_honoured(tiny_config, randomize, rate, in_xla):
    """Either alone makes training passes differ; inference has none."""
    tiny_config.hidden_dropout_prob = tiny_config.attention_probs_dropout_prob = 0.0
    setattr(tiny_config, rate, 0.2)
    encoder = PackedBert(tiny_config, compiled=in_xla)
    encoder.build()
    randomize(encoder)
    batch = rows_of(EXAMPLES, PLACES)
    one, other = encoder(batch, training=True), encoder(batch, training=True)
    assert not np.allclose(one, other, atol=1e-3)
    np.testing.assert_array_equal(encoder(batch), encoder(batch))


def test_without_dropout_training_is_inference(tiny_config):
    """No layer of transformers' own keeps a dropout of its own."""
    tiny_config.hidden_dropout_prob = tiny_config.attention_probs_dropout_prob = 0.0
    encoder = PackedBert(tiny_config)
    batch = rows_of(EXAMPLES, PLACES)
    np.testing.assert_array_equal(encoder(batch, training=True), encoder(batch))
    assert not [m for m in encoder.submodules if isinstance(m, keras.layers.Dropout)]


def test_the_seed_decides_the_dropout(tiny_config):
    """Equal weights and seeds drop the same; another seed drops others."""

    def states(seed):
        encoder = PackedBert(tiny_config, seed=seed)
        encoder.build()
        keras.utils.set_random_seed(0)
        encoder.set_weights([tf.ones_like(w) * 0.1 for w in encoder.get_weights()])
        encoder.bert.embeddings.weight.assign(tf.random.normal([35, 32]))
        return encoder(rows_of(EXAMPLES, PLACES), training=True).numpy()

    np.testing.assert_array_equal(states(1), states(1))
    assert not np.allclose(states(1), states(2), atol=1e-3)
