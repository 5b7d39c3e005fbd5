"""The packed encoder: each example as if alone, transformers' own model as the oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_names import community_name
from transformers.models.bert.modeling_tf_bert import TFBertModel

from tfsocial.models.encoder import PackedBert, segment_mask
from tfsocial.models.kernels import ByteDropout, HashDropout, gelu
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


# --- dropout ---------------------------------------------------------------------------------


each_kind = pytest.mark.parametrize("kind", [ByteDropout, HashDropout])


def dropout(kind, rate=0.1, seed=0):
    return kind(rate, tf.random.Generator.from_seed(seed))


def compiled(layer):
    return tf.function(lambda x: layer(x, training=True), jit_compile=True)


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
