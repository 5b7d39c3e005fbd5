"""The report of a whole run: what is scored at which thresholds, and beside what."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_run

from tfsocial import config as configs
from tfsocial.metrics import baselines
from tfsocial.metrics.scores import scores
from tfsocial.metrics.thresholds import cross_fit_thresholds
from tfsocial.runs import report
from tfsocial.serving import loading

TASKS = {"topics": {"column": "topics", "kind": "multilabel"}, "mood": {"column": "mood"}}
CELLS = ("card|thanks", "card", "order", "order")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """train, dev and test of 16 rows with a mood and topics."""
    folder = tmp_path_factory.mktemp("data")
    rows = [(*row, cell) for row, cell in zip(tiny_run.MOODS, CELLS, strict=True)]
    for split in ("train", "dev", "test"):
        columns = ("text", "mood", "topics")
        tiny_run.write_csv(folder / f"{split}.csv", columns, rows * 4)
    return folder


@pytest.fixture(scope="module")
def concluded(folder, tmp_path_factory):
    """(run, workdir, how often n-grams were counted)."""
    splits = {split: f"{split}.csv" for split in ("train", "dev", "test")}
    data = {**tiny_run.tree(folder)["data"], "splits": splits}
    chosen = tiny_run.settings(folder, "report.baselines=true", tasks=TASKS, data=data)
    workdir = tmp_path_factory.mktemp("run") / "run"
    run = tiny_run.train(chosen, workdir)
    counted, ngrams = [], baselines._ngrams
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "_ngrams", lambda: counted.append(1) or ngrams())
        report.conclude(run, chosen, workdir)
    return run, workdir, len(counted)


@pytest.fixture
def reports(concluded) -> dict:
    return json.loads((concluded[1] / "report.json").read_text("utf-8"))


def test_dev_is_scored_at_thresholds_fitted_without_the_row(concluded, reports):
    """Test at those of the model; each says so."""
    run, workdir, _ = concluded
    model = loading.load_predictor(workdir / "model")
    spec, tuned = run.loaded.manifest.tasks["topics"], run.loaded.manifest.thresholds["topics"]
    for split in ("dev", "test"):
        examples, found = run.corpus.splits[split], reports[split]["topics"]
        said = model([(text,) for text in examples.text]).tasks["topics"]
        labels = examples.labels["topics"]
        used = cross_fit_thresholds(labels, said) if split == "dev" else np.array(tuned)
        expected = scores(spec, labels, said, thresholds=used)
        assert {name: found[name] for name in expected} == pytest.approx(expected)
        assert found["thresholds"] == pytest.approx(dict(zip(spec.labels, tuned, strict=True)))
    assert reports["test"]["topics"]["thresholds_fitted_on"] == "dev"
    assert "without the fifth" in reports["dev"]["topics"]["thresholds_fitted_on"]
    assert "thresholds_fitted_on" not in reports["dev"]["mood"]
    assert "thresholds fitted on dev" in (workdir / "report.txt").read_text("utf-8")


def test_baselines_are_fitted_once_a_task_and_stand_beside_every_split(concluded, reports):
    assert concluded[2] == len(TASKS)
    for tasks in reports.values():
        for found in tasks.values():
            assert set(found["baselines"]) == {"majority", "tfidf_linear"}
    # the words tell the topics, at thresholds of dev
    assert reports["test"]["topics"]["baselines"]["tfidf_linear"]["macro_f1"] == 1


def test_the_order_of_tasks_and_splits_is_the_runs(reports):
    assert {split: list(tasks) for split, tasks in reports.items()} == {
        "dev": ["topics", "mood"],
        "test": ["topics", "mood"],
    }


def test_the_card_has_the_numbers(concluded, reports):
    card = (concluded[1] / "model" / "README.md").read_text("utf-8")
    value = reports["test"]["mood"]["accuracy"]
    assert f"| test | mood | accuracy | {value:.4g} | 16 |" in card


def test_a_split_that_a_run_did_not_read_is_reported_as_it_would_have_been(concluded, reports):
    """From the saved model alone, as a search scores its winner on test."""
    workdir = concluded[1]
    config = configs.load(workdir / "config.yaml", ["report.baselines=false"])
    expected = {
        task: {name: value for name, value in one.items() if name != "baselines"}
        for task, one in reports["test"].items()
    }
    assert report.of_split(workdir / "model", config, "test") == expected
