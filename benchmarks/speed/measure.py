"""What every speed script shares: its flags, its clock and the one JSON line it prints.

Only the standard library is used, so every peer's environment can import this module.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from importlib import metadata


def flags(
    description: str, batch_size: int, precisions: tuple[str, ...]
) -> argparse.ArgumentParser:
    """The flags all scripts understand; a script adds its own to the parser it gets."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--data", required=True, help="CSV file with the columns text and label")
    parser.add_argument("--checkpoint", required=True, help="directory of all-MiniLM-L6-v2")
    parser.add_argument("--steps", type=positive, default=32, help="timed batches")
    parser.add_argument("--warmup", type=positive, default=5, help="batches before the clock runs")
    parser.add_argument("--batch_size", type=positive, default=batch_size)
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--precision", choices=precisions, default=precisions[0])
    return parser


def positive(text: str) -> int:
    """An integer of at least one, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected an integer of at least 1, got {number}")
    return number


def hold_to_threads(threads: int) -> None:
    """Gives the process ``threads`` cores and no more. Call it before importing a framework.

    The environment variables are read by OpenMP, MKL and XLA when they start. Pinning the process
    (Linux only) holds the thread pools that read none of them.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
        os.environ[variable] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


@dataclass
class StepClock:
    """Runs from the end of the last warm-up step to the end of the last timed step.

    >>> clock = StepClock(warmup=1, steps=2)
    >>> for _ in range(3):
    ...     clock.step_ended()
    >>> clock.seconds > 0
    True
    """

    warmup: int
    steps: int
    ended: int = 0
    started_at: float = 0.0
    stopped_at: float = 0.0

    def step_ended(self) -> None:
        """To be called once after every step, when its result is really there."""
        self.ended += 1
        if self.ended == self.warmup:
            self.started_at = time.perf_counter()
        if self.ended == self.warmup + self.steps:
            self.stopped_at = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds the timed steps took.

        Raises:
            RuntimeError: when another number of steps ran than was announced.
        """
        if self.ended != self.warmup + self.steps:
            raise RuntimeError(f"{self.ended} steps ran, not {self.warmup} + {self.steps}")
        return self.stopped_at - self.started_at


def versions(*packages: str) -> dict[str, str]:
    """The installed version of each package, and Python's."""
    found = {package: metadata.version(package) for package in packages}
    return {"python": sys.version.split()[0], **found}


def report(
    *,
    peer: str,
    setting: str,
    threads: int,
    examples: int,
    real_tokens: int,
    seconds: float,
    packages: tuple[str, ...],
) -> None:
    """Prints the one JSON line a script leaves on stdout.

    Args:
        peer: who ran, e.g. ``hf_trainer``.
        setting: how it ran, in words a reader can repeat.
        threads: CPU threads it was held to.
        examples: examples inside the timed part.
        real_tokens: tokens of those examples, [CLS] and [SEP] in, padding out.
        seconds: wall time of the timed part.
        packages: distributions whose versions belong beside the number.
    """
    line = {
        "peer": peer,
        "setting": setting,
        "examples_per_second": round(examples / seconds, 3),
        "examples": examples,
        "seconds": round(seconds, 4),
        "tokens_real_per_second": round(real_tokens / seconds, 1),
        "versions": versions(*packages),
        "threads": threads,
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    print(json.dumps(line), flush=True)
