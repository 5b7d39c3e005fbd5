"""A saved model comes back as it went; broken ones are refused in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from tfsocial import config
from tfsocial.checkpoints import community, model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.models import parameters
from tfsocial.models.spec import FeatureSpec, HeadSpec, TextModelSpec
from tfsocial.models.text_model import TextModel
from tfsocial.text.tokenizer import Tokenizer

from .m0_folders import (
    POOLER,
    SPECS,
    TABLE,
    batch_of,
    bert_shapes,
    filled,
    fresh,
    m0_of,
    manifest_of,
    refusal,
    rewrite,
)

FROZEN = Path(__file__).parents[1] / "frozen_run"


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_names_and_shapes_are_those_of_pytorch(tiny_config, pooling):
    """Every variable has its own name there, and none is left without."""
    model = TextModel(tiny_config, SPECS, pooling)
    model.build()
    found = parameters.of_encoder(model.encoder).arrays()
    expected = bert_shapes(tiny_config)
    if pooling != "pooler":
        expected = {name: shape for name, shape in expected.items() if name not in POOLER}
    assert {name: list(array.shape) for name, array in found.items()} == expected


def test_tensors_out_and_in_again_are_the_same(m0, tensors):
    """What an encoder gives under the community's names is what it was filled with."""
    encoder, leftovers = filled(m0)
    out = {**parameters.of_encoder(encoder).arrays(), **leftovers}
    assert set(out) == set(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(out[name], array, err_msg=name)


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_a_saved_model_answers_as_before(tmp_path, tiny_config, tokenizer, randomize, pooling):
    """Bit for bit, with every task, and with tokenizer and manifest."""
    model = fresh(tiny_config, randomize, pooling)
    written = manifest_of(pooling, thresholds={"topics": (0.25, 0.75)})
    model_folder.save(tmp_path / "model", TextModelBundle(model, tokenizer, written))
    loaded = model_folder.load(tmp_path / "model")
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
    model_folder.save(
        tmp_path, TextModelBundle(fresh(tiny_config, randomize), tokenizer, manifest_of())
    )
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
        "separator": "|",
    }
    assert (block["pooling"], block["row_length"], block["slots"]) == ("mean", 64, 8)
    assert "läte" in text


def test_a_saved_folder_has_the_names_of_m0(m0, tmp_path, tensors, randomize):
    """Nothing is lost on the way through a run: the pooler and the untrained words are there."""
    words = np.array([0, 2, 3, 5])
    found = m0_of(m0)
    model = TextModel(found.architecture(words), SPECS, "mean")
    model.build()
    leftovers = found.fill(model.encoder, words)
    model_folder.save(
        tmp_path / "model",
        TextModelBundle(model, Tokenizer.load(m0), manifest_of()),
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
    found = m0_of(m0)
    model = TextModel(found.architecture(words), SPECS, "mean")
    model.build()
    leftovers = found.fill(model.encoder, words)
    np.testing.assert_array_equal(model.encoder.bert.embeddings.weight, tensors[TABLE][words])
    randomize(model, seed=1)  # as training would
    tuned = model.encoder.bert.embeddings.weight.numpy()
    tokenizer = Tokenizer.load(m0)
    model_folder.save(
        tmp_path / "model", TextModelBundle(model, tokenizer, manifest_of()), leftovers, words
    )

    table = load_file(tmp_path / "model" / "model.safetensors")[TABLE]
    others = np.setdiff1d(np.arange(35), words)
    np.testing.assert_array_equal(table[others], tensors[TABLE][others])
    np.testing.assert_array_equal(table[words], tuned)
    assert not np.allclose(tuned, tensors[TABLE][words], atol=0.01)

    loaded = model_folder.load(tmp_path / "model")
    assert loaded.model.encoder.config.vocab_size == 35
    compacted = model(batch_of([[1, 3, 4, 2], [1, 2]], [[0, 1]]))
    restored = loaded.model(batch_of([[2, 9, 20, 3], [2, 3]], [[0, 1]]))
    np.testing.assert_array_equal(compacted.pooled, restored.pooled)


def test_saving_leaves_m0s_table_alone(m0, tmp_path):
    """The table that is filled up on saving is a copy."""
    words = np.array([0, 2, 3])
    found = m0_of(m0)
    model = TextModel(found.architecture(words), SPECS, "mean")
    model.build()
    leftovers = found.fill(model.encoder, words)
    before = leftovers[TABLE].copy()
    model.encoder.bert.embeddings.weight.assign(tf.zeros([3, 32]))
    tokenizer = Tokenizer.load(m0)
    model_folder.save(
        tmp_path / "model", TextModelBundle(model, tokenizer, manifest_of()), leftovers, words
    )
    np.testing.assert_array_equal(leftovers[TABLE], before)


def test_a_random_encoder_of_some_words_can_be_saved(m0, tmp_path, tokenizer):
    """There is no M0 to fill the table up from; it is whole and finite all the same."""
    random = config.Model(checkpoint="random", random={"vocabulary": str(m0), "positions": 64})
    found, words = community.of_config(random), np.array([0, 2, 3, 20])
    model = TextModel(found.architecture(words), SPECS, "mean")
    model.build()
    leftovers = found.fill(model.encoder, words)
    own = model.encoder.bert.embeddings.weight.numpy()
    model_folder.save(
        tmp_path / "model", TextModelBundle(model, tokenizer, manifest_of()), leftovers, words
    )
    table = model_folder.load(tmp_path / "model").model.encoder.bert.embeddings.weight.numpy()
    assert table.shape == (35, 32)
    np.testing.assert_array_equal(table[words], own)
    assert 0.01 < np.delete(table, words, axis=0).std() < 0.03


def test_a_saved_model_is_the_next_runs_checkpoint(tmp_path, tiny_config, tokenizer, randomize):
    """`model/` resolves, and fills an encoder with what was saved."""
    model = fresh(tiny_config, randomize, "pooler")
    model_folder.save(tmp_path, TextModelBundle(model, tokenizer, manifest_of("pooler")))
    encoder, leftovers = filled(tmp_path)
    assert set(leftovers) == POOLER
    before = parameters.of_encoder(model.encoder).arrays()
    for name, array in parameters.of_encoder(encoder).arrays().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_a_checkpoint_without_heads_is_no_saved_model(m0):
    """`load` wants a model that tfsocial has trained, and says so."""
    message = refusal(model_folder.load, m0)
    assert message.startswith(f"{m0 / 'config.json'}: has no 'tfsocial' block")


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
    assert refusal(model_folder.load, saved) == f"{saved / 'heads.safetensors'}{words}"


def test_a_model_folder_that_is_not_there_is_not_called_a_checkpoint(tmp_path, saved):
    """Who loads a model has no config whose key could be named."""
    none = tmp_path / "none"
    assert refusal(model_folder.load, none) == f"{none}: there is no such model folder"
    (saved / "model.safetensors").unlink()
    assert refusal(model_folder.load, saved) == (
        f"{saved}: is no model/ folder of a run; it lacks model.safetensors"
    )


def test_a_card_is_saved_with_the_weights(tmp_path, tiny_config, tokenizer, randomize):
    model = TextModelBundle(fresh(tiny_config, randomize), tokenizer, manifest_of())
    model_folder.save(tmp_path / "model", model, card="---\nlicense: mit\n---\nÄ\n")
    assert (tmp_path / "model" / "README.md").read_text("utf-8").endswith("Ä\n")


def test_a_saved_model_without_its_heads_is_refused(saved):
    """The file's name stands in the message."""
    (saved / "heads.safetensors").unlink()
    assert str(saved / "heads.safetensors") in refusal(model_folder.load, saved)


@pytest.mark.parametrize("pooling", ["mean", "pooler"])
@pytest.mark.parametrize("mlm_head", [False, True])
def test_the_same_parts_come_back(tmp_path, tiny_config, tokenizer, randomize, pooling, mlm_head):
    """Every weight of the model that was saved, the masked-LM head's among them, and no other."""
    spec = TextModelSpec(
        {"t": HeadSpec("classify", ("a", "b", "none"), "energy")},
        pooling,
        head_normalize=True,
        mlm_head=mlm_head,
        features={
            "price": FeatureSpec("Price (EUR)", "numeric", log=True, mean=1.1, spread=2.3),
            "country": FeatureSpec("country", "categorical", levels=("", "de")),
        },
    )
    model = TextModel.of(tiny_config, spec)
    randomize(model)
    written = ModelManifest(**vars(spec), row_length=64, slots=8, text_columns=("text",))
    model_folder.save(tmp_path / "model", TextModelBundle(model, tokenizer, written))
    loaded = model_folder.load(tmp_path / "model")
    assert loaded.manifest == written
    assert loaded.model.spec == spec
    before, after = (parameters.of_text_model(one).arrays() for one in (model, loaded.model))
    assert before.keys() == after.keys()
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name], err_msg=name)


