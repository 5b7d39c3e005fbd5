"""A compression from a run's folder to an int8 version, stopped and gone on with."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny_run

from tfsocial import api
from tfsocial.errors import InputError
from tfsocial.serving.loading import load_predictor

pytestmark = pytest.mark.long  # a whole compression, twice

SIZES = {**tiny_run.SIZES, "layers": 2, "positions": 32}
ASKED = {"layers": 1, "heads": 2, "intermediate_size": 32, "vocabulary": 14, "device": "cpu"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of two layers that tells moods apart."""
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    vocabulary = tiny_run.write_vocabulary(folder / "vocabulary")
    model = {"checkpoint": "random", "random": {**SIZES, "vocabulary": str(vocabulary)}}
    config = tiny_run.settings(
        folder,
        "training.epochs=6",
        "objectives.community={feature_cosine: {weight: 0.1}}",
        model={**model, "dropout": 0.0, "head_dropout": 0.0},
    )
    return api.train(config, tmp_path_factory.mktemp("work") / "run", "cpu")


@pytest.fixture(scope="module")
def compressed(run, tmp_path_factory):
    output = tmp_path_factory.mktemp("small") / "out"
    return output, api.compress(run.workdir, output, max_loss=100, **ASKED)


def test_each_step_is_there_and_smaller(compressed):
    output, found = compressed
    names = [step.step for step in found.steps]
    assert names == ["as it was", "pruned", "distilled", "int8"]
    assert found.steps[1].megabytes < found.steps[0].megabytes
    assert found.steps[0].same == 1
    assert all(0 <= step.score <= 1 and step.milliseconds > 0 for step in found.steps)
    values = json.loads((output / "compression.json").read_text("utf-8"))
    assert values["plan"] == {key: ASKED[key] for key in values["plan"]}
    assert [step["step"] for step in values["steps"]] == names
    assert str(found) == (output / "compression.txt").read_text("utf-8").rstrip("\n")


def test_what_is_served_is_the_small_model(compressed):
    output, found = compressed
    config = json.loads((found.model / "config.json").read_text("utf-8"))
    assert config["num_hidden_layers"] == 1
    assert config["intermediate_size"] == 32
    assert len(config["pruned_heads"]["0"]) == 2
    assert config["vocab_size"] == 14
    served, model = load_predictor(found.served), load_predictor(found.model)
    assert served.manifest == model.manifest
    assert list((output / "served").iterdir()) == [output / "served" / "1"]


def test_it_learned_from_the_whole_model(compressed, run):
    """Its formula is L and the teacher's answers; M0's own term of the run is gone."""
    output, _ = compressed
    provenance = json.loads((output / "distilled" / "provenance.json").read_text("utf-8"))
    text = json.dumps(provenance)
    assert "Distilling the Knowledge" in text
    assert str(run.model) in text
    lines = (output / "distilled" / "metrics.jsonl").read_text("utf-8")
    assert "L_paper/distillation" in lines
    assert "L0/feature_cosine" not in lines


def test_a_loss_beyond_the_bound_publishes_nothing(compressed, run, tmp_path):
    """Less than nothing may be lost: the sentence has every step's score and the remedy.

    Asked again for less, it goes on where it was: what was finished is not done again.
    """
    shutil.copytree(compressed[0], tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "served")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "distilled").rglob("*")}
    with pytest.raises(InputError, match=r"points on dev \(as it was .*; int8 .*keep more layers"):
        api.compress(run.workdir, tmp_path / "out", max_loss=-101, **ASKED)
    assert not (tmp_path / "out" / "served").exists()
    again = api.compress(run.workdir, tmp_path / "out", max_loss=100, **ASKED)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert [step.score for step in again.steps] == [step.score for step in compressed[1].steps]


def test_another_plan_is_refused(compressed, run):
    with pytest.raises(InputError, match=r"holds another plan, .*'layers': 1.*; name a new folder"):
        api.compress(run.workdir, compressed[0], **{**ASKED, "layers": 2})


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"is no finished run; it lacks config.yaml or model/"):
        api.compress(tmp_path, tmp_path / "out")
