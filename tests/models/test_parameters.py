"""Weights by name and role; that one more in the encoder changes nothing for the others."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from keras_names import community_name
from safetensors.numpy import load_file

from tfsocial import config
from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.config.optimizer import AdamW
from tfsocial.models import parameters
from tfsocial.models.encoder import PackedBert
from tfsocial.models.spec import HeadSpec, TextModelSpec
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import table
from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.forward import Step
from tfsocial.training.optimizers import build, rates
from tfsocial.training.providers import averaged_weights, fisher
from tfsocial.training.providers import m0 as m0_provider
from tfsocial.training.run_constants import RunConstants

SPEC = TextModelSpec(
    {"bias": HeadSpec("classify", ("a", "b", "none"), "energy"), "stars": HeadSpec("regress", ())},
    "pooler",
    mlm_head=True,
)
QUERY = "encoder.layer.1.attention.self.query"
ADAPTERS = {f"{QUERY}.down", f"{QUERY}.up", "encoder.layer.0.output.scale", "prefix.kernel"}


class LowRank(keras.layers.Layer):
    """W x + U D x in the place of a linear layer (LoRA, Hu et al., arXiv:2106.09685)."""

    def __init__(self, linear: keras.layers.Dense, width: int):
        super().__init__(name="query")
        self.linear = linear
        self.down = self.add_weight("lora_a", [width, 1], initializer="ones")
        self.up = self.add_weight("lora_b", [1, width], initializer="zeros")

    @property
    def kernel(self) -> tf.Variable:
        return self.linear.kernel

    @property
    def bias(self) -> tf.Variable:
        return self.linear.bias

    def call(self, inputs):
        return self.linear(inputs) + inputs @ self.down @ self.up


def plant(encoder: PackedBert) -> None:
    """A low-rank layer around a linear one, a vector in a layer, a linear layer in the encoder."""
    attention = encoder.bert.encoder.layer[1].attention.self_attention
    attention.query = LowRank(attention.query, encoder.config.hidden_size)
    output = encoder.bert.encoder.layer[0].bert_output
    output.scale = output.add_weight("scale", [3], initializer="ones")
    encoder.prefix = keras.layers.Dense(2, use_bias=False)
    encoder.prefix.build([None, 3])


@pytest.fixture
def plain(tiny_config, randomize):
    model = TextModel.of(tiny_config, SPEC)
    randomize(model)
    return model


@pytest.fixture
def planted(plain):
    plant(plain.encoder)
    return plain


@pytest.fixture
def everywhere(monkeypatch):
    """From here on every encoder is built with adapters in it."""
    build_encoder = PackedBert.build

    def build_and_plant(encoder, input_shape=None):
        fresh = not encoder.built
        build_encoder(encoder, input_shape)
        if fresh:
            plant(encoder)

    monkeypatch.setattr(PackedBert, "build", build_and_plant)


def batch() -> keys.Batch:
    tokens = tf.ragged.constant([[2, 9, 10, 3], [2, 20, 3]], tf.int32)
    features = {keys.EXAMPLE_ID: tf.range(2, dtype=tf.int64), keys.WEIGHT: tf.ones([2])}
    places = tf.constant([[0, 1]], tf.int64)
    return packing.pack(tokens, tf.zeros_like(tokens), features, places, 8)


# --- names and facts ----------------------------------------------------------------------


def test_names_are_the_communitys(plain):
    """Read off the structure they are those that Keras's names translate to, in Keras's order."""
    weights = parameters.of_text_model(plain)
    assert [one.variable.ref() for one in weights.values()] == [v.ref() for v in plain.variables]
    encoder = parameters.of_encoder(plain.encoder)
    assert [*encoder] == [community_name(variable.name) for variable in plain.encoder.variables]
    head = parameters.of_mlm_head(plain.mlm_head)
    assert [*head] == [community_name(variable.name) for variable in plain.mlm_head.variables]
    heads = {"bias.weight", "bias.bias", "stars.weight", "stars.bias"}
    fitted = {"bias.threshold", "bias.slope"}
    assert weights.keys() == encoder.keys() | head.keys() | heads | fitted
    assert parameters.of_heads(plain.heads).keys() == heads | fitted
    assert {name for name in weights if name not in weights.trainable} == fitted


def test_roles_and_layers(plain):
    """Two layers by hand: embeddings 0, then 1 and 2, the pooler 2, heads none."""
    weights = parameters.of_text_model(plain, {"log_variances": tf.Variable([0.0])})
    assert weights.top == 2
    layers = {name: one.layer for name, one in weights.items()}
    assert layers["embeddings.LayerNorm.bias"] == 0
    assert layers["encoder.layer.0.output.dense.bias"] == 1
    assert layers["encoder.layer.1.attention.output.LayerNorm.weight"] == 2
    assert layers["pooler.dense.weight"] == 2
    assert layers["bias.weight"] is layers["cls.predictions.bias"] is None
    assert {weights[name].task for name in ("bias.weight", "bias.slope")} == {"bias"}
    assert weights["cls.predictions.bias"].task is None
    assert [*weights.of("term")] == [next(iter(weights))] == ["log_variances"]
    assert {one.role for one in weights.values()} == {"backbone", "head", "term"}


def test_what_decays(plain):
    """Kernels and the tables of positions and types; a task called `bias` has a kernel as well."""
    weights = parameters.of_text_model(plain, {"log_variances": tf.Variable([0.0])})
    decaying = {name for name, one in weights.items() if one.decays}
    matrices = {name for name in weights if name.endswith(("dense.weight", "query.weight"))}
    matrices |= {name for name in weights if name.endswith(("key.weight", "value.weight"))}
    tables = {f"embeddings.{kind}_embeddings.weight" for kind in ("position", "token_type")}
    assert decaying == matrices | tables | {"bias.weight", "stars.weight"}


def test_arrays_are_laid_out_as_pytorch_does(plain):
    """[out, in]; out and in again they are the same, a scalar too."""
    weights = parameters.of_text_model(plain)
    arrays = weights.arrays()
    for name, array in arrays.items():
        assert array.shape == weights[name].shape, name
    assert arrays["encoder.layer.0.intermediate.dense.weight"].shape == (64, 32)
    kernel = plain.encoder.bert.encoder.layer[0].intermediate.dense.kernel
    np.testing.assert_array_equal(
        arrays["encoder.layer.0.intermediate.dense.weight"], kernel.numpy().T
    )
    before = [variable.numpy() for variable in plain.variables]
    weights.assign({name: 0 * array for name, array in arrays.items()})
    assert not any(np.any(variable.numpy()) for variable in plain.variables)
    weights.assign(arrays)
    for variable, value in zip(plain.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_name_nobody_has_is_an_error(plain):
    """Neither lost in silence nor found by chance."""
    weights = parameters.of_text_model(plain)
    with pytest.raises(KeyError):
        weights.assign({"no.such.weight": np.zeros(2)})
    with pytest.raises(KeyError):
        weights.copy_from(parameters.of_heads(plain.heads))


def test_two_of_one_name_are_refused():
    one = parameters.Parameter("a", tf.Variable(1.0), "head")
    with pytest.raises(ValueError, match="one name, a"):
        parameters.Parameters([one, one])


def test_a_hidden_weight_is_refused(plain):
    """Under a private name it would be lost from copies and files."""
    plain.encoder._hidden = plain.encoder.add_weight("hidden", [2])
    with pytest.raises(ValueError, match="hidden:0 stands nowhere"):
        parameters.of_text_model(plain)


# --- an adapter in the encoder ------------------------------------------------------------


def test_an_adapter_is_told_from_the_backbone(planted, tiny_config):
    """By where it stands; the names of all others are as they were."""
    weights = parameters.of_text_model(planted)
    assert set(weights.of("adapter")) == ADAPTERS
    plain = parameters.of_text_model(TextModel.of(tiny_config, SPEC))
    assert set(weights) == set(plain) | ADAPTERS
    facts = {name: (one.layer, one.decays) for name, one in weights.of("adapter").items()}
    assert facts == {
        f"{QUERY}.down": (2, True),
        f"{QUERY}.up": (2, True),
        "encoder.layer.0.output.scale": (1, False),
        "prefix.kernel": (2, True),
    }


def test_m0_is_copied_beside_an_adapter(planted):
    """M0's copy has the backbone's values, each under its name; l2_sp holds the backbone alone."""
    m0 = m0_provider.frozen_copy(planted.encoder)
    backbone = parameters.of_encoder(planted.encoder).of("backbone")
    copied = parameters.of_encoder(m0)
    assert copied.keys() == backbone.keys()
    for name, array in copied.arrays().items():
        np.testing.assert_array_equal(array, backbone[name].array(), err_msg=name)
    pairs = Step(batch(), planted, RunConstants(provided={"m0": m0}), training=False).parameters
    assert pairs.keys() == backbone.keys()
    assert all(np.array_equal(weight, at_m0) for weight, at_m0 in pairs.values())


def test_a_copy_of_the_model_has_adapters_too(everywhere, tiny_config, randomize):
    """As the mean teacher's is."""
    model = TextModel.of(tiny_config, SPEC)
    randomize(model)
    arrays = parameters.of_text_model(averaged_weights.twin(model)).arrays()
    assert arrays.keys() >= ADAPTERS
    for name, array in parameters.of_text_model(model).arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)


