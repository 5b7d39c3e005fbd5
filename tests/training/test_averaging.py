"""The moving average of the weights: its arithmetic, where it is updated, what it is used for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny_run
from safetensors.numpy import load_file

from tfsocial.runs.prepare import prepare
from tfsocial.training import devices
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.callbacks import guard

CALM = {"epsilon": 1e-3}  # see test_step.py
HEAD = "mood.weight"


class Recorder(keras.callbacks.Callback):
    """The weights after each step."""

    def on_train_begin(self, logs=None):
        self.seen = [self.model.text_model.get_weights()]

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.model.text_model.get_weights())


class OnTheScore:
    """A scorer with scores from a list, one an epoch."""

    def __init__(self, *scores: float):
        self.left = list(scores)

    def scores(self, task, spec, labels, predictions):
        return {"accuracy": self.left.pop(0)}

    def thresholds(self, spec, labels, predictions):
        return None


def averages_by_hand(seen: list[list[np.ndarray]], decay: float) -> list[np.ndarray]:
    """The recurrence in numpy over weights as they were at first and after each step."""
    averages = seen[0]
    for t, weights in enumerate(seen[1:], 1):
        d = min(decay, (1 + t) / (10 + t))
        averages = [d * one + (1 - d) * other for one, other in zip(averages, weights, strict=True)]
    return averages


def head(workdir: Path) -> np.ndarray:
    """The head's kernel as it was saved."""
    return load_file(workdir / "model" / "heads.safetensors")[HEAD]


def losses(workdir: Path) -> list[float]:
    """Each step's loss."""
    lines = map(json.loads, (workdir / "metrics.jsonl").read_text("utf-8").splitlines())
    return [row["train/loss"] for row in lines if "train/loss" in row]


# --- arithmetic --------------------------------------------------------------------------


def test_by_hand():
    """From 1, weights 2 and 3: d is 2/11 and 1/4, so 20/11 and then 5/11 + 9/4."""
    weight = tf.Variable([1.0])
    average = WeightAverage({"w": weight}, 0.9)
    for step, (value, expected) in enumerate([(2.0, 20 / 11), (3.0, 5 / 11 + 9 / 4)], 1):
        weight.assign([value])
        average.update(tf.constant(step, tf.int64))
        np.testing.assert_allclose(average.averages["w"], [expected], rtol=1e-6)


def test_late_in_the_run_the_decay_is_the_memory():
    """At step 1000 a decay of 0.9 keeps nine tenths."""
    weight = tf.Variable([1.0])
    average = WeightAverage({"w": weight}, 0.9)
    weight.assign([2.0])
    average.update(tf.constant(1000, tf.int64))
    np.testing.assert_allclose(average.averages["w"], [1.1], rtol=1e-6)


def test_is_tensorflows():
    """`tf.train.ExponentialMovingAverage` with the steps as `num_updates` does the same."""
    random = np.random.default_rng(5)
    weight, steps = tf.Variable(random.normal(size=[3, 2]), dtype=tf.float32), tf.Variable(0)
    average = WeightAverage({"w": weight}, 0.4)
    theirs = tf.train.ExponentialMovingAverage(0.4, num_updates=steps)
    theirs.apply([weight])  # makes its variable
    theirs.average(weight).assign(weight)
    for _ in range(12):
        weight.assign(random.normal(size=[3, 2]))
        steps.assign_add(1)
        average.update(steps)
        theirs.apply([weight])
        np.testing.assert_allclose(average.averages["w"], theirs.average(weight), atol=1e-6)


# --- in a step ---------------------------------------------------------------------------


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_a_step_takes_its_own_weights_in(jit_compile, social_model, batch, endless):
    """After four steps the averages are those of the weights after each of them."""
    model, recorder = social_model(ema=0.3, jit_compile=jit_compile, learning_rate=0.01), Recorder()
    model.fit(endless(batch), steps_per_epoch=4, verbose=0, callbacks=[recorder])
    expected = averages_by_hand(recorder.seen, 0.3)
    assert len(recorder.seen) == 5
    assert len(model.average.averages) == len(expected)
    for average, value, weight in zip(
        model.average.averages.values(), expected, recorder.seen[4], strict=True
    ):
        np.testing.assert_allclose(average, value, atol=1e-6)
        assert average.shape == weight.shape


def test_does_not_change_training(social_model, batch, endless):
    """The same weights bit for bit as without; the averages are not trained."""
    plain, averaged = social_model(), social_model(ema=0.9)
    assert len(plain.trainable_variables) == len(averaged.trainable_variables)
    for model in (plain, averaged):
        model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    pairs = zip(plain.text_model.get_weights(), averaged.text_model.get_weights(), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)
    assert plain.average.averages == {}


def test_two_replicas_are_one(social_model, batch, endless, two_cpus):
    """Each replica has the same average, and it is that of one replica alone."""
    alone = social_model(ema=0.5, **CALM)
    with two_cpus.scope():
        together = social_model(ema=0.5, **CALM)
    for model in (alone, together):
        model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    for name, expected in alone.average.averages.items():
        average = together.average.averages[name]
        here, there = two_cpus.experimental_local_results(average)
        np.testing.assert_array_equal(here, there)
        np.testing.assert_allclose(here, expected, atol=1e-5)
    with two_cpus.scope(), together.average.in_place():
        kernel = together.average.weights["topic.weight"]
        for copy in two_cpus.experimental_local_results(kernel):
            np.testing.assert_allclose(copy, alone.average.averages["topic.weight"], atol=1e-5)


