"""Compositions from runs' folders to models that answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tiny_run
from safetensors.numpy import load_file

from tfsocial import api
from tfsocial.checkpoints import manifest as manifests
from tfsocial.composition import search
from tfsocial.composition.methods.table import METHODS
from tfsocial.errors import InputError
from tfsocial.serving.loading import load_predictor

TEXTS = [(text,) for text, _ in tiny_run.MOODS]
MOODS = [mood for _, mood in tiny_run.MOODS]


def encoder(folder):
    return load_file(folder / "model.safetensors")


def heads(folder):
    return load_file(folder / "heads.safetensors")


def said(folder, task="mood"):
    """The likeliest label of each text."""
    predictor = load_predictor(folder)
    labels = predictor.manifest.tasks[task].labels
    return [labels[place] for place in predictor(TEXTS).tasks[task].argmax(-1)]


@pytest.fixture(scope="module")
def mean(runs, tmp_path_factory):
    """Two runs of one task, averaged, heads fitted anew."""
    output = tmp_path_factory.mktemp("mean") / "out"
    return output, api.compose([runs.first, (runs.second, 3)], output)


def test_the_mean_of_two_runs_answers(mean, runs):
    output, composed = mean
    one, other, both = map(encoder, (runs.first / "model", runs.second / "model", composed.model))
    assert both.keys() == one.keys()
    for name, array in both.items():
        np.testing.assert_allclose(array, 0.25 * one[name] + 0.75 * other[name], atol=1e-6)
    assert said(composed.model) == MOODS
    assert composed.report.scores == {"mood": 1.0}
    assert composed.report.of_runs == {
        str(runs.first): {"mood": 1.0},
        str(runs.second): {"mood": 1.0},
    }
    assert {path.name for path in output.iterdir()} == {
        *("model", "plan.json", "provenance.json", "composition.json", "composition.txt")
    }


def test_what_was_fitted_to_scores_is_fitted_anew(mean, runs):
    manifest, own = (manifests.read(folder) for folder in (mean[1].model, runs.first / "model"))
    assert manifest.calibration.keys() == {"mood"}
    assert manifest.calibration != own.calibration
    assert manifest.label_set_thresholds.keys() == {"mood"}
    assert json.loads((mean[1].model / "reference.json").read_text("utf-8"))["rows"] == 16


def test_the_card_lists_the_parents(mean):
    text = (mean[1].model / "README.md").read_text("utf-8")
    assert "license: apache-2.0" in text
    assert "/first | 1 |" in text
    assert "/second | 3 |" in text
    assert "arXiv:2203.05482" in text
    recorded = json.loads((mean[0] / "provenance.json").read_text("utf-8"))["resources"]
    assert [one["name"].rpartition("/")[2] for one in recorded[:3]] == ["model", "first", "second"]


def test_what_was_composed_is_a_run_of_the_next_composition(mean, runs, tmp_path):
    composed = api.compose([mean[0], runs.first], tmp_path / "out", heads="average", settle=False)
    assert said(composed.model) == MOODS


def test_one_encoder_for_two_tasks(runs, tmp_path):
    composed = api.compose([runs.first, runs.topic], tmp_path / "out", method="task_arithmetic")
    base, one, other, both = map(
        encoder, (runs.m0, runs.first / "model", runs.topic / "model", composed.model)
    )
    for name, array in both.items():
        np.testing.assert_allclose(array, one[name] + other[name] - base[name], atol=1e-5)
    assert list(manifests.read(composed.model).tasks) == ["mood", "topic"]
    assert said(composed.model, "mood") == MOODS
    assert said(composed.model, "topic") == ["card", "card", "order", "order"]


def test_heads_are_averaged_by_the_names_of_labels(runs, tmp_path):
    """The second run has its labels in the other order."""
    composed = api.compose([runs.first, runs.second], tmp_path / "out", heads="average")
    one, other = heads(runs.first / "model"), heads(runs.second / "model")
    expected = (one["mood.weight"] + other["mood.weight"][::-1]) / 2
    np.testing.assert_allclose(heads(composed.model)["mood.weight"], expected, atol=1e-6)
    assert said(composed.model) == MOODS


@pytest.mark.long
def test_heads_that_were_fitted_alone_are_fitted_again(runs, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(runs.first, alone)
    overrides = ["model.final_probe_c=0.5"]
    composed = api.compose(
        [alone, runs.second], tmp_path / "out", heads="average", overrides=overrides
    )
    assert composed.report.heads == {"mood": "refit"}
    assert api.compose([alone], tmp_path / "one", overrides=overrides).report.heads == {
        "mood": "refit"
    }


@pytest.mark.parametrize(("alpha", "of"), [("0", "m0"), ("1", "first")])
def test_wise_ft_ends_at_m0_and_at_the_run_bit_for_bit(runs, tmp_path, alpha, of):
    composed = api.compose(
        [runs.first], tmp_path / "out", method="wise_ft", knobs={"alpha": alpha}, settle=False
    )
    expected = encoder(runs.m0 if of == "m0" else runs.first / "model")
    found = encoder(composed.model)
    assert found.keys() == expected.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name])
    for name, array in heads(composed.model).items():
        np.testing.assert_array_equal(array, heads(runs.first / "model")[name])
    assert composed.report.left_out == [
        "mood: temperature, the threshold of its label sets of first fit that run's answers alone "
        "and were left out"
    ]


def test_what_cannot_be_fitted_for_want_of_a_dev_is_said(runs, tmp_path):
    """Nothing of the run's own is kept in silence, nor left out in silence."""
    asked = {"method": "task_arithmetic", "overrides": ["data.splits={train: train.csv}"]}
    composed = api.compose([(runs.first, 0.5)], tmp_path / "out", **asked)
    assert composed.report.heads == {"mood": "own"}
    assert "mood: temperature" in composed.report.left_out[0]
    assert manifests.read(composed.model).calibration == {}