def test_an_adapter_is_averaged(planted):
    """Under its name, beside the others."""
    average = WeightAverage(parameters.of_text_model(planted).trainable.variables, 0.5)
    average.averages[f"{QUERY}.up"].assign_add(tf.ones([1, 32]))
    average.put_in()
    attention = planted.encoder.bert.encoder.layer[1].attention.self_attention
    np.testing.assert_array_equal(attention.query.up, np.ones([1, 32]))


def test_fisher_is_of_the_backbone(planted):
    """An adapter has no value in M0 to be held at."""
    parts = keys.WordParts(np.arange(35) < 5, np.zeros(35, bool), mask=4)
    data = tf.data.Dataset.from_tensors(batch()).repeat(20)
    found = fisher.diagonal(
        planted, RunConstants(provided={"word_parts": parts, "mlm_head": planted.mlm_logits}), data
    )
    backbone = parameters.of_encoder(planted.encoder).of("backbone")
    assert {name: one.shape for name, one in found.items()} == {
        name: one.variable.shape for name, one in backbone.items()
    }
    assert np.any(found[f"{QUERY}.weight"])


def test_rates_decay_and_freezing_reach_an_adapter(planted):
    """It has its layer's rate and beginning, and stays where its layer stays."""
    weights = parameters.of_text_model(planted)
    found = rates.multipliers(weights, AdamW(layer_decay=0.5))
    assert (found[f"{QUERY}.up"], found["encoder.layer.0.output.scale"]) == (1.0, 0.5)
    assert rates.begins(weights, 10.0)["encoder.layer.0.output.scale"] == 20
    lowest = rates.lowest(weights, 1)
    assert "encoder.layer.0.output.scale" in lowest
    assert f"{QUERY}.up" not in lowest
    optimizer = build.of_parameters(weights, AdamW(weight_decay=0.1), 10)
    optimizer.build([*weights.trainable.variables.values()])
    assert optimizer.decays(weights[f"{QUERY}.up"].variable)
    assert not optimizer.decays(weights["encoder.layer.0.output.scale"].variable)