def test_a_saved_mlm_head_that_lost_a_tensor_is_refused(tmp_path, tiny_config, tokenizer):
    """The manifest promises it."""
    spec = TextModelSpec(SPECS, "mean", mlm_head=True)
    written = ModelManifest(**vars(spec), row_length=64, slots=8, text_columns=("text",))
    bundle = TextModelBundle(TextModel.of(tiny_config, spec), tokenizer, written)
    model_folder.save(tmp_path / "model", bundle)
    path = tmp_path / "model" / "model.safetensors"
    tensors = load_file(path)
    del tensors["cls.predictions.transform.dense.bias"]
    save_file(tensors, path)
    assert refusal(model_folder.load, tmp_path / "model") == (
        f"{path}: lacks cls.predictions.transform.dense.bias, which config.json promises"
    )


@pytest.mark.parametrize("run", ["a", "b"])
def test_a_model_folder_of_before_is_read(run, tmp_path):
    """Its manifest knows nothing of a masked-LM head; saved again its weights are the same bits."""
    folder = FROZEN / run / "finished" / "model"
    block = json.loads((folder / "config.json").read_text("utf-8"))["tfsocial"]
    assert "mlm_head" not in block
    loaded = model_folder.load(folder)
    assert loaded.model.spec.mlm_head is False
    assert set(loaded.manifest.tasks) == set(block["tasks"])
    model_folder.save(tmp_path / "model", loaded)
    for name in ("heads.safetensors", "model.safetensors"):
        before, after = load_file(folder / name), load_file(tmp_path / "model" / name)
        assert before.keys() == after.keys()
        for tensor, array in before.items():
            np.testing.assert_array_equal(array, after[tensor], err_msg=tensor)


def test_a_model_takes_the_place_of_the_one_before(tmp_path, tiny_config, tokenizer, randomize):
    """Whole, with files the new one has not gone; a failed save leaves the old one."""
    folder = tmp_path / "model"
    model_folder.save(
        folder,
        TextModelBundle(fresh(tiny_config, randomize), tokenizer, manifest_of()),
        card="of the first",
    )
    again = TextModelBundle(fresh(tiny_config, randomize), tokenizer, manifest_of())
    model_folder.save(folder, again)
    assert not (folder / "README.md").exists()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    broken = TextModelBundle(again.model, None, manifest_of())
    with pytest.raises(AttributeError):
        model_folder.save(folder, broken)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    folder.rename(folder.with_name(".model.aside"))  # as if killed while they changed places
    assert model_folder.load(folder).manifest == manifest_of()
