"""The simulation: small traces worked by hand, a queue with a known formula, the real batcher."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest
from letters import Letters

from tfsocial.errors import InputError
from tfsocial.serving.gateway.elastic import traces
from tfsocial.serving.gateway.elastic.hpa import Behavior
from tfsocial.serving.gateway.elastic.replica import Limits, Outcomes, Replica, seconds_by_tokens
from tfsocial.serving.gateway.elastic.simulation import Fleet, Policy, simulate
from tfsocial.serving.gateway.elastic.traces import Arrivals, Shape, bursty
from tfsocial.serving.gateway.load import batcher
from tfsocial.serving.gateway.load.batcher import Batcher
from tfsocial.serving.gateway.problems import Problem

A_SECOND = [(1, 1.0), (10, 1.0)]  # whatever the batch
SIMPLE = Fleet(Limits(10, 100, 60.0), startup=20.0, drain=0.0, window=5.0)


def trace(times: list[float], tokens: int = 1, seconds: float = 60.0) -> Arrivals:
    count = len(times)
    return Arrivals(np.array(times), np.full(count, tokens), np.ones(count, np.int64), seconds)


# --- one gateway -----------------------------------------------------------------------------


def test_what_waits_meanwhile_is_one_batch():
    """At 0 the first begins and ends at 1; the two that came meanwhile are the next batch."""
    found = Outcomes()
    one = Replica(seconds_by_tokens(A_SECOND, 10), SIMPLE.limits, found, 0.0, 0.0)
    for time in (0.0, 0.25, 0.5):
        one.take(time, 1, 1)
    assert (one.waiting_tokens, one.busy_tokens) == (2, 1)
    assert one.drain() == 2.0
    assert found.waits == [0.0, 0.75, 0.5]
    assert found.answers == [1.0, 1.75, 1.5]
    assert one.busy_seconds == 2.0


def test_a_batch_has_as_many_tokens_as_are_allowed():
    found = Outcomes()
    one = Replica(seconds_by_tokens(A_SECOND, 10), SIMPLE.limits, found, 0.0, 0.0)
    for time in (0.0, 0.1, 0.2, 0.3):
        one.take(time, 4, 1)
    assert one.drain() == 3.0  # 1, then 2 of 4 tokens each, then the last
    assert found.answers == pytest.approx([1.0, 1.9, 1.8, 2.7])


def test_what_does_not_fit_or_would_take_too_long_is_refused():
    found = Outcomes()
    limits = Limits(batch_tokens=1, queue_tokens=3, seconds=100.0)
    one = Replica(seconds_by_tokens(A_SECOND, 10), limits, found, 0.0, 0.0)
    for _ in range(6):
        one.take(0.0, 1, 1)
    assert (found.refused, one.waiting_tokens) == (2, 3)
    one.drain()
    slow = Replica(seconds_by_tokens(A_SECOND, 10), Limits(1, 100, 6.0), found, 0.0, 0.0)
    slow.take(0.0, 1, 1)  # after it the pace is known: a token a second
    for _ in range(5):
        slow.take(1.5, 1, 1)
    assert found.refused == 2 + 2  # the fourth may take eight seconds, and six are allowed


def test_whose_caller_has_gone_is_not_computed():
    found = Outcomes()
    one = Replica(seconds_by_tokens(A_SECOND, 10), Limits(1, 100, 1.5), found, 0.0, 0.0)
    for _ in range(4):
        one.take(0.0, 1, 1)  # the pace is not known yet, so all are taken
    assert one.drain() == 2.0
    assert (len(found.answers), found.late) == (1, 3)  # the second one ends after 2 s


def test_a_curve_goes_on_as_it_ended():
    assert seconds_by_tokens([(10, 0.1), (20, 0.3)], 30)[::10] == pytest.approx(
        [0.1, 0.1, 0.3, 0.5]
    )


# --- several ---------------------------------------------------------------------------------


def test_an_hour_and_what_it_costs():
    """Two gateways for 1,800 s; 360 texts; 0.05 a core-hour and two cores each."""
    fleet = Fleet(SIMPLE.limits, drain=0.0, cores=2.0)
    result = simulate(
        trace(list(np.arange(0, 1800, 5.0)), seconds=1800), A_SECOND, Policy(begin=2), fleet
    )
    assert result.replica_hours == pytest.approx(1.0)
    assert (result.requests, result.texts, result.refused) == (360, 360, 0.0)
    assert result.answer == (1.0, 1.0, 1.0)
    assert result.cost(0.05) == pytest.approx(0.1)
    assert result.cost_of_a_million(0.05) == pytest.approx(0.1 / 360 * 1e6)


def test_one_comes_after_its_start_up_time_and_goes_after_its_answers():
    """At 15 s the line asks for all there may be; they take requests from 35 s on.

    Nothing waits for long after 70 s, so five minutes later they go.
    """
    behavior = Behavior(1, 3)
    policy = Policy({"waiting_tokens": 10}, behavior)
    result = simulate(trace([10.0] * 60, 1, 400.0), [(1, 2.0), (10, 20.0)], policy, SIMPLE)
    seen = {time: (ready, paid) for time, ready, paid in result.replicas}
    assert seen[15.0] == (1, 3)
    assert seen[30.0] == (1, 3)
    assert seen[45.0] == (3, 3)
    # Little enough waits from the third minute on; down is five minutes later.
    last = max(time for time, (_, paid) in seen.items() if paid == 3)
    assert 300 < last < 400
    # Two of them from 15 s on, one from the beginning.
    hours = (2 * (last + 15.0 - 15.0) + 400) / 3600
    assert result.replica_hours == pytest.approx(hours, abs=15 / 3600)


def test_nobody_there_is_a_refusal():
    result = simulate(trace([1.0, 2.0]), A_SECOND, Policy(begin=0), SIMPLE)
    assert result.refused == 1.0
    assert result.cost_of_a_million(1.0) == float("inf")


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_a_queue_whose_wait_is_known(load):
    """Poisson arrivals, one server, equal times: a mean wait of load / 2 (1 - load) service times.

    The formula of Pollaczek and Khinchine for M/D/1.
    """
    random = np.random.default_rng(1)
    times = np.cumsum(random.exponential(1 / load, 40_000))
    found = Outcomes()
    limits = Limits(batch_tokens=1, queue_tokens=10**9, seconds=1e9)
    one = Replica(seconds_by_tokens(A_SECOND, 1), limits, found, 0.0, 0.0)
    for time in times.tolist():
        one.take(time, 1, 1)
    one.drain()
    assert np.mean(found.waits) == pytest.approx(load / (2 * (1 - load)), rel=0.05)


def test_every_request_is_answered_refused_or_late():
    arrivals = bursty(3, 900.0, Shape(rate=20.0, bursts=400.0), [8, 16, 64])
    for policy in (Policy(), Policy({"tokens": 512, "busy_share": 0.6}, Behavior(1, 6))):
        result = simulate(arrivals, [(8, 0.01), (2048, 0.6)], policy)
        others = round((result.refused + result.late) * result.requests)
        assert result.requests == len(arrivals.times)
        assert 0 < result.texts <= arrivals.texts.sum()
        assert result == simulate(arrivals, [(8, 0.01), (2048, 0.6)], policy)
        assert (result.texts == arrivals.texts.sum()) == (others == 0)


# --- beside the real batcher -----------------------------------------------------------------


class _Timed(Letters):
    """Takes the seconds of a curve for a batch's characters."""

    def __init__(self, seconds: list[float]):
        super().__init__()
        self._by_tokens = seconds

    async def __call__(self, texts, seconds):
        self._seconds = self._by_tokens[sum(len(text) for (text,) in texts)]
        return await super().__call__(texts, seconds)


