"""Frozen layers: they stay, the others learn as ever, and nothing is computed for them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from keras_names import community_name

from tfsocial import config
from tfsocial.errors import InputError
from tfsocial.models import parameters
from tfsocial.training.optimizers import rates

CALM = {"epsilon": 1e-3}  # see test_step.py
PRODUCTS = {"MatMul", "BatchMatMulV2", "Einsum"}
FORMULA = {
    "community": {"feature_cosine": {}, "l2_sp": {"weight": 0.01}},
    "papers": {"r_drop": {}, "fgm": {}},
}

FEW = {"community": {"l2_sp": {"weight": 0.01}}, "papers": {"r_drop": {}}}


def weights(model) -> dict[str, np.ndarray]:
    return {v.name: v.numpy() for v in model.text_model.variables}


def is_frozen(name: str, layers: int) -> bool:
    """By the name the community gives it."""
    name = community_name(name)
    below = tuple(f"encoder.layer.{layer}." for layer in range(layers))
    return name.startswith(("embeddings.", *below))


def products(model, batch) -> int:
    graph = tf.function(model.train_step).get_concrete_function(batch).graph
    return sum(operation.type in PRODUCTS for operation in graph.get_operations())


# --- which --------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_the_lowest_layers_and_the_embeddings(social_model, layers):
    """0 is the embeddings alone, None nothing at all; names say where a weight is."""
    encoder = social_model(layers=3).text_model.encoder
    weights = parameters.of_encoder(encoder)
    frozen = rates.lowest(weights, layers)
    expected = {community_name(v.name) for v in encoder.variables if is_frozen(v.name, layers)}
    assert set(frozen) == expected
    assert rates.lowest(weights, None) == []


def test_all_layers_are_the_whole_encoder_and_more_are_none(social_model):
    weights = parameters.of_encoder(social_model(layers=2).text_model.encoder)
    assert set(rates.lowest(weights, 2)) == set(weights)
    with pytest.raises(InputError, match=r"training\.frozen_layers=3: the encoder has 2 layers"):
        rates.lowest(weights, 3)
    with pytest.raises(InputError, match=r"training\.frozen_layers"):
        config.parse({"training": {"frozen_layers": -1}})


def test_biases_alone_are_vectors_and_all_of_them(social_model):
    """Of a layer: four projections and two of the feed-forward net, and two norms of two each."""
    weights = parameters.of_encoder(social_model(layers=2).text_model.encoder)
    learns = set(weights) - set(rates.matrices(weights))
    assert {name.rpartition(".")[2] for name in learns} == {"bias", "weight"}
    assert all("LayerNorm" in name for name in learns if name.endswith(".weight"))
    per_layer, of_embeddings = 6 + 2 * 2, 2
    pooler = sum(name.startswith("pooler") for name in learns)
    assert len(learns) == 2 * per_layer + of_embeddings + pooler


# --- what they do -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"cosines_every": 1, "jit_compile": True}, marks=pytest.mark.long),
        {"parts": 2, "sam_radius": 0.05},
        {"weighing": "pcgrad"},
        {"weighing": "gradnorm", "gradient_checkpointing": True, "dropout": 0.1},
    ],
    ids=lambda options: "-".join(map(str, options)) or "plain",
)
def test_they_stay_bit_for_bit_and_all_others_move(social_model, batch, endless, options):
    """Also where terms pull at them, their distance to M0 is a term, and weights decay."""
    formula = FEW if options else FORMULA
    model = social_model(**formula, layers=2, frozen_layers=1, weight_decay=0.1, ema=0.5, **options)
    before = weights(model)
    model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    for name, value in weights(model).items():
        moved = not np.array_equal(value, before[name])
        assert moved != is_frozen(name, 1), name
    model.average.put_in()
    for name, value in weights(model).items():
        if is_frozen(name, 1):
            np.testing.assert_array_equal(value, before[name], err_msg=name)


@pytest.mark.parametrize("options", [{"parts": 2}, {"cosines_every": 1}])
def test_heads_alone_learn_where_all_layers_are_frozen(social_model, batch, endless, options):
    model = social_model(**FEW, layers=2, frozen_layers=2, weight_decay=0.1, **options)
    encoder = parameters.of_encoder(model.text_model.encoder)
    heads = parameters.of_heads(model.text_model.heads)
    before, first = encoder.arrays(), heads.arrays()
    model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    for name, value in encoder.arrays().items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert all(not np.array_equal(value, first[name]) for name, value in heads.arrays().items())


def test_where_biases_alone_learn_each_of_them_moves_and_no_matrix(social_model, batch, endless):
    model = social_model(**FEW, layers=2, biases_alone=True, weight_decay=0.1)
    encoder = parameters.of_encoder(model.text_model.encoder)
    before = encoder.arrays()
    model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    after = encoder.arrays()
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved == {name for name, value in before.items() if value.ndim == 1}


def test_the_others_take_the_step_they_would_take(social_model, batch, endless):
    """Without clipping, which counts the gradients of all: one step, frozen or not."""
    formula = {**FORMULA, "papers": {"fgm": {}}}  # which asks for the gradient at the words
    whole, partly = (
        social_model(**formula, layers=2, frozen_layers=frozen, clip_norm=None, **CALM)
        for frozen in (None, 1)
    )
    for model in (whole, partly):
        model.fit(endless(batch), steps_per_epoch=1, verbose=0)
    expected = weights(whole)
    for name, value in weights(partly).items():
        if not is_frozen(name, 1):
            np.testing.assert_allclose(value, expected[name], atol=1e-6, err_msg=name)


TOGETHER = {"layers": 2, "frozen_layers": 1, "ema": 0.5, **CALM}


@pytest.fixture(scope="module")
def alone(social_model, batch, endless) -> dict[str, np.ndarray]:
    """What one replica learns, nothing recomputed."""
    model = social_model(**FORMULA, **TOGETHER)
    model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    return weights(model)


@pytest.mark.parametrize("gradient_checkpointing", [False, True])
def test_two_replicas_are_one(
    social_model, batch, endless, two_cpus, alone, gradient_checkpointing
):
    """Also where they compute the activations again."""
    with two_cpus.scope():
        together = social_model(
            **FORMULA, **TOGETHER, gradient_checkpointing=gradient_checkpointing
        )
    together.fit(endless(batch), steps_per_epoch=3, verbose=0)
    for name, value in weights(together).items():
        np.testing.assert_allclose(value, alone[name], atol=1e-5, err_msg=name)


# --- what they cost -----------------------------------------------------------------------


def test_no_gradient_of_them_is_computed(social_model, batch):
    """A step's products: a layer more costs its forwards and backwards, a frozen one no more
    than its forwards.
    """
    two, three = (products(social_model(layers=layers), batch) for layers in (2, 3))
    frozen = products(social_model(layers=3, frozen_layers=1), batch)
    forwards = 8  # query, key, value, scores, context, output, and two of the feed-forward part
    backwards = three - two - forwards
    assert backwards == 2 * forwards
    assert frozen <= three - backwards


def test_the_optimizer_remembers_nothing_of_them(social_model):
    """Slots of what learns alone: an eighth of the memory of a base-sized word table."""
    model = social_model(layers=2, frozen_layers=1)
    remembered = {tuple(slot.shape) for slot in model.optimizer.momentums}
    assert len(model.optimizer.momentums) == len(model.learned) < len(model.trainable_variables)
    assert tuple(model.text_model.encoder.bert.embeddings.weight.shape) not in remembered


def test_a_run_saves_them_as_they_were(tmp_path):
    """From config to model folder: the tables below the layers are those it began with."""
    from safetensors.numpy import load_file

    moods = tiny_run.write_moods(tmp_path / "moods")

    def saved(name: str, *options: str) -> dict[str, np.ndarray]:
        tiny_run.train(tiny_run.settings(moods, *options), tmp_path / name)
        return load_file(tmp_path / name / "model" / "model.safetensors")

    began = saved("began", "optimizer.learning_rate=1.0e-30")
    kept = saved("kept", "training.frozen_layers=0", "training.gradient_checkpointing=true")
    tables = {name for name in began if "embeddings." in name}
    assert len(tables) == 5
    for name, value in began.items():
        if name in tables:
            np.testing.assert_allclose(kept[name], value, rtol=0, atol=1e-20, err_msg=name)
        elif name.endswith(".weight"):
            assert not np.allclose(kept[name], value, rtol=0, atol=1e-3), name