@pytest.mark.long
def test_wise_ft_draws_the_curve_and_chooses(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(search, "STEPS", 4)
    other = tiny_run.write_csv(
        tmp_path / "other.csv",
        ("text", "label"),
        [(f"{word} {tail}", word) for word in ("good", "bad") for tail in tiny_run.WORDS],
    )
    output = tmp_path / "out"
    composed = api.compose([runs.first], output, method="wise_ft", other=[other])
    points = composed.report.curve
    assert [point.alpha for point in points] == [0, 0.25, 0.5, 0.75, 1]
    assert points[0].similarity == pytest.approx(1, abs=1e-6)
    assert points[-1].similarity < points[0].similarity
    assert all(0 <= point.others["other"] <= 1 for point in points)
    best = max(point.score for point in points)
    chosen = next(point.alpha for point in points if point.score >= 0.99 * best)
    assert f"alpha={chosen:g}" in composed.report.method
    assert (output / "composition.png").stat().st_size > 1000
    assert "cosine with M0" in (output / "composition.txt").read_text("utf-8")


def test_greedy_leaves_a_bad_run_out_and_the_mean_does_not(runs, tmp_path):
    added = [runs.spoilt, runs.first, runs.second]
    greedy = api.compose(added, tmp_path / "greedy", method="greedy", heads="average", settle=False)
    uniform = api.compose(added, tmp_path / "linear", method="linear", heads="average")
    assert str(runs.spoilt) not in greedy.report.runs
    of_runs = greedy.report.of_runs
    assert of_runs[str(runs.spoilt)]["mood"] < of_runs[str(runs.first)]["mood"]
    assert greedy.report.scores["mood"] >= max(scores["mood"] for scores in of_runs.values())
    some = "encoder.layer.0.output.dense.weight"
    assert (encoder(greedy.model)[some] != encoder(uniform.model)[some]).any()
    stays = {step.run: step.stays for step in greedy.report.greedy}
    assert stays[str(runs.spoilt)] is False


@pytest.mark.long
@pytest.mark.parametrize("method", sorted(METHODS.keys() - {"greedy", "wise_ft", "linear"}))
def test_every_method_gives_a_model_that_answers(runs, tmp_path, method):
    composed = api.compose([runs.first, runs.second], tmp_path / "out", method=method)
    assert said(composed.model) == MOODS
    assert not (tmp_path / "out" / "work").exists()


def test_a_weight_below_zero_takes_a_task_away(runs, tmp_path):
    composed = api.compose(
        [runs.first, (runs.topic, -0.5)], tmp_path / "out", method="task_arithmetic"
    )
    assert list(manifests.read(composed.model).tasks) == ["mood"]
    base, one, other = map(encoder, (runs.m0, runs.first / "model", runs.topic / "model"))
    name = "embeddings.word_embeddings.weight"
    expected = one[name] - 0.5 * (other[name] - base[name])
    np.testing.assert_allclose(encoder(composed.model)[name], expected, atol=1e-6)


def test_tasks_of_one_name_get_two(runs, tmp_path):
    with pytest.raises(InputError, match=r"--rename=.*/second:mood:second_mood"):
        api.compose([runs.first, runs.second], tmp_path / "no", heads="own")
    composed = api.compose(
        [runs.first, runs.second],
        tmp_path / "out",
        heads="own",
        rename={str(runs.second): {"mood": "mood2"}},
    )
    assert list(manifests.read(composed.model).tasks) == ["mood", "mood2"]
    assert said(composed.model, "mood") == said(composed.model, "mood2") == MOODS
    predictor = load_predictor(composed.model)
    assert predictor.manifest.tasks["mood2"].labels == ("sad", "happy")
    assert predictor.manifest.calibration.keys() == {"mood", "mood2"}


MEASURE = """
import resource, sys
from tfsocial import api
first, second, third, output = sys.argv[1:]
api.compose([first, second, third], output, heads="average", settle=False)
print(sorted({"tensorflow", "transformers", "sklearn"} & set(sys.modules)))
"""


def test_adding_weights_imports_no_framework(runs, tmp_path):
    paths = [runs.first, runs.second, runs.first, tmp_path / "out"]
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout.strip()) == (0, "[]"), run.stderr


