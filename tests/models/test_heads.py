"""Pooling by hand and by a loop; heads in float32; the model that puts them together."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_names import community_name
from transformers import TFBertForMaskedLM

from tfsocial.models import heads
from tfsocial.models.heads import Heads, MLMHead
from tfsocial.models.kernels import ByteDropout
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.text import batch as keys
from tfsocial.text import packing

HIDDEN = [
    [[2.0, 0.0], [4.0, 2.0], [9.0, 1.0], [7.0, 7.0]],
    [[1.0, 1.0], [5.0, 5.0], [3.0, 3.0], [8.0, 8.0]],
]
SEGMENTS = [[1, 1, 2, 0], [1, 2, 2, 2]]
SPECS = {
    "intent": HeadSpec("classify", ("card", "late", "other")),
    "topics": HeadSpec("multilabel", ("fee", "app")),
    "mood": HeadSpec("regress", ()),
}


def batch_of(examples, places, row_length=8):
    tokens = tf.ragged.constant(examples, dtype=tf.int32, ragged_rank=1)
    ids = {keys.EXAMPLE_ID: tf.range(len(examples), dtype=tf.int64)}
    places = tf.constant(places, tf.int64)
    return packing.pack(tokens, tf.zeros_like(tokens), ids, places, row_length)


def model_of(config, randomize, pooling, **options):
    model = TextModel(config, SPECS, pooling, **options)
    model.build()
    randomize(model)
    return model


# --- pooling --------------------------------------------------------------------------------


def test_mean_pool_by_hand():
    """Mean over a segment's tokens; padding counts nowhere; an empty slot is zero."""
    pooled = heads.mean_pool(tf.constant(HIDDEN), tf.constant(SEGMENTS), 3)
    expected = [[[3, 1], [9, 1], [0, 0]], [[1, 1], [16 / 3, 16 / 3], [0, 0]]]
    np.testing.assert_allclose(pooled, expected, rtol=1e-6)


def test_first_token_by_hand():
    """The hidden state where a segment starts, at a row's first token too; empty slots are zero."""
    first = heads.first_token(tf.constant(HIDDEN), tf.constant(SEGMENTS), 3)
    assert first.numpy().tolist() == [[[2, 0], [9, 1], [0, 0]], [[1, 1], [5, 5], [0, 0]]]


def test_a_segment_after_padding_starts_there():
    """A slot left empty before another, and padding in between, are no segment."""
    segments, hidden = tf.constant([[0, 2, 2, 0]]), tf.constant([[[9.0], [1.0], [3.0], [9.0]]])
    assert heads.mean_pool(hidden, segments, 2).numpy().tolist() == [[[0], [2]]]
    assert heads.first_token(hidden, segments, 2).numpy().tolist() == [[[0], [1]]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(1, 4), max_size=4), min_size=1, max_size=3), st.integers(4, 6))
def test_pooling_equals_a_loop(rows, slots):
    """For segments of any lengths, against numpy, one slot at a time."""
    segments = np.zeros([len(rows), 16], np.int32)
    for row, lengths in enumerate(rows):
        numbers = np.repeat(np.arange(1, len(lengths) + 1), lengths)
        segments[row, : len(numbers)] = numbers
    hidden = np.random.default_rng(0).normal(size=[len(rows), 16, 3]).astype(np.float32)
    mean, first = np.zeros([2, len(rows), slots, 3], np.float32)
    for row, slot in np.ndindex(len(rows), slots):
        own = hidden[row][segments[row] == slot + 1]
        if len(own):
            mean[row, slot], first[row, slot] = own.mean(axis=0), own[0]
    np.testing.assert_allclose(heads.mean_pool(hidden, segments, slots), mean, atol=1e-6)
    np.testing.assert_array_equal(heads.first_token(hidden, segments, slots), first)


def test_pooling_is_exact_though_the_encoder_is_not():
    """bfloat16 has no 128.5 and no 257; the mean of 256 and 1 is taken in float32."""
    hidden = tf.constant([[[256.0], [1.0]]], tf.bfloat16)
    pooled = heads.mean_pool(hidden, tf.constant([[1, 1]]), 1)
    assert (pooled.dtype, pooled.numpy().tolist()) == (tf.float32, [[[128.5]]])
    assert heads.first_token(hidden, tf.constant([[1, 1]]), 1).dtype == tf.float32


