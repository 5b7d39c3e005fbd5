"""Loss spikes: which jumps are some, and what becomes of a run that goes back."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfsocial import config
from tfsocial.config import Config, LossSpike
from tfsocial.errors import InputError
from tfsocial.runs import train
from tfsocial.training.callbacks import loss_spikes
from tfsocial.training.callbacks.checkpointing import CheckpointCallback, Interrupted
from tfsocial.training.callbacks.loss_spikes import RECENT, LossSpikes, jumped

LEVEL = [1.0, 2.0, 3.0, 2.0, 2.0] * 2  # median 2; deviations 1, 0, 1, 0, 0: their median is 0


def play(watcher: LossSpikes, losses: list[float], first: int = 1) -> None:
    """Steps of one epoch with these losses; Keras tells their mean so far."""
    for place, loss in enumerate(losses):
        step = first + place
        watcher.set_model(SimpleNamespace(optimizer=SimpleNamespace(iterations=tf.constant(step))))
        watcher.model.steps_at_once = 1
        play.total += loss
        watcher.on_train_batch_end(step - 1, {"loss": play.total / step})


@pytest.fixture
def watcher(caplog):
    """Knows the level of ten losses and looks at the five after them."""
    caplog.set_level(logging.WARNING, logger=loss_spikes.__name__)
    play.total = 0.0
    made = LossSpikes(LossSpike(factor=10.0, window=10))
    made.on_epoch_begin(0)
    return made


# --- what a spike is -----------------------------------------------------------------------


def test_by_hand():
    """Level 2, deviations 0 1 1 2: spread 1.4826, so the line is 2 + 3 * 1.4826 = 6.4478."""
    before = [2.0, 1.0, 3.0, 4.0, 2.0]  # deviations 0, 1, 1, 2, 0; their median 1
    assert not jumped(before, [6.44] * 5, factor=3.0)
    assert jumped(before, [6.45] * 5, factor=3.0)


def test_losses_that_hardly_differ_have_a_spread_of_a_hundredth():
    """Else any loss above a level that stood still would be a spike."""
    assert not jumped([2.0] * 10, [2.19] * 5, factor=10.0)
    assert jumped([2.0] * 10, [2.21] * 5, factor=10.0)


def test_outliers_on_either_side_do_not_count():
    """Two of five recent losses may be anything, and four of ten before."""
    assert not jumped(LEVEL, [2.0, 1e9, 2.0, 1e9, 2.0], factor=10.0)
    assert jumped([*LEVEL[:6], 1e9, 1e9, -1e9, -1e9], [50.0] * 5, factor=10.0)


def test_a_loss_may_be_negative():
    """A formula with a negative term has a level below 0."""
    assert jumped([-3.0, -2.0, -1.0] * 4, [20.0] * 5, factor=10.0)
    assert not jumped([-3.0, -2.0, -1.0] * 4, [-2.0] * 5, factor=10.0)


# --- in the run of steps -------------------------------------------------------------------


def test_a_spike_is_said_once_with_its_steps(watcher, caplog):
    """Three of the last five losses are up at step 13; then the new level is learned."""
    play(watcher, [*LEVEL, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0])
    (record,) = caplog.records
    said = record.getMessage()
    assert said.startswith("loss spike: 9 since step 11, 2 before; ")
    assert "training.loss_spike.rollback" in said


def test_no_spike_before_the_level_is_known(watcher, caplog):
    """The fall at the beginning is none, nor is a rise within the first losses."""
    play(watcher, [9.0, 8.0, 7.0, 6.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0, 50.0])
    assert caplog.records == []


def test_losses_are_those_of_single_executions(watcher):
    """Keras's means, of 2 steps an execution: 4, then (4 * 2 + 1 * 2) / 4 = 2.5."""
    watcher.set_model(SimpleNamespace(steps_at_once=2))
    watcher.on_train_batch_end(1, {"loss": 4.0})
    watcher.on_train_batch_end(3, {"loss": 2.5})
    assert watcher.state() == {"losses": [4.0, 1.0], "total": 10.0, "done": 4}


def test_goes_back_to_before_the_first_loss_that_was_up(watcher, caplog):
    """It asks for a checkpoint of at most step 10 and tells which there was."""
    asked = []
    watcher.roll_back = lambda step: asked.append(step) or 7
    play(watcher, [*LEVEL, 9.0, 9.0, 9.0, 9.0, 9.0])
    assert asked == [10]
    assert caplog.messages == [
        "loss spike: 9 since step 11, 2 before; weights are back at step 7, and go on with step 16"
    ]


