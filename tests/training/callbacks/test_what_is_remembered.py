"""All that moves is in a checkpoint, and a signal or two replicas change nothing of it."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
import tensorflow as tf
from interrupted_runs import copy_after, points, start, weights

from tfsocial.training import checkpoint_files
from tfsocial.training.callbacks.checkpointing import Interrupted

REMEMBERED = {  # what excludes the other lies in two runs, all else in either
    "pace, cosines, budget, averages, loss scale": (
        *("objectives.weighing=gradnorm", "objectives.cosines_every=2"),
        "objectives.papers={r_drop: {}}",
        "objectives.community={feature_cosine: {weight: {cosine: 0.9, every: 2, texts: 4}}}",
        *("training.ema=0.8", "training.precision=float16"),
    ),
    "variances, recomputation, parts": (
        *("objectives.weighing=uncertainty", "objectives.sam_radius=0.05"),
        *("training.gradient_checkpointing=true", "training.frozen_layers=0"),
        "training.micro_batches=2",
    ),
}


@pytest.mark.parametrize("what", REMEMBERED)
def test_everything_that_moves_is_remembered(moods, tmp_path, monkeypatch, what):
    """Started again from what lay on the disk at step 7, a run ends with the same bits and the
    same curves.
    """
    with monkeypatch.context() as patch:
        copy_after(7, tmp_path / "whole", tmp_path / "run", patch)
        start(moods, tmp_path / "whole", *REMEMBERED[what])
    found = checkpoint_files.find(str(tmp_path / "run" / "checkpoints"))
    assert [one.step for one in found] == [6, 3]
    start(moods, tmp_path / "run", *REMEMBERED[what])
    assert points(tmp_path / "run") == points(tmp_path / "whole")
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_a_signal_during_a_slow_write_waits_for_its_end(moods, tmp_path, undisturbed, monkeypatch):
    """SIGTERM comes while the checkpoint of step 3 is half written: it is finished, then the run
    stops, and goes on from there.
    """
    ordinary = tf.train.Checkpoint.write

    def slow(checkpoint, *arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)
        return ordinary(checkpoint, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(tf.train.Checkpoint, "write", slow)
        with pytest.raises(Interrupted, match=r"SIGTERM; the last checkpoint is of step 3"):
            start(moods, tmp_path / "run")
    assert [one.step for one in checkpoint_files.find(str(tmp_path / "run" / "checkpoints"))] == [3]
    start(moods, tmp_path / "run")
    assert weights(tmp_path / "run") == weights(undisturbed)


def test_two_replicas_resume_too(two_cpus, tmp_path):
    """Each replica's own chance, and numbers that all of them know, come back as they were."""
    from tfsocial.models.encoder import PackedBert
    from training.conftest import encoder_config

    with two_cpus.scope():
        encoder = PackedBert(encoder_config(dropout=0.1))
        encoder.build()
    draw = tf.function(lambda: two_cpus.run(lambda: encoder.generator.uniform([3])))
    draw()
    tf.train.Checkpoint(generator=encoder.generator).write(str(tmp_path / "state"))
    first = [np.array(value) for value in two_cpus.experimental_local_results(draw())]
    tf.train.Checkpoint(generator=encoder.generator).read(str(tmp_path / "state"))
    second = [np.array(value) for value in two_cpus.experimental_local_results(draw())]
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])