def test_what_was_measured_is_not_measured_again(runs, tmp_path, monkeypatch):
    """Killed after the first run's statistics, the same command goes on."""
    from tfsocial.composition import measuring

    counted = []
    fisher = measuring.fisher

    def counting(model, batches):
        counted.append(1)
        if len(counted) == 2:
            raise KeyboardInterrupt
        return fisher(model, batches)

    monkeypatch.setattr(measuring, "fisher", counting)
    with pytest.raises(KeyboardInterrupt):
        api.compose([runs.first, runs.second], tmp_path / "out", method="fisher")
    assert not (tmp_path / "out" / "model").exists()
    composed = api.compose([runs.first, runs.second], tmp_path / "out", method="fisher")
    assert len(counted) == 3
    assert said(composed.model) == MOODS


@pytest.mark.long
def test_theta1_plus_theta2_literally(runs, tmp_path):
    """A pretraining run and a fine-tuning run of one M0: their changes added, both heads kept."""
    folder = tiny_run.write_moods(tmp_path / "moods")
    pretraining = tiny_run.settings(
        folder,
        "training.monitor=-loss",
        tasks={},
        model={"checkpoint": str(runs.m0), "dropout": 0.0},
        objectives={"community": {"masked_lm": {"weight": 1.0}}},
    )
    domain = tiny_run.train(pretraining, tmp_path / "domain").workdir
    composed = api.compose([domain, runs.first], tmp_path / "out", method="task_arithmetic")
    base, one, other = map(encoder, (runs.m0, domain / "model", runs.first / "model"))
    both = encoder(composed.model)
    for name, array in base.items():
        expected = one[f"bert.{name}"] + other[name] - array
        np.testing.assert_allclose(both[f"bert.{name}"], expected, atol=1e-5)
    own = {name for name in both if name.startswith("cls.")}
    assert own == {name for name in one if name.startswith("cls.")}
    assert manifests.read(composed.model).mlm_head
    assert said(composed.model) == MOODS