@pytest.mark.parametrize("pool", [heads.mean_pool, heads.first_token])
def test_pooling_with_sizes_unknown(pool):
    """The same in a graph that knows no size, as in a SavedModel."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 2]),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([], tf.int32),
        ]
    )
    def traced(hidden, segments, slots):
        return pool(hidden, segments, slots)

    found = traced(tf.constant(HIDDEN), tf.constant(SEGMENTS), 3)
    np.testing.assert_array_equal(found, pool(tf.constant(HIDDEN), tf.constant(SEGMENTS), 3))


# --- heads ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("task", "width"), [("intent", 3), ("topics", 2), ("mood", 1)])
def test_a_head_is_as_wide_as_its_labels(task, width):
    """One output a label; a regression has one."""
    assert SPECS[task].width == width


def test_heads_by_hand():
    """Each task's logits are x W + b of the same pooled vectors."""
    layer = Heads({"a": HeadSpec("regress", ()), "b": HeadSpec("classify", ("x", "y"))}, 2)
    layer.build()
    layer.linear["a"].set_weights([np.array([[1.0], [10.0]]), np.array([0.5])])
    layer.linear["b"].set_weights([np.array([[1.0, 0.0], [0.0, -1.0]]), np.array([0.0, 1.0])])
    logits = layer(tf.constant([[[2.0, 3.0], [0.0, 0.0]]]))
    assert set(logits) == {"a", "b"}
    assert logits["a"].numpy().tolist() == [[[32.5], [0.5]]]
    assert logits["b"].numpy().tolist() == [[[2.0, -2.0], [0.0, 1.0]]]


def test_normalized_heads_by_hand():
    """They read the direction at the length sqrt(2): (3, 4) as (0.6, 0.8) sqrt(2), whatever its
    own length; an empty slot's zeros stay zeros."""
    layer = Heads({"a": HeadSpec("regress", ())}, 2, normalize=True)
    layer.build()
    layer.linear["a"].set_weights([np.array([[1.0], [10.0]]), np.array([0.5])])
    logits = layer(tf.constant([[[3.0, 4.0], [30.0, 40.0], [0.0, 0.0]]]))["a"].numpy()
    expected = 0.5 + np.sqrt(2) * 8.6
    np.testing.assert_allclose(logits[0, :, 0], [expected, expected, 0.5], rtol=1e-6)


def test_heads_start_small_with_no_bias():
    """BERT's own start: kernels within two standard deviations of 0.02, biases zero."""
    layer = Heads({"a": HeadSpec("classify", tuple("abcdefgh"))}, 200)
    layer.build()
    kernel, bias = layer.linear["a"].get_weights()
    assert not bias.any()
    assert 0.015 < kernel.std() < 0.02
    assert np.abs(kernel).max() <= 0.04


def test_heads_of_one_width_start_apart():
    """Two tasks do not begin with the same weights."""
    layer = Heads({task: HeadSpec("classify", ("x", "y")) for task in "ab"}, 8)
    layer.build()
    assert not np.array_equal(layer.linear["a"].kernel, layer.linear["b"].kernel)


def test_head_dropout_is_off_at_inference():
    """It drops, in training only, from the pooled vectors."""
    dropout = ByteDropout(0.5, tf.random.Generator.from_seed(1))
    layer = Heads({"a": HeadSpec("regress", ())}, 64, dropout)
    layer.build()
    layer.linear["a"].set_weights([np.ones([64, 1]), np.zeros([1])])
    pooled = tf.ones([1, 200, 64])
    np.testing.assert_array_equal(layer(pooled)["a"], np.full([1, 200, 1], 64.0))
    dropped = layer(pooled, training=True)["a"].numpy()
    assert dropped.std() > 1
    assert dropped.mean() == pytest.approx(64, abs=3)


def test_predictions_by_hand():
    """Softmax over classes, a sigmoid per label, a regression's value as it is."""
    logits = tf.math.log([[1.0, 3.0]])
    np.testing.assert_allclose(heads.predictions("classify", logits), [[0.25, 0.75]], rtol=1e-6)
    np.testing.assert_allclose(heads.predictions("multilabel", logits), [[0.5, 0.75]], rtol=1e-6)
    np.testing.assert_array_equal(heads.predictions("regress", logits), logits)


# --- the model ------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_the_model_pools_as_told(tiny_config, randomize, pooling):
    """Pooled vectors are those of the named pooling; logits are the heads' of them."""
    model = model_of(tiny_config, randomize, pooling)
    batch = batch_of([[2, 9, 10, 3], [2, 3], [2, 20, 3]], [[0, 1, -1], [2, -1, -1]])
    outputs = model(batch)
    hidden = model.encoder(batch).numpy()
    first = np.stack([hidden[0, 0], hidden[0, 4], hidden[1, 0]])
    mean = np.stack([hidden[0, :4].mean(0), hidden[0, 4:6].mean(0), hidden[1, :3].mean(0)])
    expected = {"mean": lambda: mean, "cls": lambda: first, "pooler": lambda: pooler(model, first)}
    present = (batch[keys.EXAMPLE_ID] >= 0).numpy()
    np.testing.assert_allclose(outputs.pooled.numpy()[present], expected[pooling](), atol=1e-5)
    if pooling != "pooler":
        assert not outputs.pooled.numpy()[~present].any()
    kernel, bias = model.heads.linear["intent"].get_weights()
    np.testing.assert_allclose(
        outputs.logits["intent"], outputs.pooled.numpy() @ kernel + bias, atol=1e-4
    )


