"""Out of scope by score: statistics, thresholds, and a run that was never shown the outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import tiny_run
from sklearn.covariance import ledoit_wolf, shrunk_covariance

from tfsocial import config
from tfsocial.checkpoints import model_folder
from tfsocial.errors import InputError
from tfsocial.kinds import OODScore
from tfsocial.models.ood import OODDetector
from tfsocial.serving.export.publish import publish
from tfsocial.serving.loading import load_predictor
from tfsocial.training import ood_fitting

SURE = np.array([[0.9, 0.1], [0.2, 0.8], [0.95, 0.05], [0.5, 0.5], [0.6, 0.4]])
LABELS = np.array([0, 1, 0, 2, 2])  # 2: out of scope


def test_threshold_separates_what_can_be_separated():
    """The examples outside have the lowest scores: all are told apart."""
    scores = np.array([5.0, 4.0, 6.0, 1.0, 2.0])
    slope, threshold = ood_fitting.slope_and_threshold(scores, SURE, LABELS)
    assert slope > 0
    assert ood_fitting._worth(scores, SURE, LABELS, slope, threshold) == 1
    assert 1 < threshold < 6


def test_wrong_answers_in_scope_count_against_keeping_them():
    """Worth is the mean of in-scope accuracy, 2 of 3 for one wrong class, and of recall."""
    scores = np.array([5.0, 4.0, 6.0, -90.0, -90.0])
    labels = np.array([0, 0, 0, 2, 2])
    assert ood_fitting._worth(scores, SURE, labels, 1.0, 0.0) == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize(("kept", "passing"), [(None, 0.95), (0.8, 0.8)])
def test_without_an_example_outside_it_keeps_most(kept, passing):
    """95 of 100 examples stay in scope, or as many as wanted."""
    scores, sure = np.arange(100.0), np.tile([[0.7, 0.3]], (100, 1))
    slope, threshold = ood_fitting.slope_and_threshold(scores, sure, np.zeros(100, int), kept)
    assert np.mean(~ood_fitting._refused(scores, sure, slope, threshold)) == passing


@pytest.mark.parametrize(("kept", "recall"), [(1.0, 0.5), (0.6, 1.0)])
def test_as_many_as_wanted_are_kept(kept, recall):
    """The highest threshold that lets them pass: out of scope are the scores 0 and 2.5."""
    scores = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 2.5])
    sure = np.tile([[0.999, 0.001]], (7, 1))
    labels = np.array([0, 0, 0, 0, 0, 2, 2])
    slope, threshold = ood_fitting.slope_and_threshold(scores, sure, labels, kept)
    refused = ood_fitting._refused(scores, sure, slope, threshold)
    assert np.mean(~refused[:5]) == kept
    assert np.mean(refused[5:]) == recall


def test_a_score_that_does_not_tell_refuses_nothing():
    """The example outside has the highest score: rather no threshold than half of the others."""
    scores = np.array([1.0, 2.0, 3.0, 9.0])
    labels = np.array([0, 0, 0, 2])
    slope, threshold = ood_fitting.slope_and_threshold(
        scores, np.tile([[0.6, 0.4]], (4, 1)), labels, 0.9
    )
    assert not ood_fitting._refused(scores, np.tile([[0.6, 0.4]], (4, 1)), slope, threshold).any()


def test_relative_distances_are_shrunk_alike():
    """Both covariances by the classes' shrinkage: each by its own can tell the reverse."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 15)
    vectors = (3 * random.normal(size=[4, 8])[labels] + random.normal(size=[60, 8])).astype("f")
    scope = OODDetector("relative_mahalanobis", 4, 8)
    scope.build(None)
    ood_fitting._remember(scope, vectors, labels)
    means = np.stack([vectors[labels == number].mean(0) for number in range(4)])
    _, shrinkage = ledoit_wolf(vectors - means[labels], assume_centered=True)
    covariance = shrunk_covariance(np.cov(vectors.T, bias=True), shrinkage)
    np.testing.assert_allclose(scope.precision_of_all, np.linalg.inv(covariance), rtol=1e-3)
    np.testing.assert_allclose(scope.mean, [vectors.mean(0)], atol=1e-5)


@pytest.mark.parametrize("kept", [1.0, 0.95, 0.5])
def test_unsure_examples_count_as_answers_are_given(kept):
    """Out of scope need be only as likely as the likeliest class, however unlikely that is."""
    random = np.random.default_rng(0)
    logits = random.normal(size=[200, 77])
    sure = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)  # the likeliest about 0.1
    scores = np.log(np.exp(logits).sum(1))
    slope, threshold = ood_fitting.slope_and_threshold(scores, sure, np.zeros(200, int), kept)
    assert np.mean(~ood_fitting._refused(scores, sure, slope, threshold)) == kept


@pytest.mark.parametrize("label", ["", "weather"])
def test_dev_must_have_something_in_scope(moods, tmp_path, label):
    """Neither blank labels nor the outside alone say where scope ends; before step one."""
    rows = [(text, label) for text, _ in tiny_run.MOODS]
    tiny_run.write_csv(moods / "dev.csv", ("text", "label"), rows)
    task = {"column": "label", "ood_label": "weather", "ood_detector": "energy"}
    with pytest.raises(InputError, match=r"energy needs texts in scope in data\.splits\.dev"):
        tiny_run.train(tiny_run.settings(moods, tasks={"mood": task}), tmp_path / "run")
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_only_a_classification_has_a_scope():
    with pytest.raises(InputError, match=r"mood\.ood_label is for tasks of kind classify"):
        config.parse({"tasks": {"mood": {"kind": "multilabel", "ood_label": "a"}}})


