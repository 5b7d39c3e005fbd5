"""Exact resume: a run that is killed and started again is the run that never was."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import resource
import signal
import time
from pathlib import Path

import killed_run
import numpy as np
import pytest
import tensorflow as tf
import tiny_run
import yaml

from tfsocial.errors import InputError
from tfsocial.runs import train
from tfsocial.training import checkpoint_files, devices
from tfsocial.training.callbacks.checkpointing import CheckpointCallback, Interrupted

KILLS = 20
LONGEST = 120  # seconds that a start may take before something is wrong


@pytest.fixture(scope="module")
def process():
    """Starts the run in a new process that has imported TensorFlow already, for speed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_run", "tfsocial.runs.train", "tfsocial.runs.report"])

    def start(folder: Path, workdir: Path):
        child = context.Process(
            target=killed_run.main,
            args=(folder / "tiny.yaml", workdir, workdir.with_suffix(".log")),
        )
        child.start()
        return child

    return start


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return killed_run.write_config(tmp_path_factory.mktemp("killed")).parent


@pytest.fixture(scope="module")
def whole(folder, process, tmp_path_factory) -> Path:
    """The run that nobody disturbed."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    child = process(folder, workdir)
    child.join(LONGEST)
    assert child.exitcode == 0, workdir.with_suffix(".log").read_text("utf-8")
    return workdir


def weights(workdir: Path) -> dict[str, bytes]:
    """The files of the saved model."""
    return {path.name: path.read_bytes() for path in (workdir / "model").glob("*.safetensors")}


def points(workdir: Path) -> list[dict]:
    """metrics.jsonl without what the clock says."""
    lines = (workdir / "metrics.jsonl").read_text("utf-8").splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if "per_second" not in name}
        for line in lines
    ]


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


def lines(workdir: Path) -> int:
    path = workdir / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


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


@pytest.mark.long
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


@pytest.mark.long  # with the last one: they share a run
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


# --- in one process ----------------------------------------------------------------------


@pytest.fixture
def moods(tmp_path) -> Path:
    return tiny_run.write_moods(tmp_path / "moods")


OPTIONS = ("training.epochs=3", "training.checkpoint_every=3", "model.dropout=0.1")


def start(moods: Path, workdir: Path, *more: str, **options) -> train.Run:
    chosen = tiny_run.settings(moods, *OPTIONS, *more)
    workdir.mkdir(exist_ok=True)
    return train.train(chosen, workdir, "cpu", **options)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """The run of `start` without more options that nobody stopped."""
    folder = tmp_path_factory.mktemp("undisturbed")
    start(tiny_run.write_moods(folder / "moods"), folder / "run")
    return folder / "run"


def stop_after(step: int, monkeypatch) -> None:
    """Whoever would take a step beyond this one is interrupted, as if the power had gone."""
    ordinary = CheckpointCallback.on_train_batch_end

    def end(keeper, batch, logs=None):
        ordinary(keeper, batch, logs)
        if int(keeper.model.optimizer.iterations.numpy()) == step:
            keeper.on_train_end()
            raise Interrupted("power cut")

    monkeypatch.setattr(CheckpointCallback, "on_train_batch_end", end)


@pytest.fixture
def cut_off(moods, tmp_path, monkeypatch) -> Path:
    """A run of 12 steps whose power went after step 7; its checkpoints are of steps 3 and 6."""
    with monkeypatch.context() as patch:
        stop_after(7, patch)
        with pytest.raises(Interrupted, match="power cut"):
            start(moods, tmp_path / "run")
    return tmp_path / "run"


def test_an_epoch_that_was_not_scored_yet_is(moods, tmp_path, monkeypatch):
    """Its last step was kept, the power went before dev was scored: one score, not none or two."""
    every = "training.checkpoint_every=4"
    with monkeypatch.context() as patch:
        stop_after(8, patch)
        with pytest.raises(Interrupted):
            start(moods, tmp_path / "run", every)
    assert [row["step"] for row in points(tmp_path / "run") if "dev/monitored" in row] == [4]
    start(moods, tmp_path / "run", every)
    start(moods, tmp_path / "whole", every)
    assert points(tmp_path / "run") == points(tmp_path / "whole")
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")


def test_checkpoints_come_every_so_many_steps_and_the_oldest_go(cut_off):
    found = checkpoint_files.find(str(cut_off / "checkpoints"))
    assert [one.step for one in found] == [6, 3]
    assert sorted(path.name for path in (cut_off / "checkpoints").iterdir()) == [
        "00000003",
        "00000006",
    ]


def test_the_end_leaves_one_checkpoint_from_which_only_the_report_is_made(moods, cut_off, caplog):
    """A third start takes no step: all it does is save and report once more."""
    start(moods, cut_off)
    (found,) = checkpoint_files.find(str(cut_off / "checkpoints"))
    assert (found.step, found.ended) == (12, True)
    before = weights(cut_off)
    start(moods, cut_off)
    assert weights(cut_off) == before
    assert points(cut_off)[-1]["step"] == 12


def test_a_changed_config_is_refused_by_its_keys(moods, cut_off):
    """What only says where things lie may change; what trains may not, unless told."""
    with pytest.raises(
        InputError, match=r"changed: optimizer\.learning_rate, seed\. .*--accept_changes"
    ):
        start(moods, cut_off, "seed=5", "optimizer.learning_rate=0.02")
    with pytest.raises(InputError, match=r"objectives\.papers\.r_drop"):
        start(moods, cut_off, "objectives.papers={r_drop: {}}")
    start(moods, cut_off, "training.log_every=5")


def test_a_config_that_this_version_does_not_read(moods, cut_off):
    """A key that is no more is named in one sentence; told to, the run goes on all the same."""
    for path in (cut_off / "checkpoints").glob("*/manifest.json"):
        manifest = json.loads(path.read_text())
        manifest["config"]["training"]["patiense"] = 3
        path.write_text(json.dumps(manifest))
    kept = (cut_off / "config.yaml").read_text()
    said = r"holds a run of a config that this version does not read \(.*{}.*--accept_changes"
    with pytest.raises(InputError, match=said.format(r"00000006/manifest\.json: config.*patiense")):
        start(moods, cut_off)
    (cut_off / "config.yaml").write_text(kept.replace("patience:", "patiense:"))
    with pytest.raises(InputError, match=said.format(r"config\.yaml.*patiense")):
        start(moods, cut_off)
    start(moods, cut_off, accept_changes=True)
    assert points(cut_off)[-1]["step"] == 12


def test_checkpoints_of_another_run_are_not_taken_for_one_s_own(moods, cut_off, tmp_path):
    """They lie where two workdirs share them; told to, a run goes on from there, ended or not."""
    shared = f"training.checkpoints={cut_off}/checkpoints"
    with pytest.raises(InputError, match=r"00000006 holds a run of .* changed: seed, training"):
        start(moods, tmp_path / "other", shared, "seed=5")
    start(moods, tmp_path / "other", shared, "seed=5", accept_changes=True)
    with pytest.raises(InputError, match=r"00000012-ended holds a run of .* changed: seed\."):
        start(moods, tmp_path / "third", shared)
    more = ("seed=5", "training.epochs=4")
    start(moods, tmp_path / "fourth", shared, *more, accept_changes=True)
    assert points(tmp_path / "fourth")[-1]["step"] == 16


def test_a_lost_disk_does_not_lose_the_run(moods, undisturbed, tmp_path, monkeypatch):
    """The checkpoints lie elsewhere: another workdir goes on with the same config."""
    elsewhere = f"training.checkpoints={tmp_path}/kept"
    with monkeypatch.context() as patch:
        stop_after(7, patch)
        with pytest.raises(Interrupted):
            start(moods, tmp_path / "lost", elsewhere)
    start(moods, tmp_path / "new", elsewhere)
    assert weights(tmp_path / "new") == weights(undisturbed)


def test_a_changed_config_is_gone_on_with_if_told(moods, cut_off):
    """Also a run that had ended goes on, when it may have more epochs."""
    start(moods, cut_off, "optimizer.learning_rate=0.02", accept_changes=True)
    more = ("optimizer.learning_rate=0.02", "training.epochs=5")
    start(moods, cut_off, *more, accept_changes=True)
    assert points(cut_off)[-1]["step"] == 20
    assert yaml.safe_load((cut_off / "config.yaml").read_text())["training"]["epochs"] == 5


def test_other_variables_cannot_be_gone_on_with(moods, cut_off):
    """Told to or not: slots of other weights would be taken for those of these."""
    for change in ("training.frozen_layers=0", "training.ema=0.5", "optimizer.name=lion"):
        with pytest.raises(InputError, match=r"00000006: holds other variables than this config"):
            start(moods, cut_off, change, accept_changes=True)


@pytest.mark.parametrize("split", ["train", "dev"])
def test_other_data_are_refused(moods, cut_off, split):
    """The position in the data would mean nothing, nor would the best score so far."""
    rows = [*tiny_run.MOODS * 3, *tiny_run.MOODS[::-1]]
    tiny_run.write_csv(moods / f"{split}.csv", ("text", "label"), rows)
    with pytest.raises(InputError, match=r"00000006: was written while training on other data"):
        start(moods, cut_off)


@pytest.mark.parametrize(
    "harm", ["no manifest", "short file", "broken bytes", "broken best", "half a manifest"]
)
def test_a_harmed_checkpoint_is_passed_over(moods, cut_off, undisturbed, harm, caplog):
    """The one before it is taken, and the end is the same."""
    latest = cut_off / "checkpoints" / "00000006"
    state = latest / "state.data-00000-of-00001"
    best = latest / "best.safetensors"
    if harm == "no manifest":
        (latest / "manifest.json").unlink()
    elif harm == "half a manifest":
        text = (latest / "manifest.json").read_text()
        (latest / "manifest.json").write_text(text[: len(text) // 2])
    elif harm == "broken best":
        best.write_bytes(b"\x55" * best.stat().st_size)
    elif harm == "short file":
        os.truncate(state, state.stat().st_size // 2)
    else:
        content = bytearray(state.read_bytes())
        content[len(content) // 4 : len(content) // 2] = b"\x55" * (
            len(content) // 2 - len(content) // 4
        )
        state.write_bytes(bytes(content))
    with caplog.at_level(logging.INFO):
        start(moods, cut_off)
    assert "going on from step 3" in caplog.text
    assert points(cut_off) == points(undisturbed)


def test_a_full_disk_stops_no_training(moods, tmp_path, caplog, monkeypatch):
    """No file may grow beyond 20 kB while checkpoints are written: each says so, none is left."""
    ordinary = CheckpointCallback._write

    def on_full_disk(keeper, *arguments):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        try:
            ordinary(keeper, *arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(CheckpointCallback, "_write", on_full_disk)
    start(moods, tmp_path / "run")
    assert "no checkpoint of step 3" in caplog.text
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()


def test_checkpoints_lie_on_any_filesystem_of_tensorflow_s(
    moods, tmp_path, undisturbed, monkeypatch
):
    """ram:// stands in for gs://: the same interface, another filesystem than the disk."""
    elsewhere = f"training.checkpoints=ram://{tmp_path.name}/kept"
    with monkeypatch.context() as patch:
        stop_after(7, patch)
        with pytest.raises(Interrupted):
            start(moods, tmp_path / "run", elsewhere)
    assert [one.step for one in checkpoint_files.find(f"ram://{tmp_path.name}/kept")] == [6, 3]
    start(moods, tmp_path / "run", elsewhere)
    assert weights(tmp_path / "run") == weights(undisturbed)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_workers_beside_the_chief_write_no_checkpoints(moods, tmp_path, monkeypatch):
    """All read where the chief writes, on gs:// too; two writers would spoil each other's."""
    monkeypatch.setattr(devices, "is_chief", lambda strategy: False)
    start(moods, tmp_path / "run", f"training.checkpoints={tmp_path}/kept")
    assert not (tmp_path / "kept").exists()
    assert not list((tmp_path / "run").iterdir())


REMEMBERED = {
    "variances, cosines": (
        *("objectives.weighing=uncertainty", "objectives.cosines_every=2"),
        "objectives.papers={r_drop: {}}",
    ),
    "budget, averages": (
        "objectives.community={feature_cosine: {weight: {cosine: 0.9, every: 2, texts: 4}}}",
        "training.ema=0.8",
    ),
    "pace": ("objectives.weighing=gradnorm", "objectives.papers={r_drop: {}}"),
    "recomputation": ("training.gradient_checkpointing=true", "training.frozen_layers=0"),
    "loss scale": ("training.precision=float16",),
    "parts": ("training.micro_batches=2", "objectives.sam_radius=0.05"),
}


@pytest.mark.parametrize("what", REMEMBERED)
def test_everything_that_moves_is_remembered(moods, tmp_path, monkeypatch, what):
    """Cut off at step 7 and started again, a run ends with the same bits and the same curves."""
    with monkeypatch.context() as patch:
        stop_after(7, patch)
        with pytest.raises(Interrupted):
            start(moods, tmp_path / "run", *REMEMBERED[what])
    start(moods, tmp_path / "run", *REMEMBERED[what])
    start(moods, tmp_path / "whole", *REMEMBERED[what])
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