def test_without_a_checkpoint_it_goes_on_as_it_is(watcher, caplog):
    watcher.roll_back = lambda step: None
    play(watcher, [*LEVEL, *[9.0] * RECENT])
    assert "no checkpoint from before it is left" in caplog.text


def test_a_window_of_less_than_ten_is_refused():
    with pytest.raises(InputError, match=r"training\.loss_spike\.window"):
        config.parse({"training": {"loss_spike": {"window": 5}}})


# --- taken back ----------------------------------------------------------------------------


def kept(model, folder: Path) -> CheckpointCallback:
    return CheckpointCallback(model, str(folder), Config(), "data", {}, None, every=1, keep=5)


def learned(model) -> list[np.ndarray]:
    """Weights, slots and averages."""
    slots = [*model.optimizer.momentums, *model.optimizer.velocities]
    averages = model.average.averages.values()
    return [value.numpy() for value in (*model.text_model.variables, *slots, *averages)]


def test_what_is_learned_goes_back_and_the_rest_goes_on(social_model, batch, endless, tmp_path):
    """Of the checkpoints at 2 and 4 the one at most at 3; steps and chance stay those of 6."""
    model = social_model(dropout=0.1, ema=0.9, weighing="uncertainty")
    keeper, dataset = kept(model, tmp_path), endless(batch)
    for done in (2, 4):
        model.fit(dataset, steps_per_epoch=2, verbose=0)
        keeper.save()
        if done == 2:
            expected = learned(model)
            variances = model.log_variances.numpy()
    model.fit(dataset, steps_per_epoch=2, verbose=0)
    chance = model.text_model.encoder.generator.state.numpy()
    assert keeper.roll_back(3) == 2
    for now, then in zip(learned(model), expected, strict=True):
        np.testing.assert_array_equal(now, then)
    np.testing.assert_array_equal(model.log_variances.numpy(), variances)
    assert int(model.optimizer.iterations) == 6
    np.testing.assert_array_equal(model.text_model.encoder.generator.state.numpy(), chance)


def test_there_may_be_none_to_go_back_to(social_model, batch, endless, tmp_path):
    """Only later ones, or none that can be read: nothing moves."""
    model = social_model()
    keeper = kept(model, tmp_path)
    model.fit(endless(batch), steps_per_epoch=2, verbose=0)
    keeper.save()
    before = [value.numpy() for value in model.text_model.variables]
    assert keeper.roll_back(1) is None
    state = next(tmp_path.glob("00000002/state.data-*"))
    state.write_bytes(b"\x55" * state.stat().st_size)
    assert keeper.roll_back(2) is None
    for value, then in zip(model.text_model.variables, before, strict=True):
        np.testing.assert_array_equal(value.numpy(), then)


# --- in a run ------------------------------------------------------------------------------

OPTIONS = (
    *("training.epochs=15", "training.checkpoint_every=6", "model.dropout=0.1"),
    "training.loss_spike={window: 10, factor: 1.0e-3, rollback: true}",
    "optimizer.learning_rate=0.5",  # so that losses jump
)


def start(moods: Path, workdir: Path) -> None:

    chosen = tiny_run.settings(moods, *OPTIONS)
    workdir.mkdir(exist_ok=True)
    train.train(chosen, workdir, "cpu")


@pytest.mark.long
def test_a_run_that_went_back_resumes_to_the_same_bits(tmp_path, monkeypatch, caplog):
    """Cut off after it has gone back and before it has kept that: it goes back again."""
    moods = tiny_run.write_moods(tmp_path / "moods")
    with caplog.at_level(logging.WARNING):
        start(moods, tmp_path / "whole")
    went_back = [record for record in caplog.messages if "weights are back at step" in record]
    assert went_back, "the losses were meant to jump"
    after = int(went_back[0].rsplit(" ", 1)[1]) - 1
    ordinary = CheckpointCallback.on_train_batch_end

    def end(keeper, batch, logs=None):
        if int(keeper.model.optimizer.iterations.numpy()) == after:
            keeper.on_train_end()
            raise Interrupted("power cut")
        ordinary(keeper, batch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointCallback, "on_train_batch_end", end)
        with pytest.raises(Interrupted):
            start(moods, tmp_path / "run")
    start(moods, tmp_path / "run")
    for name in ("model.safetensors", "heads.safetensors"):
        one, other = (tmp_path / run / "model" / name for run in ("run", "whole"))
        assert one.read_bytes() == other.read_bytes(), name
