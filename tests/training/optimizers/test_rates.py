"""Each weight's own share of the learning rate, by its layer."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import tensorflow as tf
from six_steps import section

from tfsocial.models import parameters
from tfsocial.models.spec import HeadSpec, TextModelSpec
from tfsocial.models.text_model import TextModel
from tfsocial.models.tf_transformers import BertConfig
from tfsocial.training.optimizers import build, rates
from tfsocial.training.optimizers.build import OPTIMIZERS

LAYERS = 3
# Depths by hand: three layers, the embeddings under them, the pooler over them.
DEPTHS = {"layer_._2": 0, "layer_._1": 1, "layer_._0": 2, "/embeddings/": 3, "/pooler/": 0}


def text_model(pooling: str = "pooler") -> TextModel:
    """Three layers and two heads, all of it as small as it gets."""
    sizes = BertConfig(
        vocab_size=7,
        hidden_size=4,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=4,
        max_position_embeddings=5,
    )
    specs = {"mood": HeadSpec("classify", ("sad", "happy")), "stars": HeadSpec("regress", ())}
    model = TextModel(sizes, specs, pooling)
    model.build()
    return model


def place(variable: tf.Variable) -> str:
    """The part of `DEPTHS` a weight's name has; '' for a head."""
    found = [part for part in DEPTHS if re.search(re.escape(part), variable.name)]
    assert len(found) <= 1, variable.name
    return found[0] if found else ""


def one_step(model: TextModel, **knobs) -> dict[str, list[float]]:
    """How far weights have moved after a step of the same gradient, by their place."""
    chosen = section(weight_decay=0.0, warmup_fraction=0.0, clip_norm=None, **knobs)
    optimizer = build.of_parameters(parameters.of_text_model(model), chosen, 10)
    weights = model.trainable_variables
    before = [weight.numpy() for weight in weights]
    ones = [(tf.ones_like(weight), weight) for weight in weights]
    optimizer.apply_gradients(ones)
    moved: dict[str, list[float]] = {}
    for weight, value in zip(weights, before, strict=True):
        moved.setdefault(place(weight), []).extend((value - weight.numpy()).ravel())
    return moved


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_every_weight_has_its_layers_multiplier(pooling):
    """0.5 to the depth in the encoder, 7 in the heads; each weight once, none left out."""
    model = text_model(pooling)
    weights = parameters.of_text_model(model)
    found = rates.multipliers(weights, section(layer_decay=0.5, head_multiplier=7))
    named = {weights[name].variable.ref() for name in found}
    assert len(named) == len(found)
    assert named == {variable.ref() for variable in model.trainable_variables}
    for variable, multiplier in weights.by_variable(found):
        where = place(variable)
        assert multiplier == (0.5 ** DEPTHS[where] if where else 7), variable.name


def test_no_layer_decay_is_one_everywhere():
    """By default the whole encoder learns alike."""
    weights = parameters.of_text_model(text_model())
    pairs = weights.by_variable(rates.multipliers(weights, section()))
    assert {multiplier for variable, multiplier in pairs if place(variable)} == {1.0}


def test_what_is_learned_beside_the_model_has_the_heads_rate_and_m0s_own_head_the_encoders():
    """log_variances starts from nothing, the masked-LM head does not and is above all layers."""
    model = TextModel.of(text_model().encoder.config, TextModelSpec({}, "mean", mlm_head=True))
    weights = parameters.of_text_model(model, {"log_variances": tf.Variable([0.0])})
    found = rates.multipliers(weights, section(layer_decay=0.5, head_multiplier=7))
    assert found["log_variances"] == 7
    assert {found[name] for name in found if name.startswith("cls.")} == {1.0}
    begun = rates.begins(weights, 3.0)
    assert begun.keys() == weights.of("backbone").keys()


@pytest.mark.parametrize("name", ["adamw", "adafactor", "lion"])
def test_a_step_by_hand(name):
    """The first step of these is the rate itself: 0.1, times 0.5 a layer downwards, heads 0.3."""
    moved = one_step(
        text_model(), name=name, learning_rate=0.1, layer_decay=0.5, head_multiplier=3.0
    )
    expected = {"layer_._2": 0.1, "layer_._1": 0.05, "layer_._0": 0.025}
    expected |= {"/embeddings/": 0.0125, "/pooler/": 0.1, "": 0.3}
    assert moved.keys() == expected.keys()
    for where, steps in moved.items():
        np.testing.assert_allclose(steps, expected[where], rtol=1e-4, err_msg=where)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_obeys(name):
    """Two equal weights with equal gradients: the one with a tenth of the rate moves a tenth."""
    weights = [tf.Variable([[2.0, -1.0]], name="kernel") for _ in range(2)]
    chosen = section(name=name, learning_rate=0.1, warmup_fraction=0.0)
    optimizer = build.optimizer(chosen, 10, [(weights[1], 0.1)])
    optimizer.apply_gradients([(tf.constant([[0.3, 0.2]]), weight) for weight in weights])
    whole, tenth = (weight.numpy() - [[2.0, -1.0]] for weight in weights)
    assert np.abs(whole).min() > 0.05
    np.testing.assert_allclose(tenth, 0.1 * whole, rtol=1e-4)


# --- gradual unfreezing ------------------------------------------------------------------


def test_layers_begin_from_the_top():
    """Ten steps a layer: the top layer and the pooler at 10, the embeddings under three at 40."""
    model = text_model()
    weights = parameters.of_text_model(model)
    pairs = weights.by_variable(rates.begins(weights, 10.0))
    expected = {"layer_._2": 10, "layer_._1": 20, "layer_._0": 30, "/embeddings/": 40}
    expected["/pooler/"] = 10
    assert {place(variable) for variable, _ in pairs} == expected.keys()
    for variable, step in pairs:
        assert step == expected[place(variable)], variable.name


def test_parts_of_an_epoch_are_rounded_to_steps():
    """2.5 steps a layer begin at 2, 5, 8 (from 7.5) and 10."""
    weights = parameters.of_text_model(text_model())
    pairs = weights.by_variable(rates.begins(weights, 2.5))
    begins = {place(variable): step for variable, step in pairs}
    by_layer = [begins[f"layer_._{number}"] for number in (2, 1, 0)]
    assert [*by_layer, begins["/embeddings/"]] == [2, 5, 8, 10]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_a_weight_stands_still_until_it_begins(name, jit_compile):
    """Bit for bit for two steps, decay included, and then it moves; the other moves at once."""
    weights = [tf.Variable([[2.0, -1.0]], name="kernel") for _ in range(2)]
    chosen = section(name=name, learning_rate=0.1, weight_decay=0.5, warmup_fraction=0.0)
    optimizer = build.optimizer(chosen, 10, begins=[(weights[1], 2)])
    optimizer.build(weights)  # making variables is a trace of its own

    @tf.function(jit_compile=jit_compile)
    def step(gradient):
        optimizer.apply_gradients([(gradient, weight) for weight in weights])

    places = [[weight.numpy() for weight in weights]]
    for _ in range(4):
        step(tf.constant([[0.3, 0.2]]))
        places.append([weight.numpy() for weight in weights])
    assert step.experimental_get_tracing_count() == 1
    free, held = zip(*places, strict=True)
    assert [np.array_equal(*pair) for pair in itertools.pairwise(held)] == [
        True,
        True,
        False,
        False,
    ]
    assert not any(np.array_equal(*pair) for pair in itertools.pairwise(free))
    # With its moments kept up its first step is as long as the other's third.
    np.testing.assert_array_less(np.abs(held[3] - held[2]), 2 * np.abs(free[1] - free[0]))
