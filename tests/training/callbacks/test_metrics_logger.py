"""Scalars of a run: what a point is, and what TensorBoard and metrics.jsonl show of a run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tfsocial.runs import report
from tfsocial.training.callbacks import metrics_logger
from tfsocial.training.callbacks.metrics_logger import MetricsLogger


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


def opened(workdir: Path, every: int) -> MetricsLogger:
    """Curves of a new run."""
    curves = MetricsLogger(workdir, every)
    curves.open()
    return curves


def play_epoch(curves: MetricsLogger, first_step: int, losses: list[float]) -> None:
    """An epoch as Keras tells it: after each step the mean since the epoch's start."""
    curves.on_epoch_begin(0)
    for number in range(1, len(losses) + 1):
        curves.set_model(model_at(first_step + number))
        logs = {"loss": float(np.mean(losses[:number])), "examples": 10.0, "tokens": 100.0}
        curves.on_train_batch_end(number - 1, logs)
    curves.on_epoch_end(0, logs)


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
    report.conclude(run, chosen, workdir)
    return workdir


@pytest.fixture(scope="module")
def events(workdir) -> EventAccumulator:
    """The run's TensorBoard files as TensorBoard reads them."""
    return EventAccumulator(str(workdir / "tensorboard"), size_guidance={"tensors": 0}).Reload()


def test_a_point_is_the_mean_since_the_last_point(tmp_path):
    """Losses 1, 3, 5, 11 by twos: points 2 and 8, though Keras says 2 and 5."""
    curves = opened(tmp_path, every=2)
    play_epoch(curves, 0, [1.0, 3.0, 5.0, 11.0])
    assert [(row["step"], row["train/loss"]) for row in lines_of(tmp_path)] == [(2, 2.0), (4, 8.0)]


def test_the_end_of_an_epoch_is_a_point(tmp_path):
    """Five steps by twos: the fifth is not lost; nor is an epoch shorter than the distance."""
    curves = opened(tmp_path, every=2)
    play_epoch(curves, 0, [1.0, 3.0, 5.0, 11.0, 4.0])
    play_epoch(curves, 5, [7.0])
    points = [(row["step"], row["train/loss"]) for row in lines_of(tmp_path)]
    assert points == [(2, 2.0), (4, pytest.approx(8.0)), (5, pytest.approx(4.0)), (6, 7.0)]


def test_means_do_not_reach_back_into_the_former_epoch(tmp_path):
    """Keras begins anew with each epoch, and so do the points."""
    curves = opened(tmp_path, every=2)
    play_epoch(curves, 0, [10.0, 20.0])
    play_epoch(curves, 2, [1.0, 3.0])
    assert [row["train/loss"] for row in lines_of(tmp_path)] == [15.0, 2.0]


def test_rates_are_over_the_time_since_the_last_point(tmp_path, monkeypatch):
    """2 steps of 10 examples and 100 tokens in 4 seconds: 5 examples and 50 tokens a second."""
    clock = iter([100.0, 104.0, 105.0])
    monkeypatch.setattr(metrics_logger.time, "perf_counter", lambda: next(clock))
    play_epoch(opened(tmp_path, every=2), 0, [1.0, 1.0, 1.0, 1.0])
    first, second = lines_of(tmp_path)
    assert (first["train/examples_per_second"], first["train/tokens_per_second"]) == (5.0, 50.0)
    assert second["train/examples_per_second"] == 20.0
    assert first["train/learning_rate"] == 0.5
    assert first["train/gradient_norm"] == 3.0


def test_a_point_is_on_disk_at_once(tmp_path):
    """Whoever looks at a running run, or at one that was killed, sees all that was logged."""
    curves = opened(tmp_path, every=1)
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
