"""Linear probes against scikit-learn's own predictions and numbers worked by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from tfsocial.checkpoints import model_folder
from tfsocial.data.pipeline.batches import evaluation_batches
from tfsocial.models import inference
from tfsocial.models.heads import Heads
from tfsocial.models.spec import HeadSpec
from tfsocial.text.batch import Shape
from tfsocial.training import probe
from tfsocial.training.providers import contract


class Labelled:
    """What `fit` and `put` read of an encoded split."""

    def __init__(self, columns=None, **labels):
        self.feature_vectors = None if columns is None else tf.constant(columns)
        self.labels = {task: tf.constant(value) for task, value in labels.items()}


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=[60, 4]).astype(np.float32)


def scores(fitted: probe.Linear, vectors: np.ndarray) -> np.ndarray:
    return vectors @ fitted.kernel + fitted.bias


@pytest.mark.parametrize("classes", [2, 3])
def test_probe_is_scikit_learns_logistic_regression(vectors, classes):
    """The same probabilities, for two classes too, where scikit-learn keeps one row."""
    labels = np.argmax(vectors[:, :classes], 1).astype(np.int32)
    spec = HeadSpec("classify", tuple("abc"[:classes]))
    fitted = probe.fit(vectors, Labelled(mood=labels), {"mood": spec}, "probe")["mood"]
    expected = LogisticRegression(max_iter=1000).fit(vectors, labels).predict_proba(vectors)
    np.testing.assert_allclose(softmax(scores(fitted, vectors), -1), expected, atol=1e-5)


@pytest.mark.parametrize("how", ["probe", "class_means"])
def test_a_class_without_examples_is_never_the_answer(vectors, how):
    """Class 1 of three has none; unlabelled examples (-1) are left out."""
    labels = np.where(vectors[:, 0] > 0, 2, 0).astype(np.int32)
    labels[:5] = -1
    spec = HeadSpec("classify", ("a", "b", "c"))
    fitted = probe.fit(vectors, Labelled(mood=labels), {"mood": spec}, how)["mood"]
    answers = scores(fitted, vectors).argmax(-1)
    assert set(answers) == {0, 2}
    assert np.mean(answers[5:] == labels[5:]) > 0.9


def test_class_means_by_hand():
    """Means 0 and 2 on a line, variance 1: the border lies at 1, the log-odds rise by 2 a unit."""
    vectors = np.float32([[-1], [1], [1], [3]])
    spec = HeadSpec("classify", ("a", "b"))
    fitted = probe.fit(vectors, Labelled(mood=[0, 0, 1, 1]), {"mood": spec}, "class_means")["mood"]
    found = scores(fitted, np.float32([[1], [2]]))
    np.testing.assert_allclose(found[:, 1] - found[:, 0], [0, 2], atol=1e-6)


def test_multilabel_is_a_regression_a_label(vectors):
    """Each column's log-odds; one that never changes keeps its share."""
    labels = np.stack([vectors[:, 0] > 0, np.zeros(60)], 1).astype(np.float32)
    spec = HeadSpec("multilabel", ("a", "b"))
    fitted = probe.fit(vectors, Labelled(mood=labels), {"mood": spec}, "probe")["mood"]
    found = expit(scores(fitted, vectors))
    assert np.mean((found[:, 0] > 0.5) == (labels[:, 0] > 0)) > 0.95
    np.testing.assert_allclose(found[:, 1], 0.5 / 61, rtol=1e-5)


def test_regression_finds_the_line(vectors):
    """Values 3 x_0 + 1, NaN left out."""
    values = 3 * vectors[:, :1] + 1
    values[0] = np.nan
    fitted = probe.fit(vectors, Labelled(stars=values), {"stars": HeadSpec("regress", ())}, "probe")
    np.testing.assert_allclose(scores(fitted["stars"], vectors)[1:], values[1:], atol=0.2)


def test_put_gives_the_heads_the_fit(vectors):
    """Heads answer as the fit does."""
    spec = {"mood": HeadSpec("classify", ("a", "b", "c"))}
    labels = np.argmax(vectors[:, :3], 1).astype(np.int32)
    fitted = probe.fit(vectors, Labelled(mood=labels), spec, "probe")
    heads = Heads(spec, 4)
    heads.build()
    probe.put(heads, vectors, Labelled(mood=labels), spec, "probe")
    np.testing.assert_allclose(heads(vectors)["mood"], scores(fitted["mood"], vectors), atol=1e-5)