def test_the_real_batcher_does_the_same(monkeypatch):
    """A second of too many requests, on a clock that goes three times slower than the trace's."""
    slower, limits = 3.0, Limits(batch_tokens=100, queue_tokens=600, seconds=1.0)
    curve = [(10, 0.02), (100, 0.1)]
    random = np.random.default_rng(0)
    times = np.sort(random.uniform(0, 1.2, 140)).tolist()
    tokens = random.integers(5, 25, 140).tolist()
    found = Outcomes()
    one = Replica(seconds_by_tokens(curve, 100), limits, found, 0.0, 0.0)
    for time, count in zip(times, tokens, strict=True):
        one.take(time, count, 1)
    one.drain()
    monkeypatch.setattr(batcher, "STALE", batcher.STALE * slower)
    answers, refused, late = asyncio.run(_really(times, tokens, curve, limits, slower))
    assert found.refused > 15
    assert refused == pytest.approx(found.refused, rel=0.35)
    assert late + found.late < 0.15 * len(times)
    for share in (25, 50, 75):
        expected = np.percentile(found.answers, share)
        assert np.percentile(answers, share) == pytest.approx(expected, rel=0.35)


async def _really(times, tokens, curve, limits, slower):
    """Answer times, refusals and late ones of the gateway's own batcher."""
    backend = _Timed([slower * one for one in seconds_by_tokens(curve, 100)])
    own = Batcher(backend, batcher.Limits(limits.batch_tokens, limits.queue_tokens))
    loop, answers, kinds = asyncio.get_running_loop(), [], []
    began = loop.time()

    async def ask(time, count):
        await asyncio.sleep(began + slower * time - loop.time())
        sent = loop.time()
        try:
            await own([("x" * count,)], [count], "a", slower * limits.seconds)
            answers.append((loop.time() - sent) / slower)
        except Problem as problem:
            kinds.append(problem.kind)

    await asyncio.gather(*map(ask, times, tokens))
    return answers, kinds.count("overloaded"), kinds.count("deadline")