def test_goes_on_from_a_checkpoint(social_model, batch, endless, tmp_path):
    """The averages are among the variables that a checkpoint of the model holds."""
    model, again = social_model(ema=0.9), social_model(ema=0.9)
    model.fit(endless(batch), steps_per_epoch=2, verbose=0)
    path = tf.train.Checkpoint(model=model).save(tmp_path / "half")
    tf.train.Checkpoint(model=again).restore(path).expect_partial()
    assert model.average.averages.keys() == again.average.averages.keys()
    for name, average in model.average.averages.items():
        np.testing.assert_array_equal(average, again.average.averages[name], err_msg=name)


# --- in place of the weights -------------------------------------------------------------


@pytest.mark.parametrize("breaks", [False, True])
def test_in_place_and_back(breaks):
    """Inside it is the average, afterwards the weight, also where the inside fails."""
    weight = tf.Variable([1.0])
    average = WeightAverage({"w": weight}, 0.9)
    weight.assign([5.0])
    try:
        with average.in_place():
            assert float(weight[0]) == 1.0
            if breaks:
                raise KeyError
    except KeyError:
        assert breaks
    assert float(weight[0]) == 5.0
    average.put_in()
    assert float(weight[0]) == 1.0


# --- in a run ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moods(tmp_path_factory) -> Path:
    """A folder with train.csv and dev.csv, 16 rows each: an epoch of 4 steps."""
    return tiny_run.write_moods(tmp_path_factory.mktemp("moods"))


TWO_EPOCHS = ("training.epochs=2", "training.log_every=1")


@pytest.fixture(scope="module")
def losses_without(moods, tmp_path_factory) -> list[float]:
    """Each step's loss in a run without averages; no score moves it."""
    workdir = tmp_path_factory.mktemp("without") / "run"
    tiny_run.train(tiny_run.settings(moods, *TWO_EPOCHS), workdir, OnTheScore(0.1, 0.2))
    return losses(workdir)


@pytest.mark.parametrize("scores", [(0.1, 0.2), (0.2, 0.1)], ids=["the second", "the first"])
def test_the_best_average_is_kept_and_training_goes_on_from_the_weights(
    moods, losses_without, tmp_path, monkeypatch, scores
):
    """Loss for loss the run without, but what is saved is the average at the best epoch."""
    kernels = []

    class Spy(guard.Guard):
        """Writes the head's kernel down at first and after each step."""

        def on_train_begin(self, logs=None):
            kernels.append([self.model.text_model.heads.linear["mood"].kernel.numpy()])

        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            self.on_train_begin()

    monkeypatch.setattr(guard, "Guard", Spy)
    chosen = tiny_run.settings(moods, *TWO_EPOCHS, "training.ema=0.8")
    tiny_run.train(chosen, tmp_path / "averaged", OnTheScore(*scores))
    assert losses(tmp_path / "averaged") == losses_without
    best = 4 * (1 + int(np.argmax(scores)))
    (expected,) = averages_by_hand(kernels[: best + 1], 0.8)
    np.testing.assert_allclose(head(tmp_path / "averaged"), expected.T, atol=1e-6)
    assert np.abs(head(tmp_path / "averaged") - kernels[best][0].T).max() > 1e-3


def test_dev_is_scored_with_the_average(moods, tmp_path):
    """A scorer is shown other predictions than without.

    With a memory of nothing, all goes by the average too, but that is the weights: the same
    predictions and the same file, bit for bit.
    """
    shown = {}

    class Listening(OnTheScore):
        def scores(self, task, spec, labels, predictions):
            shown[name] = predictions
            return super().scores(task, spec, labels, predictions)

    for name, ema in {"plain": "null", "nothing": "0", "much": "0.8"}.items():
        chosen = tiny_run.settings(moods, f"training.ema={ema}")
        tiny_run.train(chosen, tmp_path / name, Listening(0.5))
    np.testing.assert_array_equal(shown["nothing"], shown["plain"])
    np.testing.assert_array_equal(head(tmp_path / "nothing"), head(tmp_path / "plain"))
    assert np.abs(shown["much"] - shown["plain"]).max() > 1e-3


def test_a_teacher_of_averages_is_not_learned(moods, tmp_path):
    """The optimizer holds nothing for it."""
    learned = []
    for name, objectives in (("alone", {}), ("taught", {"papers": {"mean_teacher": {}}})):
        chosen = tiny_run.settings(moods, "training.ema=0.8", objectives=objectives)
        ready = prepare(chosen, tmp_path / name, devices.choose("cpu", chosen.training))
        learned.append([variable.shape for variable in ready.model.learned])
    assert learned[0] == learned[1]


def test_without_a_dev_split_the_last_average_is_kept(moods, tmp_path):
    """What is saved is the average and not the weights it is of."""
    chosen = tiny_run.settings(moods, "data.splits.dev=[]", "training.ema=0.8")
    model = tiny_run.train(chosen, tmp_path / "run").metrics_logger.model
    average = model.average.averages[HEAD]
    np.testing.assert_array_equal(head(tmp_path / "run"), average.numpy().T)