@pytest.mark.parametrize("c", [0.03, 1.0, 30.0])
def test_columns_are_held_back_as_c_1_does(vectors, c):
    """Whatever C vectors have; here they are zeros, and columns as if fitted alone."""
    spec = {"mood": HeadSpec("classify", ("a", "b", "c"))}
    labels = np.argmax(vectors[:, :3], 1).astype(np.int32)
    nothing, columns = np.zeros([60, 2], np.float32), vectors[:, :3]
    heads = Heads(spec, 2, feature_width=3)
    heads.build()
    probe.put(heads, nothing, Labelled(columns, mood=labels), spec, "probe", c)
    expected = LogisticRegression(max_iter=1000).fit(columns, labels).predict_proba(columns)
    found = softmax(heads(nothing, columns)["mood"].numpy(), -1)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_columns_alone_are_fitted_beside_a_head_as_it_is(vectors):
    """What it makes of vectors stays; where there are no columns all stays."""
    spec = {"mood": HeadSpec("classify", ("a", "b", "c"))}
    labels = np.argmax(vectors[:, :3], 1).astype(np.int32)
    columns = vectors[:, :3]
    heads = Heads(spec, 4, feature_width=3)
    heads.build()
    before = heads.linear["mood"].get_weights()
    probe.put_features(heads, Labelled(mood=labels), spec)
    np.testing.assert_array_equal(heads.linear["mood"].get_weights()[0], before[0])
    probe.put_features(heads, Labelled(columns, mood=labels), spec)
    kernel, bias = heads.linear["mood"].get_weights()
    np.testing.assert_array_equal(kernel[:4], before[0][:4])
    expected = LogisticRegression(max_iter=1000).fit(columns, labels).predict_proba(columns)
    np.testing.assert_allclose(softmax(columns @ kernel[4:] + bias, -1), expected, atol=1e-5)


@pytest.mark.parametrize("how", ["probe", "class_means"])
def test_a_run_begins_where_the_probe_left(tmp_path, how):
    """With a learning rate of nothing the run's model is M0 under the fitted head."""
    moods = tiny_run.write_moods(tmp_path / "data")
    chosen = tiny_run.settings(moods, "optimizer.learning_rate=1.0e-30", f"model.head_init={how}")
    run = tiny_run.train(chosen, tmp_path / "run")
    assert run.metrics_logger is not None
    log = (tmp_path / "run" / "metrics.jsonl").read_text("utf-8")
    assert '"dev/mood/accuracy": 1.0' in log


def test_normalized_heads_begin_at_the_probe_of_directions(tmp_path):
    """What is saved answers as scikit-learn's regression on M0's directions, and loads so."""
    moods = tiny_run.write_moods(tmp_path / "data")
    chosen = tiny_run.settings(
        moods,
        *("optimizer.learning_rate=1.0e-30", "model.head_init=probe", "tasks.mood.calibrate=false"),
        *("model.head_normalize=true", "training.precision=float32"),
    )
    run = tiny_run.train(chosen, tmp_path / "run")
    assert_answers_as_a_regression(tmp_path / "run", run, normalized=True)


@pytest.fixture(scope="module")
def anew_without_dev(tmp_path_factory):
    """Workdir and run whose heads are fitted anew; `raw` is `mood` without calibration."""
    folder = tmp_path_factory.mktemp("anew")
    tasks = {"mood": {"column": "label"}, "raw": {"column": "label", "calibrate": False}}
    chosen = tiny_run.settings(
        tiny_run.write_moods(folder / "data"),
        *("model.final_probe_c=1.0", 'data.splits={"train": "train.csv"}'),
        tasks=tasks,
    )
    return folder / "run", tiny_run.train(chosen, folder / "run")


def test_heads_fitted_anew_are_a_regression_on_the_tuned_vectors(anew_without_dev):
    """The run's own steps move the encoder; its last heads know where to."""
    assert_answers_as_a_regression(*anew_without_dev, normalized=False, task="raw")


def test_normalized_heads_fitted_anew_are_one_on_their_directions(tmp_path):
    moods = tiny_run.write_moods(tmp_path / "data")
    chosen = tiny_run.settings(
        moods,
        *("model.final_probe_c=1.0", "model.head_normalize=true"),
        "tasks.mood.calibrate=false",
        'data.splits={"train": "train.csv"}',
    )
    run = tiny_run.train(chosen, tmp_path / "run")
    assert_answers_as_a_regression(tmp_path / "run", run, normalized=True)


class Clock:
    """A scorer to whom each score is better than the one before by so much."""

    def __init__(self, step: float):
        self.step, self.now = step, 0.5

    def scores(self, task, spec, labels, predictions):
        self.now += self.step
        return {"accuracy": self.now}

    def thresholds(self, spec, labels, predictions):
        return None


