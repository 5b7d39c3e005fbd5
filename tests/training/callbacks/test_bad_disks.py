"""Checkpoints on filesystems that fail or fill up: the run goes on, no whole one is lost."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.config import Config
from tfsocial.training import checkpoint_files
from tfsocial.training.callbacks.checkpointing import CheckpointCallback, Unreachable

FUNCTIONS = ("makedirs", "stat", "listdir", "remove", "rmtree", "exists")


class MockDisk:
    """A mock of a remote filesystem: TensorFlow's file functions, of which one call fails.

    A write that fails has written the first half of its bytes.

    Args:
        fails: gives for the number of a call, from 1, whether it fails.
    """

    def __init__(self, patch: pytest.MonkeyPatch, fails: Callable[[int], bool]):
        self.calls, self.fails = 0, fails
        for name in FUNCTIONS:
            patch.setattr(tf.io.gfile, name, self._failing(getattr(tf.io.gfile, name)))
        patch.setattr(tf.io.gfile, "GFile", self._file(tf.io.gfile.GFile))
        patch.setattr(tf.train.Checkpoint, "write", self._state(tf.train.Checkpoint.write))

    def call(self) -> None:
        self.calls += 1
        if self.fails(self.calls):
            raise tf.errors.UnavailableError(None, None, "the mock is away")

    def _failing(self, ordinary):
        def function(*arguments):
            self.call()
            return ordinary(*arguments)

        return function

    def _file(self, ordinary):
        disk = self

        class File(ordinary):
            def write(self, content):
                try:
                    disk.call()
                except tf.errors.OpError:
                    super().write(content[: len(content) // 2])
                    raise
                super().write(content)

        return File

    def _state(self, ordinary):
        def write(checkpoint, path):
            ordinary(checkpoint, path)
            try:
                self.call()
            except tf.errors.OpError:
                data = f"{path}.data-00000-of-00001"
                os.truncate(data, os.path.getsize(data) // 2)
                raise

        return write


@pytest.fixture
def run(social_model, batch, endless) -> Callable:
    """A model that has taken so many steps."""

    def make(steps: int = 0):
        model = social_model()
        if steps:
            model.fit(endless(batch), steps_per_epoch=steps, verbose=0)
        return model

    return make


def keeper_of(model, folder: Path, keep: int = 2) -> CheckpointCallback:
    return CheckpointCallback(model, str(folder), Config(), "data", {}, None, every=1, keep=keep)


@contextlib.contextmanager
def failing(number: int, lasting: bool) -> Iterator[MockDisk]:
    """Inside the call of this number fails, and if it lasts all after it."""
    with pytest.MonkeyPatch.context() as patch:
        yield MockDisk(patch, lambda call: call >= number if lasting else call == number)


def weights(model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.text_model.variables]


def assert_sound(model, other, folder: Path) -> int:
    """Whatever is found can be taken up; its step, at which it has the weights `model` has now."""
    taken = keeper_of(other, folder).restore_latest()
    if taken.step == int(model.optimizer.iterations):
        for one, two in zip(weights(model), weights(other), strict=True):
            np.testing.assert_array_equal(one, two)
    return taken.step


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_whichever_call_fails_a_whole_checkpoint_is_left(run, batch, endless, tmp_path, lasting):
    """Saving step 4 beside one of step 2: every call of it is tried, `save` never raises."""
    model, other, dataset, found = run(2), run(), endless(batch), set()
    for number in itertools.count(1):
        folder = tmp_path / str(number)
        keeper = keeper_of(model, folder)
        keeper.save()
        before = int(model.optimizer.iterations)
        model.fit(dataset, steps_per_epoch=1, verbose=0)
        with failing(number, lasting) as disk:
            keeper.save()
        found.add(assert_sound(model, other, folder) - before)
        if disk.calls < number:
            break
    assert found == {0, 1}, "failures before the manifest and after it were tried"
    assert number > 8


def disk_fails(keeper: CheckpointCallback) -> bool:
    """Whether the start is refused; if not, it finds what there is."""
    try:
        taken = keeper.restore_latest()
    except Unreachable as error:
        return "the mock is away" in str(error) and "try the same command again" in str(error)
    assert taken.step == 2
    return False


def test_a_disk_that_is_away_at_the_start_is_not_an_empty_one(run, tmp_path):
    """Each call of looking for checkpoints: the run stops with a sentence, or finds them."""
    model = run(2)
    keeper_of(model, tmp_path).save()
    keeper, stopped = keeper_of(model, tmp_path), 0
    for number in itertools.count(1):
        with failing(number, lasting=True) as disk:
            if disk_fails(keeper):
                stopped += 1
        if disk.calls < number:
            break
    assert stopped >= 3


def test_nothing_is_pruned_by_a_disk_that_does_not_answer(run, tmp_path, caplog):
    """A manifest that cannot be read is not one that is missing."""
    model = run(2)
    keeper = keeper_of(model, tmp_path)
    keeper.save()
    with failing(2, lasting=True), caplog.at_level(logging.WARNING):
        checkpoint_files.prune(keeper.folder, 0)
    assert "older checkpoints" in caplog.text
    assert [one.step for one in checkpoint_files.find(str(tmp_path))] == [2]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A filesystem of 512 kB, where tests may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"no filesystem may be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full(run, small_disk, batch, endless, caplog):
    """Checkpoints until none fits: each that does not says so, the last whole one stays; when
    there is room again the next one is written.
    """
    model, other, dataset = run(1), run(), endless(batch)
    keeper, written = keeper_of(model, small_disk, keep=100), []
    with caplog.at_level(logging.WARNING):
        while "no checkpoint of step" not in caplog.text:
            keeper.save()
            written = [one.step for one in checkpoint_files.find(str(small_disk))]
            model.fit(dataset, steps_per_epoch=1, verbose=0)
            assert len(written) < 20
    assert written, "one at least fits"
    assert sorted(path.name for path in small_disk.iterdir()) == [
        f"{step:08d}" for step in sorted(written)
    ]
    assert assert_sound(model, other, small_disk) == written[0]
    checkpoint_files.prune(keeper.folder, 1)
    keeper.save()
    assert assert_sound(model, other, small_disk) == int(model.optimizer.iterations)
