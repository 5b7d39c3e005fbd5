"""How a topic's counts behave in quiet times, found out in a process of its own.

That takes seconds of a core for each topic, so the process has a lower priority: labels and pages
hardly wait for it, and it has a quarter of a core where all are busy.
`python -m tfsocial.apps.monitor.fits` reads a `Quiet` from its standard input and writes what is
found, both pickled.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tfsocial.apps.monitor.detection.fitting import fit
from tfsocial.apps.monitor.detection.settings import Settings
from tfsocial.apps.monitor.detection.thresholds import threshold
from tfsocial.apps.monitor.incidents import A_DAY

NICE = 5  # lower than the server's own priority


@dataclass(frozen=True)
class Quiet:
    """What a fit is made from.

    Attributes:
        negative, total: int [bins]; counts of a topic.
        hours: int [bins]; of the day.
        per_week: how often the score may be exceeded.
        leak: texts wrongly labelled negative for each that is labelled otherwise: with many of
            those a flood of harmless texts looks like a surge.
    """

    negative: np.ndarray
    total: np.ndarray
    hours: np.ndarray
    per_week: float
    leak: float


Fits = Callable[[Quiet], tuple[Settings, float]]


def fitted(quiet: Quiet) -> tuple[Settings, float]:
    """Find out how counts behave in quiet times, and the score that is exceeded then."""
    # The last day is left out where there are others: a surge must not make itself usual.
    last = A_DAY if len(quiet.hours) >= (Settings().least + 1) * A_DAY else 0
    known = slice(0, len(quiet.hours) - last)
    counts = quiet.negative[known], quiet.total[known], quiet.hours[known]
    settings = fit(*counts, Settings(leak=quiet.leak))
    # In a calm topic chance exceeds hardly anything; still a surge has to be the likelier one.
    return settings, max(0.0, float(threshold(*counts, quiet.per_week, settings)))


class FitsAside:
    """`fitted`, one topic after the other, each in a process that ends with it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def __call__(self, quiet: Quiet) -> tuple[Settings, float]:
        """Fit a topic.

        Raises:
            OSError: the process could not be had, or failed.
        """
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "tfsocial.apps.monitor.fits"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if self._stopped:
            process.terminate()
        said, complained = process.communicate(pickle.dumps(quiet))
        if process.returncode:
            reason = (complained.decode().splitlines() or [""])[-1]
            raise OSError(f"a fit ended with {process.returncode}: {reason}")
        found: tuple[Settings, float] = pickle.loads(said)
        return found

    def stop(self) -> None:
        """End the one that is on its way; no other one begins."""
        self._stopped = True
        if self._process is not None:
            self._process.terminate()


def main() -> None:
    """Fit what the standard input has."""
    os.nice(NICE)
    sys.stdout.buffer.write(pickle.dumps(fitted(pickle.load(sys.stdin.buffer))))


if __name__ == "__main__":
    from tfsocial.apps.monitor import fits  # under its own name, for what is pickled

    fits.main()