def trained_head(folder, c: str, step: float) -> np.ndarray:
    chosen = tiny_run.settings(tiny_run.write_moods(folder / "data"), f"model.final_probe_c={c}")
    run = tiny_run.train(chosen, folder / "run", Clock(step))
    return run.loaded.model.heads.linear["mood"].kernel.numpy()


@pytest.fixture(scope="module")
def never_anew(tmp_path_factory) -> np.ndarray:
    """The head of a run that fits none anew."""
    return trained_head(tmp_path_factory.mktemp("never_anew"), "null", 0.1)


@pytest.mark.parametrize(("step", "kept"), [(0.0, True), (-0.1, False)])
def test_heads_fitted_anew_are_taken_back_where_dev_falls(tmp_path, never_anew, step, kept):
    """A run of one epoch; the score after it is the second."""
    anew = trained_head(tmp_path, "1.0", step)
    assert np.allclose(never_anew, anew, atol=1e-5) is not kept


def assert_answers_as_a_regression(workdir, run, normalized: bool, task: str = "mood"):
    """The saved model, with scikit-learn's regression on what its own encoder makes of train."""
    model = model_folder.load(workdir / "model").model
    batches = evaluation_batches(run.encoded["train"], Shape(2, 64, 8))
    vectors = inference.embed(model, batches)
    if normalized:
        vectors *= np.sqrt(vectors.shape[1]) / np.linalg.norm(vectors, axis=-1, keepdims=True)
    labels = run.corpus.splits["train"].labels[task]
    expected = LogisticRegression(max_iter=1000).fit(vectors, labels).predict_proba(vectors)
    np.testing.assert_allclose(inference.predict(model, batches)[task], expected, atol=1e-3)


def test_remembering_m0s_vectors_changes_nothing(tmp_path, monkeypatch):
    """A run whose L0 reads M0 anew in each batch has the same curves.

    L0/soft_labels gets its teacher by itself.
    """
    moods = tiny_run.write_moods(tmp_path / "data")
    terms = {"community": {"feature_cosine": {"weight": 1.0}, "soft_labels": {"weight": 1.0}}}
    chosen = tiny_run.settings(moods, "training.precision=float32", objectives=terms)
    tiny_run.train(chosen, tmp_path / "known")
    monkeypatch.setattr(contract, "MOST_NUMBERS", 0)
    tiny_run.train(chosen, tmp_path / "anew")
    known, anew = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").open(encoding="utf-8")]
        for name in ("known", "anew")
    )
    for key in ("train/raw/L0/feature_cosine", "train/raw/L0/soft_labels"):
        curves = [[line[key] for line in lines if key in line] for lines in (known, anew)]
        assert max(curves[0]) > 0, key
        np.testing.assert_allclose(*curves, rtol=1e-4, atol=1e-6, err_msg=key)


def test_each_example_is_judged_by_heads_that_have_not_seen_it():
    """By scikit-learn on the same folds: five, each class in each; a class of one is left out."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 10)
    vectors = (random.normal(size=[3, 4])[labels] + random.normal(size=[30, 4])).astype(np.float32)
    labels = np.append(labels, 3)
    vectors = np.append(vectors, vectors[:1], 0)
    spec = {"mood": HeadSpec("classify", ("a", "b", "c", "d"))}
    heads = Heads(spec, 4)
    heads.build()
    logits, judged = probe.out_of_fold_logits(heads, vectors, Labelled(mood=labels), spec, 1.0)
    assert judged["mood"].tolist() == [*labels[:-1], -1]
    folds = probe._folds(labels)
    assert sum(fold.astype(int) for fold in folds).tolist() == [1] * 31
    for held in folds:
        assert np.bincount(labels[held], minlength=3)[:3].tolist() == [2, 2, 2]
        fitted = LogisticRegression(max_iter=1000).fit(vectors[~held], labels[~held])
        known = labels[held] < 3
        expected = fitted.decision_function(vectors[held][known])
        found = logits["mood"][held][known][:, : expected.shape[1]]
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_without_dev_a_probe_is_calibrated_on_its_own_folds(anew_without_dev):
    """A head that was trained step by step is left as it is: see runs/test_train.py."""
    manifest = model_folder.load(anew_without_dev[0] / "model").manifest
    assert manifest.calibration.keys() == {"mood"}
    (scale,) = manifest.calibration["mood"].scale
    assert 0 < scale <= 1  # the encoder learned these labels, so they may not make it surer
