"""What a run's dev scores are, and what they pick."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfsocial.serving import loading
from tfsocial.training.callbacks import dev_evaluation

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
    """A term that compares two views has none on dev; the others are what is monitored. Half of
    train's words fall out, none of dev's.
    """
    chosen = tiny_run.settings(
        tiny_run.write_moods(tmp_path / "data"),
        "training.monitor=-loss",
        "data.augment=[{word_drop: {rate: 0.5}}]",
        "data.second_view=[{token_mask: {rate: 0.3}}]",
        "tasks.mood.calibrate=false",
        "objectives.papers={cutoff: {}, r_drop: {}}",
    )
    tiny_run.train(chosen, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()
    (dev,) = [row for row in map(json.loads, lines) if "dev/monitored" in row]
    answers = loading.load_predictor(tmp_path / "run" / "model")(
        [(text,) for text, _ in tiny_run.MOODS]
    )
    said = answers.tasks["mood"][range(4), [int(mood == "sad") for _, mood in tiny_run.MOODS]]
    # Without dropout both passes are alike: R-Drop is 0, and what is left is L.
    assert dev["dev/monitored"] == pytest.approx(np.mean(np.log(said)), rel=1e-4)


@pytest.mark.parametrize("weighing", ["fixed", "uncertainty", "gradnorm"])
def test_the_dev_loss_does_not_follow_the_weights_that_training_moves(
    social_model, batch, weighing
):
    """It compares epochs: a drift constraint counts as at its start, a learned variance as 1."""
    alpha = {"feature_cosine": {"weight": {"cosine": 0.9, "start": 2.0}}}
    model = social_model(community=alpha, weighing=weighing)
    dev = tf.data.Dataset.from_tensors(batch)
    before = dev_evaluation.losses(model, dev)
    assert before["loss"] == pytest.approx(before["L/topic"] + 2 * before["L0/feature_cosine"])
    model.formula.alphas["L0/feature_cosine"].assign(50.0)
    for variable in (*model.term_variables.values(), *model.formula.factors.values()):
        variable.assign(tf.fill(variable.shape, 0.3))
    assert dev_evaluation.losses(model, dev) == before