def test_statistics_by_hand():
    """Means of two classes; a class without examples is nobody's nearest."""
    vectors = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, 5.0], [5.0, 7.0]], np.float32)
    means, precision, shrinkage = ood_fitting.class_statistics(vectors, np.array([0, 0, 1, 1]), 3)
    assert 0 <= shrinkage <= 1
    np.testing.assert_allclose(means[:2], [[1, 1], [5, 6]])
    assert np.all(means[2] > 1000)
    assert np.all(np.linalg.eigvalsh(precision) > 0)


@pytest.fixture
def moods(tmp_path):
    return write_moods(tmp_path / "data")


def write_moods(folder: Path) -> Path:
    """Train without weather; dev and test with it."""
    tiny_run.write_moods(folder, times=8)
    rows = [*tiny_run.MOODS * 4, *[("thanks thanks it is it is", "weather")] * 4]
    for split in ("dev", "test"):
        tiny_run.write_csv(folder / f"{split}.csv", ("text", "label"), rows)
    return folder


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    """The model of a run with a task for each score, all of the same labels."""
    folder = write_moods(tmp_path_factory.mktemp("fitted") / "data")
    tasks = {
        by: {"column": "label", "ood_label": "weather", "ood_detector": by}
        for by in get_args(OODScore)
    }
    chosen = tiny_run.settings(folder, "training.epochs=6", tasks=tasks)
    return tiny_run.train(chosen, folder / "run").workdir / "model"


@pytest.fixture(scope="module")
def answers(fitted, tmp_path_factory) -> list:
    """What it says, and what it says exported."""
    exported = publish(fitted, tmp_path_factory.mktemp("exported") / "saved")
    texts = [(text,) for text, _ in tiny_run.MOODS] + [("thanks thanks it is it is",)]
    return [load_predictor(folder)(texts).tasks for folder in (fitted, exported)]


@pytest.mark.parametrize("by", get_args(OODScore))
def test_a_run_tells_what_it_never_saw(fitted, answers, by):
    """Saved, loaded and exported, the answers keep their threshold; the head has two logits."""
    loaded = model_folder.load(fitted)
    spec = loaded.manifest.tasks[by]
    assert (spec.labels, spec.scope, spec.learned) == (("happy", "sad", "weather"), by, 2)
    assert loaded.model.heads.ood_detectors[by].threshold.numpy() > -1e30
    own, exported = (said[by] for said in answers)
    np.testing.assert_allclose(exported, own, atol=1e-5)
    np.testing.assert_allclose(own.sum(-1), 1, rtol=1e-5)
    assert own.shape == (5, 3)
    if "mahalanobis" in by:  # a tiny model's logits are as sure of the outside as of anything
        assert own[4].argmax() == 2
        assert set(own[:4].argmax(-1)) == {0, 1}


def test_examples_outside_are_kept_from_training(moods, tmp_path):
    """Rows of train with the label are left out, and the label is the last one."""
    rows = [*tiny_run.MOODS, ("it is it is", "afternoon")]
    tiny_run.write_csv(moods / "train.csv", ("text", "label"), rows)
    task = {"column": "label", "ood_label": "afternoon", "ood_detector": "energy"}
    tree = {**tiny_run.tree(moods), "tasks": {"mood": task}}
    for split in ("dev", "test"):
        tiny_run.write_csv(moods / f"{split}.csv", ("text", "label"), rows)
    from tfsocial.data.reading.splits import read_splits

    chosen = config.parse(tree)
    corpus = read_splits(chosen.data, chosen.tasks)
    assert corpus.label_names["mood"] == ("happy", "sad", "afternoon")
    assert len(corpus.splits["train"]) == len(tiny_run.MOODS)
    assert corpus.splits["dev"].labels["mood"].max() == 2


def test_needs_a_dev_split(moods, tmp_path):
    """A threshold chosen on train would be none."""
    task = {"column": "label", "ood_label": "weather", "ood_detector": "energy"}
    chosen = tiny_run.settings(moods, "data.splits={train: train.csv}", tasks={"mood": task})
    with pytest.raises(InputError, match=r"ood_detector=energy needs data\.splits\.dev"):
        tiny_run.train(chosen, tmp_path / "run")
    assert not json.loads(json.dumps([str(p) for p in (tmp_path / "run").glob("model*")]))


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        ({"ood_detector": "energy"}, "needs the label that means out of scope"),
        (
            {"kind": "multilabel", "ood_label": "a", "ood_detector": "energy"},
            "is for tasks of kind classify",
        ),
        ({"ood_label": "a", "ood_detector": "energi"}, "should be 'class'"),
    ],
)
def test_wrong_settings_are_named(task, sentence):
    with pytest.raises(InputError, match=rf"tasks\.mood\.ood_detector.*{sentence}"):
        config.parse({"tasks": {"mood": task}})


def test_a_share_without_a_threshold_is_refused():
    with pytest.raises(InputError, match=r"tasks\.mood\.min_in_scope_recall is for a threshold"):
        config.parse({"tasks": {"mood": {"ood_label": "a", "min_in_scope_recall": 0.9}}})
