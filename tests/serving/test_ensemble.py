"""Several models that answer as one: in Python, from the command line, as a SavedModel."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tiny_run
from safetensors.numpy import load_file, save_file

from tfsocial import __main__, api
from tfsocial.errors import InputError
from tfsocial.serving.export import portable, publish
from tfsocial.serving.loading import load_predictor

TEXTS = [(text,) for text, _ in tiny_run.MOODS] + [("",), ("my card",)]


@pytest.fixture(scope="module")
def models(folders, tmp_path_factory):
    """A model of three tasks; one that says the same with its labels turned; one of other heads."""
    model, work = folders("three")[0], tmp_path_factory.mktemp("members")
    turned, other = work / "turned", work / "other"
    for folder in (turned, other):
        shutil.copytree(model, folder)
    config = json.loads((turned / "config.json").read_text("utf-8"))
    heads = load_file(turned / "heads.safetensors")
    for task in ("mood", "embedding"):
        config["tfsocial"]["tasks"][task]["labels"].reverse()
        for part in ("weight", "bias"):
            heads[f"{task}.{part}"] = heads[f"{task}.{part}"][::-1].copy()
    config["tfsocial"]["thresholds"]["embedding"].reverse()
    (turned / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(heads, turned / "heads.safetensors")
    heads = load_file(other / "heads.safetensors")
    random = np.random.default_rng(5)
    moved = {
        name: array + random.normal(size=array.shape).astype("f4") for name, array in heads.items()
    }
    save_file(moved, other / "heads.safetensors")
    return model, turned, other


def test_copies_of_one_model_are_that_model(models):
    """Also where the labels of a copy have another order."""
    one, copies = load_predictor(models[0]), api.load_predictor(models[:2])
    assert copies.labels == one.labels
    assert copies.manifest.thresholds == one.manifest.thresholds
    expected, found = one.many(TEXTS), copies.many(TEXTS)
    for task, values in expected.tasks.items():
        np.testing.assert_allclose(found.tasks[task], values, atol=1e-6)
    for ours, its in zip(copies.predict(TEXTS), one.predict(TEXTS), strict=True):
        assert ours["mood"]["label"] == its["mood"]["label"]
        assert ours["embedding"]["labels"] == its["embedding"]["labels"]


def test_the_answer_is_the_mean_of_probabilities_and_of_values(models):
    each = [load_predictor(model).many(TEXTS) for model in (models[0], models[2])]
    both = api.load_predictor([models[0], models[2]]).many(TEXTS)
    for task in ("mood", "embedding", "stars"):
        expected = np.mean([one.tasks[task] for one in each], 0)
        np.testing.assert_allclose(both.tasks[task], expected, atol=1e-6)


def test_the_cosine_of_embeddings_is_the_members_mean(models, folders):
    each = [load_predictor(model).embed(["good", "bad"]) for model in (models[0], models[2])]
    units = [one / np.linalg.norm(one, axis=-1, keepdims=True) for one in each]
    expected = np.mean([one[0] @ one[1] for one in units])
    both = api.load_predictor([models[0], models[2]]).embed(["good", "bad"])
    assert both.shape == (2, 2 * each[0].shape[1])
    assert both[0] @ both[1] == pytest.approx(expected, abs=1e-5)


def test_one_saved_model_says_what_the_members_say_together(models, tmp_path):
    version = api.export(models, tmp_path / "served")
    expected, found = api.load_predictor(models).many(TEXTS), load_predictor(version).many(TEXTS)
    for task, values in expected.tasks.items():
        np.testing.assert_allclose(found.tasks[task], values, atol=1e-5)
    about = json.loads((version / "manifest.json").read_text("utf-8"))
    assert len(about["weights"]) == 3
    assert about["reference"] is None
    graph = portable.read_graph(version)
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    ops = [node.op for body in bodies for node in body]
    assert ops.count("FastWordpieceTokenizeWithOffsets") <= 1


def test_from_the_command_line(models, tmp_path):
    source = tiny_run.write_csv(tmp_path / "in.csv", ("text", "mood"), tiny_run.MOODS)
    source.write_text(source.read_text("utf-8").replace("sad", "neither"), "utf-8")
    flags = [f"--model={model}" for model in models[::2]]
    assert (
        __main__.main(["predict", *flags, f"--input={source}", f"--output={tmp_path / 'o'}"]) == 0
    )
    said = [json.loads(line) for line in (tmp_path / "o").read_text("utf-8").splitlines()]
    assert [answer["mood"]["label"] for answer in said] == [
        answer["mood"]["label"]
        for answer in api.predict(models[::2], [text for text, _ in tiny_run.MOODS])
    ]
    scored = tmp_path / "scored"
    assert __main__.main(["evaluate", *flags, f"--data={source}", f"--output={scored}"]) == 0
    about = json.loads((scored / "evaluation.json").read_text("utf-8"))
    assert about["model"] == [str(model) for model in models[::2]]


def refuse(models, message):
    with pytest.raises(InputError, match=message):
        api.load_predictor(models)


def test_what_cannot_answer_as_one(models, folders, tmp_path):
    model, saved_model = folders("three")
    refuse([model, saved_model], r"is an exported version; an ensemble is made of model/ folders")
    refuse([model, folders("classify")[0]], r"has the tasks mood, the first model mood, embedding")
    refuse([folders("classify")[0], folders("pair")[0]], r"reads 2 texts, the first model 1")
    refuse([], r"names no folder")
    changed = tmp_path / "changed"
    shutil.copytree(model, changed)
    config = json.loads((changed / "config.json").read_text("utf-8"))
    config["tfsocial"]["tasks"]["mood"]["labels"][0] = "glad"
    (changed / "config.json").write_text(json.dumps(config), "utf-8")
    refuse([model, changed], r"of task mood only it has the label 'glad'")
    config["tfsocial"]["tasks"]["mood"]["kind"] = "multilabel"
    (changed / "config.json").write_text(json.dumps(config), "utf-8")
    refuse([model, changed], r"task mood is multilabel, and classify in the first model")
    path = changed / "vocab.txt"
    path.write_text(path.read_text("utf-8").replace("good", "goods"), "utf-8")
    refuse([model, changed], r"its vocabulary is not the first model's")
    with pytest.raises(InputError, match="is an exported version"):
        publish.publish([model, saved_model], tmp_path / "served")
