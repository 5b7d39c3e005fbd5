"""What a run tells while it trains: curves, progress, dev scores, and when it stops."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tfsocial.evaluation import outcome
from tfsocial.training import watch

NAN, INFINITY = float("nan"), float("inf")


def model_at(step: int) -> SimpleNamespace:
    """As much of a model as the curves look at."""
    optimizer = SimpleNamespace(
        iterations=tf.constant(step),
        learning_rate=tf.constant(0.5),
        gradient_norm=tf.constant(3.0),
    )
    return SimpleNamespace(optimizer=optimizer, moving_numbers={}, stop_training=False)


def number(event) -> float:
    """The value of a point in TensorBoard."""
    return float(tf.make_ndarray(event.tensor_proto))


def lines_of(workdir: Path) -> list[dict]:
    """metrics.jsonl as objects."""
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def play_epoch(curves: watch.Curves, first_step: int, losses: list[float]) -> None:
    """An epoch as Keras tells it: after each step the mean since the epoch's start."""
    curves.on_epoch_begin(0)
    for number in range(1, len(losses) + 1):
        curves.set_model(model_at(first_step + number))
        logs = {"loss": float(np.mean(losses[:number])), "examples": 10.0, "tokens": 100.0}
        curves.on_train_batch_end(number - 1, logs)
    curves.on_epoch_end(0, {})


@pytest.fixture(scope="module")
def workdir(tmp_path_factory) -> Path:
    """A run with a community term and a paper, with its report; 2 epochs of 4 steps."""
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    chosen = tiny_run.settings(
        folder,
        "training.epochs=2",
        objectives={"community": {"feature_cosine": {"weight": 0.5}}, "papers": {"r_drop": {}}},
    )
    workdir = tmp_path_factory.mktemp("watched") / "run"
    run = tiny_run.train(chosen, workdir)
    outcome.conclude(run, chosen, workdir)
    return workdir


@pytest.fixture(scope="module")
def events(workdir) -> EventAccumulator:
    """The run's TensorBoard files as TensorBoard reads them."""
    return EventAccumulator(str(workdir / "tensorboard"), size_guidance={"tensors": 0}).Reload()


# --- curves ------------------------------------------------------------------------------


def test_a_point_is_the_mean_since_the_last_point(tmp_path):
    """Losses 1, 3, 5, 11 by twos: points 2 and 8, though Keras says 2 and 5."""
    curves = watch.Curves(tmp_path, every=2)
    play_epoch(curves, 0, [1.0, 3.0, 5.0, 11.0])
    assert [(row["step"], row["train/loss"]) for row in lines_of(tmp_path)] == [(2, 2.0), (4, 8.0)]


def test_the_end_of_an_epoch_is_a_point(tmp_path):
    """Five steps by twos: the fifth is not lost; nor is an epoch shorter than the distance."""
    curves = watch.Curves(tmp_path, every=2)
    play_epoch(curves, 0, [1.0, 3.0, 5.0, 11.0, 4.0])
    play_epoch(curves, 5, [7.0])
    points = [(row["step"], row["train/loss"]) for row in lines_of(tmp_path)]
    assert points == [(2, 2.0), (4, pytest.approx(8.0)), (5, pytest.approx(4.0)), (6, 7.0)]


def test_means_do_not_reach_back_into_the_former_epoch(tmp_path):
    """Keras begins anew with each epoch, and so do the points."""
    curves = watch.Curves(tmp_path, every=2)
    play_epoch(curves, 0, [10.0, 20.0])
    play_epoch(curves, 2, [1.0, 3.0])
    assert [row["train/loss"] for row in lines_of(tmp_path)] == [15.0, 2.0]


def test_rates_are_over_the_time_since_the_last_point(tmp_path, monkeypatch):
    """2 steps of 10 examples and 100 tokens in 4 seconds: 5 examples and 50 tokens a second."""
    clock = iter([100.0, 104.0, 105.0])
    monkeypatch.setattr(watch.time, "perf_counter", lambda: next(clock))
    play_epoch(watch.Curves(tmp_path, every=2), 0, [1.0, 1.0, 1.0, 1.0])
    first, second = lines_of(tmp_path)
    assert (first["train/examples_per_second"], first["train/tokens_per_second"]) == (5.0, 50.0)
    assert second["train/examples_per_second"] == 20.0
    assert first["train/learning_rate"] == 0.5
    assert first["train/gradient_norm"] == 3.0