# --- traces ----------------------------------------------------------------------------------


def test_a_bursty_day_is_the_same_for_the_same_seed():
    one, same, other = (bursty(seed, 3600.0, Shape(2.0), [8, 16]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.times, same.times)
    assert len(one.times) != len(other.times)
    assert (np.diff(one.times) >= 0).all()
    assert set(np.unique(one.tokens // one.texts)) == {8, 16}
    assert one.texts.max() <= 64


def test_a_day_has_a_height_and_bursts():
    quiet = Shape(100.0, swing=0.5, bursts=0.0)
    rates = traces.rate_of_each_second(np.random.default_rng(0), traces.DAY, quiet)
    assert rates[0] == pytest.approx(50.0)
    assert rates[43_200] == pytest.approx(150.0)
    assert rates.mean() == pytest.approx(100.0, rel=1e-3)
    bursts = Shape(100.0, swing=0.0, bursts=50.0)
    rates = traces.rate_of_each_second(np.random.default_rng(0), traces.DAY, bursts)
    assert rates.min() == 100.0 < rates.max()


def test_a_trace_is_read_from_a_log():
    """Each request arrived its seconds before it was written down; refused ones have no tokens."""
    lines = [
        json.dumps({"event": "request", "timestamp": at, "seconds": took, **sizes})
        for at, took, sizes in [
            ("2026-03-01T10:00:02.000000Z", 1.5, {"texts": 2, "tokens": 30}),
            ("2026-03-01T10:00:01.000000Z", 1.0, {"texts": 1, "tokens": 9}),
            ("2026-03-01T10:00:03.000000Z", 0.1, {}),
        ]
    ]
    found = traces.recorded(["callers: http://127.0.0.1:8080", "7", *lines])
    np.testing.assert_allclose(found.times, [0.0, 0.5])
    assert found.tokens.tolist() == [9, 30]
    assert found.texts.tolist() == [1, 2]
    with pytest.raises(InputError, match="no answered request"):
        traces.recorded(lines[2:])
