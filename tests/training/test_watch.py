"""What a run tells while it trains: progress, dev scores, and when it stops."""

from __future__ import annotations

import io
import json
import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfsocial.serving import predictor
from tfsocial.training import watch

NAN, INFINITY = float("nan"), float("inf")


def model_at(step: int) -> SimpleNamespace:
    """As much of a model as a callback looks at."""
    return SimpleNamespace(
        optimizer=SimpleNamespace(iterations=tf.constant(step)), stop_training=False
    )


# --- guard -------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
def test_the_guard_stops_at_a_loss_that_is_no_number(value):
    """Step and the term it came from are named, and what usually helps."""
    guard = watch.Guard(total_steps=50)
    guard.set_model(model_at(41))
    logs = {"loss": value, "raw/L/mood": 0.5, "raw/L_paper/r_drop": value, "padding_share": 0.1}
    with pytest.raises(watch.Diverged) as caught:
        guard.on_train_batch_end(3, logs | {"weighted/L_paper/r_drop": value})
    message = str(caught.value)
    assert message.startswith("the loss is not finite at step 41; first in L_paper/r_drop. ")
    assert "L/mood" not in message
    assert "optimizer.learning_rate" in message


def test_the_guard_lets_numbers_pass():
    """Large and negative losses are nobody's business."""
    guard = watch.Guard(total_steps=50)
    guard.set_model(model_at(1))
    guard.on_train_batch_end(0, {"loss": 1e30, "raw/L/mood": -5.0})
    assert not guard.model.stop_training


def test_the_guard_ends_the_run_at_its_last_step():
    """Step 49 of 50 goes on, step 50 does not, wherever in an epoch it falls."""
    guard = watch.Guard(total_steps=50)
    stopped = {}
    for step in (49, 50):
        guard.set_model(model_at(step))
        guard.on_train_batch_end(0, {"loss": 0.5})
        stopped[step] = guard.model.stop_training
    assert stopped == {49: False, 50: True}


# --- progress ----------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stderr that somebody looks at."""

    def isatty(self) -> bool:
        return True


def play_progress(epochs: int) -> None:
    """Two steps of 8 examples an epoch, and a dev score."""
    progress = watch.Progress(steps=2 * epochs, epochs=epochs, monitor="accuracy")
    for epoch in range(epochs):
        progress.on_epoch_begin(epoch)
        for batch in range(2):
            progress.on_train_batch_end(batch, {"loss": 0.75, "examples": 8.0})
        logs = {"loss": 0.75, "padding_share": 0.25, watch.MONITORED: 0.5 + epoch / 4}
        progress.on_epoch_end(epoch, logs)
    progress.on_train_end()


def test_without_a_terminal_there_is_one_line_an_epoch(capsys, caplog, monkeypatch):
    """A log file is not filled with bars: epoch, loss, dev score, speed, padding."""
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(watch.time, "perf_counter", lambda: float(next(clock)))
    with caplog.at_level(logging.INFO, logger=watch.__name__):
        play_progress(epochs=2)
    assert capsys.readouterr() == ("", "")
    # 16 examples; the clock moves 4 s a look: begin, two steps, end.
    assert [record.getMessage() for record in caplog.records] == [
        "epoch 1/2: loss 0.7500, dev accuracy 0.5000, 1 examples/s, padding 25.0 %",
        "epoch 2/2: loss 0.7500, dev accuracy 0.7500, 1 examples/s, padding 25.0 %",
    ]


def test_on_a_terminal_there_is_a_bar(monkeypatch, caplog):
    """Epoch, loss, the last dev score and the speed stand beside it; no lines below it."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with caplog.at_level(logging.INFO, logger=watch.__name__):
        play_progress(epochs=2)
    assert caplog.records == []
    shown = screen.getvalue().split("\r")[-1]
    assert "epoch 2/2" in shown
    assert "4/4" in shown
    assert "examples/s" in shown


# --- dev score ---------------------------------------------------------------------------


def test_without_the_metric_the_dev_loss_decides(tmp_path):
    """A regression has no accuracy: minus its loss on dev (not on train) picks the weights."""
    folder = tmp_path / "data"
    folder.mkdir()
    stars = {"happy": 2.0, "sad": 1.0}
    for split, shift in (("train", 0.0), ("dev", 5.0)):
        rows = [(text, stars[mood] + shift) for text, mood in tiny_run.MOODS]
        tiny_run.write_csv(folder / f"{split}.csv", ("text", "stars"), rows * 4)
    chosen = tiny_run.settings(folder, tasks={"stars": {"kind": "regress", "column": "stars"}})
    tiny_run.train(chosen, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()
    (dev,) = [row for row in map(json.loads, lines) if "dev/monitored" in row]
    # Four dev batches of four examples each: the mean of their means is the mean.
    assert dev["dev/monitored"] == pytest.approx(-dev["dev/stars/mean_squared_error"], rel=1e-5)
    assert dev["dev/monitored"] < -9, "predictions near train's 1.5 miss dev's 6.5"


def test_the_dev_loss_is_of_one_text_as_it_stands(tmp_path):
    """A term that compares two views has none on dev; the others are what is monitored."""
    chosen = tiny_run.settings(
        tiny_run.write_moods(tmp_path / "data"),
        "training.monitor=-loss",
        "data.second_view=[{token_mask: {rate: 0.3}}]",
        "objectives.papers={cutoff: {}, r_drop: {}}",
    )
    tiny_run.train(chosen, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()
    (dev,) = [row for row in map(json.loads, lines) if "dev/monitored" in row]
    answers = predictor.load(tmp_path / "run" / "model")([(text,) for text, _ in tiny_run.MOODS])
    said = answers.tasks["mood"][range(4), [int(mood == "sad") for _, mood in tiny_run.MOODS]]
    # Without dropout both passes are alike: R-Drop is 0, and what is left is L.
    assert dev["dev/monitored"] == pytest.approx(np.mean(np.log(said)), rel=1e-4)


@pytest.mark.parametrize("weighing", ["fixed", "uncertainty", "gradnorm"])
def test_the_dev_loss_does_not_follow_the_weights_that_training_moves(
    social_model, batch, weighing
):
    """It compares epochs: a budget counts as at its start, a learned variance as 1."""
    alpha = {"feature_cosine": {"weight": {"cosine": 0.9, "start": 2.0}}}
    model = social_model(community=alpha, weighing=weighing)
    dev = tf.data.Dataset.from_tensors(batch)
    before = watch.losses(model, dev)
    assert before["loss"] == pytest.approx(before["L/topic"] + 2 * before["L0/feature_cosine"])
    model.budgets["L0/feature_cosine"].assign(50.0)
    for variable in (*model.term_variables, *(model.pace.factors.values() if model.pace else ())):
        variable.assign(tf.fill(variable.shape, 0.3))
    assert watch.losses(model, dev) == before