def pooler(model, first):
    dense = model.encoder.bert.pooler.dense
    return np.tanh(first @ dense.kernel.numpy() + dense.bias.numpy())


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_pooler_is_made_only_where_it_is_used(tiny_config, pooling):
    """No weight without a gradient: mean and cls leave BERT's pooler out."""
    model = TextModel(tiny_config, SPECS, pooling)
    model.build()
    assert not [variable.name for variable in model.variables if "pooler" in variable.name]


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_every_weight_gets_a_gradient(tiny_config, randomize, pooling):
    """Every variable takes part in the logits, in every pooling."""
    model = model_of(tiny_config, randomize, pooling)
    batch = batch_of([[2, 9, 10, 3], [2, 3]], [[0, 1]])
    with tf.GradientTape() as tape:
        logits = model(batch, training=True).logits
        loss = tf.add_n([tf.reduce_sum(values**2) for values in logits.values()])
    gradients = tape.gradient(loss, model.trainable_variables)
    missing = [
        variable.name
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
        if gradient is None
    ]
    assert not missing


def test_heads_are_float32_under_bfloat16(under_bfloat16, tiny_config, randomize):
    """The encoder computes in bfloat16; pooled vectors, logits and predictions do not."""
    model = model_of(tiny_config, randomize, "pooler")
    outputs = model(batch_of([[2, 9, 10, 3], [2, 3]], [[0, 1]]), training=True)
    assert (outputs.hidden.dtype, outputs.pooled.dtype) == (tf.bfloat16, tf.float32)
    assert {values.dtype for values in outputs.logits.values()} == {tf.float32}
    predictions = model.predictions(outputs.pooled, outputs.logits)
    assert {values.dtype for values in predictions.values()} == {tf.float32}
    assert {variable.dtype for variable in model.trainable_variables} == {tf.float32}
    kernel, bias = model.heads.linear["intent"].get_weights()
    exact = outputs.pooled.numpy().astype(np.float64) @ kernel + bias
    np.testing.assert_allclose(outputs.logits["intent"], exact, rtol=1e-5, atol=1e-4)


def test_predictions_follow_each_tasks_kind(tiny_config, randomize):
    """Classes sum to one, labels each lie in (0, 1), a value is its logit; shapes are [R, S, w]."""
    model = model_of(tiny_config, randomize, "mean")
    outputs = model(batch_of([[2, 9, 10, 3], [2, 3]], [[0, 1, -1]]))
    found = model.predictions(outputs.pooled, outputs.logits)
    assert {task: values.shape for task, values in found.items()} == {
        "intent": (1, 3, 3),
        "topics": (1, 3, 2),
        "mood": (1, 3, 1),
    }
    np.testing.assert_allclose(tf.reduce_sum(found["intent"], -1), np.ones([1, 3]), rtol=1e-5)
    odds = found["topics"] / (1 - found["topics"])
    np.testing.assert_allclose(tf.math.log(odds), outputs.logits["topics"], atol=1e-4)
    np.testing.assert_array_equal(found["mood"], outputs.logits["mood"])


def test_slots_unknown_at_trace_time(tiny_config, randomize):
    """A SavedModel's graph knows neither rows nor slots."""
    model = model_of(tiny_config, randomize, "cls")
    batch = batch_of([[2, 9, 10, 3], [2, 3]], [[0, 1, -1]])
    signature = {key: tf.TensorSpec([None, None], value.dtype) for key, value in batch.items()}
    traced = tf.function(model, input_signature=[signature])
    np.testing.assert_allclose(traced(batch).pooled, model(batch).pooled, atol=1e-5)


# --- the word head --------------------------------------------------------------------------


def test_mlm_head_is_transformers_masked_lm_head(tiny_config, randomize):
    """Under the community's names its weights give the same logits, over the same table."""
    theirs = TFBertForMaskedLM(tiny_config)
    theirs.build()
    head = MLMHead(tiny_config)
    head.build()
    randomize(head)
    of_name = {community_name(v.name.split("mlm___")[-1]): v for v in theirs.mlm.variables}
    for variable in head.variables:
        of_name[community_name(variable.name)].assign(variable)
    assert {community_name(v.name) for v in head.variables} == {
        "cls.predictions.bias",
        "cls.predictions.transform.dense.weight",
        "cls.predictions.transform.dense.bias",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.LayerNorm.bias",
    }
    hidden = tf.random.stateless_normal([2, 3, tiny_config.hidden_size], [1, 2])
    table = theirs.bert.embeddings.weight
    np.testing.assert_allclose(head(hidden, table), theirs.mlm(hidden), atol=1e-5)
