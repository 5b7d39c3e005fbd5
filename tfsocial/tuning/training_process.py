"""Training in a process of its own, looked at while it goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tfsocial.metrics.scorer import MONITORED
from tfsocial.metrics.scores import mean_over_tasks

LOOK_EVERY = 0.3  # seconds
COMMAND = (sys.executable, "-m", "tfsocial.tuning.child", "train")


@contextlib.contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the work inside as Ctrl-C does: trainings keep where they are."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Curve(NamedTuple):
    """What dev has said so far.

    Attributes:
        scores: of each epoch.
        steps: that were taken up to the last point of any curve.
    """

    scores: Sequence[float]
    steps: int


class TrainingError(RuntimeError):
    """A training left no model; the message is its own last sentence."""


def _every_epoch_is_welcome(curve: Curve) -> bool:
    return True


def _nobody_minds() -> None:
    pass


def train(
    config: Path,
    workdir: Path,
    device: str,
    look: Callable[[Curve], bool] = _every_epoch_is_welcome,
    check: Callable[[], None] = _nobody_minds,
    cores: Collection[int] = (),
) -> bool:
    """Train a config into a folder, or go on there; ends with its report.

    Args:
        look: gets the curve whenever an epoch was scored; False ends the training there.
        check: is called again and again; what it raises ends the training.
        cores: that the process may use; none: all that this one may.

    Returns:
        Whether it came to its end.

    Raises:
        TrainingError: it was refused or failed.
        Whatever `look` and `check` raise; the process is gone then.
    """
    log = workdir.with_name(f"{workdir.name}.log")
    said_before = log.stat().st_size if log.is_file() else 0
    arguments = [f"--config={config}", f"--workdir={workdir}", f"--device={device}"]
    with log.open("ab") as words:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.PIPE,
            stdout=words,
            stderr=words,
            start_new_session=True,  # Ctrl-C is this process's, which asks that one to stop, once
        )
        try:
            if cores:
                os.sched_setaffinity(process.pid, cores)  # long before it counts them
            if not _watched(process, workdir, look, check):
                return False
        except Exception:  # what `look` and `check` raise: the folder may be another's by now
            process.kill()
            raise
        except BaseException:  # asked to stop it keeps a checkpoint of now
            process.terminate()
            raise
        finally:
            _end(process)
    if process.returncode:
        raise TrainingError(_last_sentence(log, said_before, process.returncode))
    return True


def _watched(
    process: subprocess.Popen,
    workdir: Path,
    look: Callable[[Curve], bool],
    check: Callable[[], None],
) -> bool:
    seen = 0
    while True:
        check()
        running = process.poll() is None
        curve = read_curve(workdir)
        if len(curve.scores) > seen:
            seen = len(curve.scores)
            if not look(curve) and running:
                process.kill()
                return False
        if not running:
            return True
        time.sleep(LOOK_EVERY)


def _end(process: subprocess.Popen) -> None:
    """Wait a little for a process that was asked to end, then end it."""
    try:
        process.wait(timeout=20 if process.poll() is None else None)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()


def read_curve(workdir: Path) -> Curve:
    """Read what a run has said of dev; of one that goes on, as far as it has written."""
    try:
        text = (workdir / "metrics.jsonl").read_text("utf-8")
    except FileNotFoundError:
        return Curve([], 0)
    points = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    scores = [point[MONITORED] for point in points if MONITORED in point]
    return Curve(scores, points[-1]["step"] if points else 0)


def final_score(workdir: Path, monitor: str) -> float:
    """Score a finished run on dev: its saved model, by the metric that picked its weights."""
    report = json.loads((workdir / "report.json").read_text("utf-8"))["dev"]
    score = mean_over_tasks(report, monitor)
    return float(max(read_curve(workdir).scores)) if score is None else score


def _last_sentence(log: Path, said_before: int, code: int) -> str:
    """Give what a training said last; bytes of the log that earlier ones said are not its own."""
    words = log.read_bytes()[said_before:].decode("utf-8", errors="replace")
    lines = words.strip().splitlines()
    said = [line for line in lines if line.startswith("error: ")]
    if said:
        return said[-1].removeprefix("error: ")
    reason = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"ended by {reason}: {lines[-1] if lines else 'it said nothing'}; see {log}"
