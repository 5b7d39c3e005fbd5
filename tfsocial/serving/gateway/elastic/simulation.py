"""A SIMULATION of gateways that are scaled while requests arrive; nothing here asks a model.

Each gateway is a line and one process whose time for a batch comes from a measured curve; requests
go to the gateways in turn; every `PERIOD` seconds a rule chooses how many there should be. A
gateway that is asked for takes requests after a start-up time; one that goes takes no more,
answers what it has, and is paid for until then. What is left out: the network, the proxy before the
gateways, failures, neighbours on the same machine, and one tenant holding up another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tfsocial.serving.gateway.elastic import hpa
from tfsocial.serving.gateway.elastic.hpa import Autoscaler, Behavior
from tfsocial.serving.gateway.elastic.replica import (
    Curve,
    Limits,
    Outcomes,
    Replica,
    seconds_by_tokens,
)
from tfsocial.serving.gateway.elastic.traces import Arrivals

HOUR = 3600.0
Metric = Literal["waiting_tokens", "busy_tokens", "tokens", "busy_share"]
METRICS: tuple[Metric, ...] = ("waiting_tokens", "busy_tokens", "tokens", "busy_share")


@dataclass(frozen=True)
class Policy:
    """How many gateways there are.

    Attributes:
        targets: of the mean over gateways of what the rule looks at, by metric; of several the one
            that asks for most gateways counts; without any the number stays. waiting_tokens,
            busy_tokens: in the line and with the model, at each scrape; tokens: both together.
            busy_share: of the time with a batch, which is what the CPU of a gateway with one
            process shows.
        begin: gateways at the beginning.
    """

    targets: Mapping[Metric, float] = field(default_factory=dict)
    behavior: Behavior = field(default_factory=Behavior)
    begin: int = 1


@dataclass(frozen=True)
class Fleet:
    """What all gateways have.

    Attributes:
        startup: seconds from asking for a gateway until it takes requests: the image, the
            model's load, its warm-up.
        drain: seconds that a gateway stays after it was told to go, at the least.
        scrape: seconds between two looks of the one who gathers metrics.
        window: seconds over which a metric is averaged; a multiple of `scrape`.
        cores: of each gateway.
    """

    limits: Limits = field(default_factory=Limits)
    startup: float = 30.0
    drain: float = 15.0
    scrape: float = 5.0
    window: float = 30.0
    cores: float = 1.0


@dataclass(frozen=True)
class Result:
    """What a simulation came to; every number is simulated.

    Attributes:
        replicas: (seconds, gateways that take requests, gateways that are paid for) at each
            decision.
        wait: seconds in the line, at the percentiles 50, 95 and 99.
        answer: seconds from arrival to answer, at the same percentiles.
        requests: that arrived.
        refused, late: shares of them: told so at once; not answered in time.
        texts: answered.
        replica_hours: from asking for a gateway to its end.
    """

    replicas: tuple[tuple[float, int, int], ...]
    wait: tuple[float, float, float]
    answer: tuple[float, float, float]
    requests: int
    refused: float
    late: float
    texts: int
    replica_hours: float
    cores: float = 1.0

    def cost(self, price: float) -> float:
        """Give the cost of all gateways at a price of a core for an hour."""
        return self.replica_hours * self.cores * price

    def cost_of_a_million(self, price: float) -> float:
        """Give the cost of a million answered texts; infinite where none was answered."""
        return 1e6 * self.cost(price) / self.texts if self.texts else float("inf")


def simulate(
    arrivals: Arrivals, curve: Curve, policy: Policy, fleet: Fleet | None = None
) -> Result:
    """Simulate a trace from its beginning to the last answer.

    Args:
        curve: (tokens of a batch, seconds) of one process, by tokens.

    Returns:
        what it came to; the same arguments give the same result.
    """
    fleet = fleet or Fleet()
    # A request above a batch's tokens is cut; its parts follow each other, so one batch does.
    most = max(fleet.limits.batch_tokens, int(arrivals.tokens.max(initial=0)))
    run = _Run(fleet, policy, seconds_by_tokens(curve, most))
    return run(arrivals)


@dataclass
class _Gateway:
    """A replica with what was seen of it within the window, by metric."""

    replica: Replica
    seen: Mapping[Metric, deque[float]]
    busy_before: float = 0.0

    def scrape(self, now: float, seconds: float) -> None:
        """Look at it, so many seconds after the last time."""
        self.replica.run(now)
        waiting, busy = self.replica.waiting_tokens, self.replica.busy_tokens
        until = self.replica.busy_until(now)
        share = (until - self.busy_before) / seconds
        for name, value in zip(METRICS, (waiting, busy, waiting + busy, share), strict=True):
            self.seen[name].append(value)
        self.busy_before = until


@dataclass
class _Run:
    fleet: Fleet
    policy: Policy
    seconds: Sequence[float]
    outcomes: Outcomes = field(default_factory=Outcomes)
    gateways: list[_Gateway] = field(default_factory=list)
    hours: float = 0.0
    turn: int = 0

    def __call__(self, arrivals: Arrivals) -> Result:
        for _ in range(self.policy.begin):
            self._add(0.0, startup=0.0)
        scaler, replicas = self._scaler(), []
        scrape, every = self.fleet.scrape, round(hpa.PERIOD / self.fleet.scrape)
        ticks = np.arange(scrape, arrivals.seconds + scrape, scrape)
        places = np.searchsorted(arrivals.times, ticks).tolist()
        for step, (now, begin, end) in enumerate(zip(ticks.tolist(), [0, *places], places)):  # noqa: B905
            self._requests(arrivals, begin, end, now - scrape)
            for gateway in self.gateways:
                gateway.scrape(now, scrape)
            if step % every == every - 1:
                self._scale(now, scaler)
                replicas.append((now, len(self._ready(now)), len(self.gateways)))
        while self.gateways:
            self._remove(arrivals.seconds, drain=0.0)
        return self._result(arrivals, tuple(replicas))

    def _requests(self, arrivals: Arrivals, begin: int, end: int, since: float) -> None:
        """Give requests to the gateways in turn; who gets ready meanwhile joins the next time."""
        ready = self._ready(since)
        if not ready:
            self.outcomes.refused += end - begin
            return
        times, tokens, texts = (
            values[begin:end].tolist()
            for values in (arrivals.times, arrivals.tokens, arrivals.texts)
        )
        for place, time in enumerate(times):
            self.turn += 1
            ready[self.turn % len(ready)].replica.take(time, tokens[place], texts[place])

    def _scaler(self) -> Callable[[float], int]:
        """Give what decides at a time; a gateway that is not ready yet has no metric."""
        policy = self.policy
        if not policy.targets:
            return lambda now: policy.begin
        scaler = Autoscaler(list(policy.targets.values()), policy.behavior)

        def decide(now: float) -> int:
            ready, count = self._ready(now), len(self.gateways)
            metrics = [[_mean(one.seen[name]) for one in ready] for name in policy.targets]
            return scaler(now, metrics, count, missing=count - len(ready))

        return decide

    def _scale(self, now: float, scaler: Callable[[float], int]) -> None:
        wanted = scaler(now)
        while len(self.gateways) < wanted:
            self._add(now, self.fleet.startup)
        while len(self.gateways) > wanted:
            self._remove(now, self.fleet.drain)

    def _add(self, now: float, startup: float) -> None:
        fleet = self.fleet
        replica = Replica(self.seconds, fleet.limits, self.outcomes, now, now + startup)
        kept = max(1, round(fleet.window / fleet.scrape))
        seen = {name: deque[float](maxlen=kept) for name in METRICS}
        self.gateways.append(_Gateway(replica, seen))

    def _remove(self, now: float, drain: float) -> None:
        """Let the youngest go: one that is not ready yet, if there is any."""
        gone = self.gateways.pop().replica
        ends = now if gone.ready_at > now else max(now + drain, gone.drain())
        self.hours += (ends - gone.began) / HOUR

    def _ready(self, now: float) -> list[_Gateway]:
        return [one for one in self.gateways if one.replica.ready_at <= now]

    def _result(self, arrivals: Arrivals, replicas: tuple[tuple[float, int, int], ...]) -> Result:
        found, count = self.outcomes, max(1, len(arrivals.times))
        return Result(
            replicas,
            _percentiles(found.waits),
            _percentiles(found.answers),
            len(arrivals.times),
            found.refused / count,
            found.late / count,
            found.texts,
            self.hours,
            self.fleet.cores,
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = np.percentile(seconds or [0.0], [50, 95, 99])
    return float(low), float(middle), float(high)
