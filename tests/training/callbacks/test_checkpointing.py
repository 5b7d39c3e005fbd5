"""Exact resume: a run that is killed and started again is the run that never was."""

from __future__ import annotations

import json
import logging
import os
import resource
import shutil
import signal
from pathlib import Path

import pytest
import tiny_run
import yaml
from interrupted_runs import points, start, stop_after, weights

from tfsocial.errors import InputError
from tfsocial.training import checkpoint_files, devices
from tfsocial.training.callbacks import checkpointing
from tfsocial.training.callbacks.checkpointing import CheckpointCallback, Interrupted
from tfsocial.training.callbacks.guard import Diverged, Guard


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Path:
    """Where the data of all runs here lie: a run knows the path of its vocabulary."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def moods(shelf) -> Path:
    """Written anew for each test, as some change them."""
    return tiny_run.write_moods(shelf / "moods")


@pytest.fixture(scope="module")
def power_cut(shelf) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        stop_after(7, patch)
        with pytest.raises(Interrupted, match="power cut"):
            start(tiny_run.write_moods(shelf / "moods"), shelf / "run")
    return shelf / "run"


@pytest.fixture
def cut_off(power_cut, tmp_path) -> Path:
    """A run of 12 steps whose power went after step 7; its checkpoints are of steps 3 and 6."""
    return shutil.copytree(power_cut, tmp_path / "run")


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


def test_harmed_checkpoints_are_passed_over(moods, undisturbed, tmp_path, monkeypatch, caplog):
    """The latest one without harm is taken, and the end is the same."""
    every = ("training.checkpoint_every=1", "training.checkpoints_kept=6")
    with monkeypatch.context() as patch:
        stop_after(10, patch)
        with pytest.raises(Interrupted):
            start(moods, tmp_path / "run", *every)
    for step, harm in zip(range(10, 5, -1), HARMS, strict=True):
        harm(tmp_path / "run" / "checkpoints" / f"{step:08}")
    with caplog.at_level(logging.INFO):
        start(moods, tmp_path / "run", *every)
    assert "going on from step 5" in caplog.text
    assert points(tmp_path / "run") == points(undisturbed)


def without_manifest(checkpoint: Path) -> None:
    (checkpoint / "manifest.json").unlink()


def half_a_manifest(checkpoint: Path) -> None:
    text = (checkpoint / "manifest.json").read_text()
    (checkpoint / "manifest.json").write_text(text[: len(text) // 2])


def broken_best(checkpoint: Path) -> None:
    best = checkpoint / "best.safetensors"
    best.write_bytes(b"\x55" * best.stat().st_size)


def short_file(checkpoint: Path) -> None:
    state = checkpoint / "state.data-00000-of-00001"
    os.truncate(state, state.stat().st_size // 2)


def broken_bytes(checkpoint: Path) -> None:
    state = checkpoint / "state.data-00000-of-00001"
    content = bytearray(state.read_bytes())
    start, end = len(content) // 4, len(content) // 2
    content[start:end] = b"\x55" * (end - start)
    state.write_bytes(content)


# A checkpoint that was taken in spite of its harm would be seen: the run went on from its step.
HARMS = (without_manifest, short_file, broken_bytes, broken_best, half_a_manifest)


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


def test_checkpoints_on_another_filesystem_survive_a_lost_disk(
    moods, tmp_path, undisturbed, monkeypatch
):
    """ram:// stands in for gs://: the same interface, another filesystem than the disk.

    The checkpoints lie there: another workdir goes on with the same config. The last step of an
    epoch was kept, the power went before dev was scored: one score, not none or two.
    """
    kept = f"ram://{tmp_path.name}/kept"
    elsewhere = (f"training.checkpoints={kept}", "training.checkpoint_every=4")
    with monkeypatch.context() as patch:
        stop_after(8, patch)
        with pytest.raises(Interrupted):
            start(moods, tmp_path / "lost", *elsewhere)
    assert [one.step for one in checkpoint_files.find(kept)] == [8, 4]
    assert [row["step"] for row in points(tmp_path / "lost") if "dev/monitored" in row] == [4]
    start(moods, tmp_path / "new", *elsewhere)
    assert weights(tmp_path / "new") == weights(undisturbed)
    assert [*points(tmp_path / "lost"), *points(tmp_path / "new")] == points(undisturbed)
    assert not (tmp_path / "lost" / "checkpoints").exists()
    assert not (tmp_path / "new" / "checkpoints").exists()


def test_workers_beside_the_chief_write_no_checkpoints(moods, tmp_path, monkeypatch):
    """All read where the chief writes, on gs:// too; two writers would spoil each other's."""
    monkeypatch.setattr(devices, "is_chief", lambda strategy: False)
    start(moods, tmp_path / "run", f"training.checkpoints={tmp_path}/kept")
    assert not (tmp_path / "kept").exists()
    assert not list((tmp_path / "run").iterdir())


def test_signals_are_given_back_when_an_error_ends_the_run(moods, tmp_path, monkeypatch):
    """A notebook goes on after it, and its Ctrl-C has to be its own."""

    def broken(self, batch, logs=None):
        raise Diverged("at once")

    monkeypatch.setattr(Guard, "on_train_batch_end", broken)
    before = [signal.getsignal(number) for number in checkpointing.SIGNALS]
    with pytest.raises(Diverged, match="at once"):
        tiny_run.train(tiny_run.settings(moods), tmp_path / "run")
    assert [signal.getsignal(number) for number in checkpointing.SIGNALS] == before