def test_a_point_is_on_disk_at_once(tmp_path):
    """Whoever looks at a running run, or at one that was killed, sees all that was logged."""
    curves = watch.Curves(tmp_path, every=1)
    curves.set_model(model_at(7))
    curves.write(7, "dev", {"a/accuracy": 0.25})
    assert lines_of(tmp_path) == [{"step": 7, "dev/a/accuracy": 0.25}]


def test_tensorboard_has_every_curve(events, workdir):
    """Each term raw and weighted, rate, norm, speed, padding and dev scores, at every point."""
    terms = ["L/mood", "L0/feature_cosine", "L_paper/r_drop"]
    expected = {f"train/{form}/{term}" for form in ("raw", "weighted") for term in terms}
    expected |= {
        f"train/{name}"
        for name in (
            *("loss", "learning_rate", "gradient_norm", "padding_share"),
            *("examples_per_second", "tokens_per_second"),
        )
    }
    expected |= {f"dev/{name}" for name in ("mood/accuracy", "mood/macro_f1", "monitored")}
    assert expected <= set(events.Tags()["tensors"])
    steps = [event.step for event in events.Tensors("train/loss")]
    assert steps == [2, 4, 6, 8]
    assert [event.step for event in events.Tensors("dev/mood/accuracy")] == [4, 8]


def test_tensorboard_and_metrics_agree(events, workdir):
    """The same numbers in both, to float32."""
    rows = lines_of(workdir)
    for name in ("train/loss", "train/weighted/L0/feature_cosine", "dev/mood/accuracy"):
        written = [(row["step"], row[name]) for row in rows if name in row]
        shown = [(event.step, number(event)) for event in events.Tensors(name)]
        assert shown == [(step, pytest.approx(value, rel=1e-6)) for step, value in written]


def test_the_weight_of_a_term_is_between_its_two_curves(events):
    """alpha = 0.5: weighted is half of raw at every point."""
    raw, weighted = (
        np.array([number(event) for event in events.Tensors(f"train/{form}/L0/feature_cosine")])
        for form in ("raw", "weighted")
    )
    assert weighted == pytest.approx(0.5 * raw, abs=1e-7)
    assert raw[-1] > 1e-4, "the tuned model has left M0"


def test_tensorboard_has_the_pictures(events):
    """The confusion matrix and the reliability diagram of dev, as PNG images."""
    for name in ("dev/mood/confusion", "dev/mood/reliability"):
        assert events.SummaryMetadata(name).plugin_data.plugin_name == "images"
        (event,) = events.Tensors(name)
        assert event.step == 8
        assert event.tensor_proto.string_val[2].startswith(b"\x89PNG")


def test_tensorboard_has_the_knobs_and_what_they_led_to(events):
    """The HParams table has a row for this run: its knobs, the weights of terms, its scores."""
    content = events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    knobs = HParamsPluginData.FromString(content).session_start_info.hparams
    assert knobs["learning_rate"].number_value == pytest.approx(0.01)
    assert (knobs["epochs"].number_value, knobs["rows"].number_value) == (2, 2)
    assert knobs["optimizer"].string_value == "adamw"
    assert knobs["checkpoint"].string_value == "random"
    assert knobs["weight/feature_cosine"].string_value == "0.5"
    assert "result/dev/mood/accuracy" in events.Tags()["tensors"]


def test_texts_do_not_get_into_the_curves(workdir):
    """Nothing a user wrote is in the files that people pass around."""
    for path in (workdir / "tensorboard").iterdir():
        assert b"my card is good" not in path.read_bytes()


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
    (dev,) = [row for row in lines_of(tmp_path / "run") if "dev/monitored" in row]
    # Four dev batches of four examples each: the mean of their means is the mean.
    assert dev["dev/monitored"] == pytest.approx(-dev["dev/stars/mean_squared_error"], rel=1e-5)
    assert dev["dev/monitored"] < -9, "predictions near train's 1.5 miss dev's 6.5"
