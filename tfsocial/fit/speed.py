"""How long a training takes, and how much of one fits into some seconds."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfsocial.fit.candidates import PLAIN, Candidate
from tfsocial.fit.table_folder import Part
from tfsocial.fit.trainings import STEPS, Trainings

log = logging.getLogger(__name__)

TRIED_STEPS, LOG_EVERY = 30, 10
SMALL = 1000  # rows of train up to which nothing is measured: all of it takes a minute or two
SLOWEST = 1.5  # times as long as L: a term that reads texts twice, or compares all with all


@dataclass(frozen=True)
class Speed:
    """What this machine does.

    Attributes:
        examples: that L learns from in a second; None where nothing was measured.
        per_step: examples in a step.
        start: seconds that a training takes besides.
    """

    examples: float | None = None
    per_step: float = 1.0
    start: float = 0.0

    def settings(self, candidate: Candidate, part: Part, seconds: float) -> dict[str, Any]:
        """Say how a candidate is trained so that it takes no more than some seconds.

        Its schedule is that of the steps there is time for.
        """
        if self.examples is None or not candidate.moves:
            return {}
        examples = max(0.0, seconds - self.start) * self.examples / SLOWEST
        if examples >= candidate.epochs * part.rows:
            return {}
        steps = max(1, int(examples / self.per_step))
        log.info("%s: %d steps, which is what there is time for", candidate.name, steps)
        return {STEPS: steps}


def measure(trainings: Trainings, candidates: Mapping[str, Candidate], part: Part) -> Speed:
    """Take a few steps of L, where train is so large that not all may fit."""
    if part.rows <= SMALL:
        return Speed()
    steps = {STEPS: TRIED_STEPS, "training.log_every": LOG_EVERY}
    tried = trainings.train(candidates[PLAIN], part, settings=steps, name="speed")
    if tried.why:
        return Speed()
    lines = (tried.workdir / "metrics.jsonl").read_text("utf-8").splitlines()
    points = [point for point in map(json.loads, lines) if "train/examples_per_second" in point]
    fastest = max(points, key=lambda point: point["train/examples_per_second"])
    rate = fastest["train/examples_per_second"]
    tokens = fastest["train/tokens_per_second"] / rate  # of an example
    data = trainings.table.config(candidates[PLAIN], part, 0, {}).data
    per_step = data.rows * min(data.slots, data.row_length / tokens)
    return Speed(rate, per_step, tried.seconds)
