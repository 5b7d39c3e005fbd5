"""Runs that are killed and go on: the same bits, whatever the moment."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
import tensorflow as tf
from interrupted_runs import LONGEST, lines, points, weights

from tfsocial.training import checkpoint_files

KILLS = 20


def events(workdir: Path) -> list[tuple[int, str]]:
    """(step, name) of every scalar in TensorBoard, in the order of the steps."""
    found = []
    for path in sorted((workdir / "tensorboard").iterdir()):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            found += [
                (event.step, value.tag)
                for value in event.summary.value
                if value.tag.startswith(("train/", "dev/")) and "/mood/" not in value.tag
            ]
    return sorted(found)


def wait_for(child, workdir: Path, more: int) -> None:
    """Until the run has written so many lines since it began, or has ended."""
    began, least = time.monotonic(), lines(workdir)
    while child.is_alive() and time.monotonic() - began < LONGEST:
        now = lines(workdir)
        least = min(least, now)  # what the last start wrote after its last checkpoint goes first
        if now - least >= more:
            return
        time.sleep(0.002)


def killed_at_random(child, workdir: Path, luck: random.Random) -> bool:
    """Kills some points and moments later; now and then before the first. False if it had ended."""
    if luck.random() < 0.1:
        time.sleep(luck.uniform(0, 3))
    else:
        wait_for(child, workdir, luck.randint(1, 20))
        time.sleep(luck.uniform(0, 0.03))
    if not child.is_alive():
        return False
    os.kill(child.pid, signal.SIGKILL)
    child.join(LONGEST)
    return True


@pytest.mark.long(minutes=3)
def test_killed_at_any_moment_it_ends_with_the_same_bits(folder, process, whole, tmp_path):
    """20 times kill -9: weights, curves and report are those of the run that was left alone."""
    luck, killed, finished, steps = random.Random(0), 0, 0, []
    while killed < KILLS or not finished:
        workdir = tmp_path / f"run{finished}"
        child = process(folder, workdir)
        if killed < KILLS and killed_at_random(child, workdir, luck):
            killed += 1
            steps += [
                found.step for found in checkpoint_files.find(str(workdir / "checkpoints"))[:1]
            ]
            continue
        child.join(LONGEST)
        assert child.exitcode == 0, workdir.with_suffix(".log").read_text("utf-8")
        assert weights(workdir) == weights(whole)
        assert points(workdir) == points(whole)
        assert events(workdir) == events(whole)
        assert (workdir / "report.json").read_text() == (whole / "report.json").read_text()
        finished += 1
    assert len(set(steps)) > 5, "the kills hit the run in different places"


@pytest.mark.long(minutes=3)  # with the last one: they share a run
def test_sigterm_keeps_the_step_it_comes_in(folder, process, whole, tmp_path):
    """Exit code 1, a sentence that says how to go on, a checkpoint of that very step."""
    workdir = tmp_path / "run"
    child = process(folder, workdir)
    wait_for(child, workdir, 5)
    os.kill(child.pid, signal.SIGTERM)
    child.join(LONGEST)
    assert child.exitcode == 1
    (kept, *_) = checkpoint_files.find(str(workdir / "checkpoints"))
    assert not kept.ended
    said = workdir.with_suffix(".log").read_text("utf-8")
    assert f"stopped by SIGTERM; the last checkpoint is of step {kept.step}" in said
    child = process(folder, workdir)
    child.join(LONGEST)
    assert child.exitcode == 0
    assert weights(workdir) == weights(whole)
