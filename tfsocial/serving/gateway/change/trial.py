"""A new version beside the one that answers, compared on real texts until enough is known.

As a shadow it answers nobody: texts that the current version has answered are put to it too. As a
canary it answers a share of the callers, the same ones each time, and the current version is put
their texts besides. Either way the same texts are compared: whether both say the same, whether the
new one fails, and whether it is slower. It is promoted or taken back by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.serving.gateway.change.sequential import SequentialTest
from tfsocial.serving.gateway.load.batcher import Batcher
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.predictor import Predictions

Mode = Literal["switch", "shadow", "canary"]
AT_ONCE = 1  # comparison: two would wait for each other; other texts are not compared meanwhile
LAST = 9  # priority of a comparison's texts: nobody waits for them
SECONDS = 30.0  # for a comparison
UNFELT = 0.01  # seconds that a call may take longer, whatever that is in times


@dataclass(frozen=True)
class Bounds:
    """What a new version has to be.

    Attributes:
        agreement: share of texts that get the same answer; 5 points less is too few.
        failures: share of calls that fail; ten times as many are too many.
        slower: times as long as the current version, beyond which a call counts as slow if it is
            10 ms as well; a fifth of slow calls is well, a half is too many.
        seconds: after which a version that is not known to be good is taken back.
    """

    agreement: float = 0.97
    failures: float = 0.002
    slower: float = 1.5
    seconds: float = 86400.0

    def tests(self) -> dict[str, SequentialTest]:
        """Make the tests: what is asked -> test on the share of observations that are well."""
        return {
            "agreement": SequentialTest(self.agreement, self.agreement - 0.05),
            "success": SequentialTest(1 - self.failures, 1 - 10 * self.failures),
            "speed": SequentialTest(0.8, 0.5),
        }


@dataclass
class Side:
    """One of both versions, as a trial needs it."""

    manifest: ModelManifest
    batcher: Batcher


@dataclass
class Trial:
    """A trial of a new version.

    Args:
        share: of callers that a canary answers.
        decided: hears once, with the reason why not, or with nothing if it is promoted.
    """

    mode: Mode
    current: Side
    candidate: Side
    share: float
    bounds: Bounds
    decided: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tests = self.bounds.tests()
        self._running: set[asyncio.Task] = set()
        self._over = False

    def takes(self, who: str) -> bool:
        """Tell whether the new version answers somebody: the same each time.

        >>> sides = Side(None, None), Side(None, None)
        >>> trial = Trial("canary", *sides, 0.25, Bounds(), print)
        >>> sum(trial.takes(f"caller {n}") for n in range(4000)) // 100
        9
        """
        place = int.from_bytes(hashlib.sha256(who.encode()).digest()[:4]) / 2**32
        return self.mode == "canary" and place < self.share

    def compare(
        self,
        texts: Sequence[tuple[str, ...]],
        tokens: Sequence[int],
        by_candidate: bool,
        found: Predictions,
        seconds: float,
    ) -> None:
        """Put texts that one version has answered to the other, in the background."""
        if self._over or len(self._running) >= AT_ONCE:
            return
        other = self.current if by_candidate else self.candidate
        task = asyncio.create_task(
            self._compared(other, texts, tokens, by_candidate, found, seconds)
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def failed(self) -> None:
        """Hear that the new version failed a caller, whom the current one answered then."""
        self._see("success", [False])

    async def end(self) -> None:
        """Compare no more."""
        self._over = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _compared(
        self,
        other: Side,
        texts: Sequence[tuple[str, ...]],
        tokens: Sequence[int],
        by_candidate: bool,
        found: Predictions,
        seconds: float,
    ) -> None:
        began = time.monotonic()
        try:
            answer = await other.batcher(texts, tokens, "trial", SECONDS, LAST)
        except Problem as problem:
            # A full line says nothing of the version.
            if not by_candidate and problem.kind in ("backend", "deadline"):
                self.failed()
            return
        took = time.monotonic() - began
        mine, theirs = (seconds, took) if by_candidate else (took, seconds)
        self._see("success", [True])
        self._see("speed", [mine <= max(self.bounds.slower * theirs, theirs + UNFELT)])
        pair = (answer, found) if by_candidate else (found, answer)
        self._see("agreement", same(self.current.manifest, self.candidate.manifest, *pair))

    def _see(self, test: str, values: Sequence[bool]) -> None:
        for value in values:
            self.tests[test].see(bool(value))
        if not self._over:
            self._decide()

    def _decide(self) -> None:
        verdicts = {name: test.verdict for name, test in self.tests.items()}
        bad = [name for name, verdict in verdicts.items() if verdict == "bad"]
        late = time.monotonic() - self.began > self.bounds.seconds
        if bad:
            test = self.tests[bad[0]]
            self._end(f"{bad[0]} is {test.share:.1%} after {test.seen}")
        elif all(verdict == "good" for verdict in verdicts.values()):
            self._end("")
        elif late:
            self._end(f"nothing was known for sure after {self.bounds.seconds:g} s")

    def _end(self, reason: str) -> None:
        self._over = True
        self.decided(reason)


def same(
    one: ModelManifest, other: ModelManifest, found: Predictions, answer: Predictions
) -> list[bool]:
    """Tell of each text whether two versions say the same of it, in all tasks that both have.

    Labels go by name: a new version may have others, or have them in another order.
    """
    count = len(found.embedding)
    alike = np.ones(count, bool)
    for task in one.tasks.keys() & other.tasks.keys():
        mine = decisions(one, task, found.tasks[task])
        theirs = decisions(other, task, answer.tasks[task])
        alike &= np.array([a == b for a, b in zip(mine, theirs, strict=True)], bool)
    return alike.tolist()


def decisions(manifest: ModelManifest, task: str, values: np.ndarray) -> list[object]:
    """Name what a task decides for each text: a label, several, or a rounded value."""
    spec = manifest.tasks[task]
    names: Mapping[int, str] = dict(enumerate(spec.labels))
    if spec.kind == "regress":
        return np.round(values[:, 0], 1).tolist()
    if spec.kind == "classify":
        return [names[int(place)] for place in values.argmax(1)]
    reached = values >= manifest.decision_thresholds(task)
    return [frozenset(names[int(place)] for place in np.flatnonzero(row)) for row in reached]
