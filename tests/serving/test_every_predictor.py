"""What every predictor promises: one set of numbers from each form of a model, no trainer."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
import pytest
import served_models
import without_laboratory

from tfsocial.errors import InputError
from tfsocial.serving import predictor
from tfsocial.serving.loading import load_predictor

TEXTS = ["my card is good thanks", "late", "the order is broken", "good " * 100, "?"]


@pytest.fixture(scope="module")
def predictors(folders):
    """`predictors(name)`: both forms of a model, loaded once."""
    return functools.cache(lambda name: tuple(load_predictor(folder) for folder in folders(name)))


def answered(path: Path) -> list[dict]:
    """The lines of an output file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# --- both forms of a model ---------------------------------------------------------------


@pytest.mark.parametrize("name", served_models.MODELS)
def test_model_and_saved_model_say_the_same(predictors, name):
    """Probabilities, values and embeddings agree to 1e-5, for short, long and strange texts."""
    model, saved_model = predictors(name)
    width = len(model.manifest.text_columns)
    texts = [(text, "nice")[:width] for text in TEXTS]
    from_model, from_saved_model = model(texts), saved_model(texts)
    assert from_model.tasks.keys() == from_saved_model.tasks.keys() == model.manifest.tasks.keys()
    for task, spec in model.manifest.tasks.items():
        assert from_model.tasks[task].shape == (len(TEXTS), spec.width)
        assert np.abs(from_model.tasks[task] - from_saved_model.tasks[task]).max() < 1e-5
        assert np.ptp(from_model.tasks[task], axis=0).max() > 1e-3, "answers depend on the text"
    assert from_model.embedding.shape == (len(TEXTS), 32)
    assert np.abs(from_model.embedding - from_saved_model.embedding).max() < 1e-5


@pytest.mark.parametrize("name", ["classify", "three", "pair"])
def test_both_write_the_same_file(predictors, name, tmp_path):
    """Line for line: rows, labels and, to 1e-5, probabilities."""
    files = []
    source = tmp_path / "in.jsonl"
    rows = [{"text": text, "body": text, "reply": "nice"} for text in TEXTS]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for number, loaded in enumerate(predictors(name)):
        target = tmp_path / f"{number}.jsonl"
        assert predictor.predict_file(loaded, source, target) == (len(TEXTS), 0)
        files.append(answered(target))
    assert [row["row"] for row in files[0]] == list(range(len(TEXTS)))
    for first, second in zip(*files, strict=True):
        assert first.keys() == second.keys()
        for task in first.keys() - {"row"}:
            assert first[task].keys() == second[task].keys()
            for key in first[task].keys() & {"label", "labels"}:
                assert first[task][key] == second[task][key]
            key = "value" if "value" in first[task] else "probabilities"
            assert first[task][key] == pytest.approx(second[task][key], abs=1e-5)


@pytest.mark.parametrize("number", [0, 1], ids=["model", "saved_model"])
def test_one_text_is_answered_as_among_many(predictors, number):
    """A caller need not know how many texts share a row."""
    loaded = predictors("classify")[number]
    many = loaded([(text,) for text in TEXTS]).tasks["mood"]
    alone = [loaded([(text,)]).tasks["mood"][0] for text in TEXTS]
    assert np.abs(many - np.array(alone)).max() < 1e-5


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    """Both forms it could have had are named."""
    with pytest.raises(InputError) as caught:
        load_predictor(tmp_path)
    assert "config.json" in str(caught.value)
    assert "saved_model.pb" in str(caught.value)


# --- the import seal ---------------------------------------------------------------------


def test_a_saved_model_answers_where_the_laboratory_is_missing(folders, predictors, tmp_path):
    """`predict` on a SavedModel, in a process in which trainer and transformers cannot be had."""
    root, target = Path(__file__).parents[2], tmp_path / "out.jsonl"
    (tmp_path / "in.txt").write_text("".join(f"{text}\n" for text in TEXTS), "utf-8")
    _, saved_model = folders("classify")
    command = ["predict", f"--model={saved_model}", f"--input={tmp_path / 'in.txt'}"]
    script = Path(without_laboratory.__file__)
    run = subprocess.run(
        [sys.executable, script, *command, f"--output={target}"],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    expected = predictors("classify")[0].predict(TEXTS)
    for row, answer in zip(answered(target), expected, strict=True):
        assert row["mood"]["label"] == answer["mood"]["label"]
        assert row["mood"]["probabilities"] == pytest.approx(
            answer["mood"]["probabilities"], abs=1e-5
        )


def test_the_seal_hides_the_laboratory():
    """Whole packages and what lies in them, nothing else."""
    finder = without_laboratory.Without(PathFinder)
    assert PathFinder.find_spec("transformers") is not None
    assert finder.find_spec("transformers") is None
    assert finder.find_spec("tfsocial.runs.train") is None
    assert finder.find_spec("tensorflow") is not None


# --- the contract of every predictor -----------------------------------------------------


@pytest.mark.parametrize("number", [0, 1], ids=["model", "saved_model"])
def test_predictor_says_its_labels_answers_and_embeds(predictors, number):
    """`predict` and `embed` are the numbers of a call, in answers and in one matrix."""
    loaded = predictors("three")[number]
    labels = {name: spec.labels for name, spec in served_models.THREE.items()}
    assert loaded.labels == labels
    numbers = loaded([(text,) for text in TEXTS])
    answers = loaded.predict(TEXTS, top=1)
    assert [answer["stars"]["value"] for answer in answers] == pytest.approx(
        numbers.tasks["stars"][:, 0], abs=1e-5
    )
    best = numbers.tasks["mood"].argmax(-1)
    assert [answer["mood"]["label"] for answer in answers] == [labels["mood"][i] for i in best]
    assert loaded.embed(TEXTS) == pytest.approx(numbers.embedding, abs=1e-5)


def test_a_pair_is_a_tuple(predictors):
    """Both columns count."""
    loaded = predictors("pair")[1]
    first, second = loaded.embed([("my card", "nice"), ("my card", "late")])
    assert np.abs(first - second).max() > 1e-3


def test_no_texts_no_answers(predictors):
    assert predictors("classify")[1].predict([]) == []