def test_an_adapter_is_saved_and_loaded(everywhere, tmp_path, tiny_config, tokenizer, randomize):
    """In a file of its own: what PyTorch's BertModel reads has its names and no other."""
    model = TextModel.of(tiny_config, SPEC)
    randomize(model)
    manifest = ModelManifest(**vars(SPEC), row_length=8, slots=2, text_columns=("text",))
    model_folder.save(tmp_path / "model", TextModelBundle(model, tokenizer, manifest))
    assert load_file(tmp_path / "model" / "adapters.safetensors").keys() == ADAPTERS
    shared = load_file(tmp_path / "model" / "model.safetensors")
    assert not any("lora" in name or name.endswith((".up", ".scale")) for name in shared)
    loaded = model_folder.load(tmp_path / "model")
    for name, array in parameters.of_text_model(loaded.model).arrays().items():
        np.testing.assert_array_equal(
            array, parameters.of_text_model(model)[name].array(), err_msg=name
        )


def test_an_adapter_is_trained(everywhere, tiny_config, randomize):
    """A step of the whole: M0's copy, an average, L2-SP and the optimizer, with all their names."""
    from tfsocial.training.social_model import SocialModel

    tree = {
        "tasks": {"bias": {"column": "label"}},
        "objectives": {"community": {"l2_sp": {"weight": 0.1}}},
    }
    parsed = config.parse(tree)
    terms = table.formula(parsed.tasks, parsed.objectives)
    model = TextModel(tiny_config, {"bias": HeadSpec("classify", ("a", "b"))}, "mean")
    model.build()
    randomize(model)
    constants = RunConstants(
        table.losses(terms), provided={"m0": m0_provider.frozen_copy(model.encoder)}
    )
    frozen = rates.lowest(parameters.of_encoder(model.encoder), 1)
    social = SocialModel(model, terms, 10, constants, parsed.objectives, ema=0.5, frozen=frozen)
    optimizer = build.of_parameters(social.parameters, parsed.optimizer, 10)
    social.compile(optimizer, jit_compile=False)
    before = parameters.of_text_model(model).arrays()
    example = {**batch(), keys.label_key("bias"): tf.constant([[0, 1]])}
    social.fit(tf.data.Dataset.from_tensors(example).repeat(), steps_per_epoch=2, verbose=0)
    for name, array in parameters.of_text_model(model).arrays().items():
        still = name in frozen or name == "prefix.kernel"  # which no pass reads
        assert np.array_equal(array, before[name]) == still, name
    assert f"{QUERY}.up" in social.average.averages
    assert "encoder.layer.0.output.scale" not in social.average.averages
