"""Batches of many callers: nobody gets another's answer, nobody waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from letters import Letters, numbers_of

from tfsocial.serving.gateway.backends.contract import BackendFull, BackendGone, BackendRefused
from tfsocial.serving.gateway.load import company
from tfsocial.serving.gateway.load.batcher import Batcher, Limits, cuts
from tfsocial.serving.gateway.load.pace import Pace
from tfsocial.serving.gateway.load.refusals import LONGEST, Refusals
from tfsocial.serving.gateway.load.sharing import Sharing
from tfsocial.serving.gateway.problems import Problem


def ask(batcher: Batcher, texts: list[str], seconds: float = 20, tenant: str = "a", priority=1):
    tokens = [max(1, len(text)) for text in texts]
    return batcher([(text,) for text in texts], tokens, tenant, seconds, priority)


def said(texts: list[str]) -> np.ndarray:
    return np.stack([numbers_of(text) for text in texts])


@settings(max_examples=60, deadline=None)
@given(
    calls=st.lists(st.lists(st.text(max_size=30), min_size=1, max_size=8), min_size=1, max_size=20),
    batch_tokens=st.integers(1, 60),
    slots=st.sampled_from([1, 3, None]),
)
def test_each_caller_gets_the_answers_to_its_texts(calls, batch_tokens, slots):
    """Whatever is batched with whatever, and however often a backend ends or sheds load."""
    backend = Letters(slots=slots)
    backend.errors = [BackendGone("gone"), BackendFull("full")][: len(calls) % 3]

    async def all_at_once():
        batcher = Batcher(backend, Limits(batch_tokens, 10**6))
        asked = (ask(batcher, texts, tenant=f"t{n % 3}") for n, texts in enumerate(calls))
        found = await asyncio.gather(*asked)
        await batcher.drained()
        return found

    for texts, found in zip(calls, asyncio.run(all_at_once()), strict=True):
        np.testing.assert_array_equal(found.tasks["mood"], said(texts))
    answered = [text for batch in backend.batches for text in batch]
    assert sorted(answered) == sorted(text for texts in calls for text in texts)


def test_one_caller_waits_for_nobody():
    backend = Letters()
    asyncio.run(ask(Batcher(backend, Limits()), ["hello"]))
    assert backend.batches == [["hello"]]


def test_what_waits_meanwhile_is_one_batch():
    backend = Letters(seconds=0.05)

    async def many():
        batcher = Batcher(backend, Limits(batch_tokens=100))
        await asyncio.gather(*(ask(batcher, [f"text {n}"]) for n in range(13)))

    asyncio.run(many())
    assert [len(batch) for batch in backend.batches] == [1, 12]


def test_callers_who_ask_again_at_once_share_their_batches(monkeypatch):
    """Eight of them, each soon after its answer: not two halves that wait for each other."""
    monkeypatch.setattr(company, "GAP", 0.1)  # a busy machine may stand still for some ms
    monkeypatch.setattr(company, "LONGEST", 1.0)
    backend = Letters(seconds=0.4)

    async def caller(batcher: Batcher, number: int):
        for turn in range(6):
            await ask(batcher, [f"{number} {turn}"])
            await asyncio.sleep(0.001)

    async def many():
        batcher = Batcher(backend, Limits())
        await asyncio.gather(*(caller(batcher, number) for number in range(8)))

    asyncio.run(many())
    sizes = [len(batch) for batch in backend.batches]
    assert sizes.count(8) >= 4
    assert len(sizes) <= 9


def test_a_batch_has_as_many_tokens_as_are_allowed():
    backend = Letters(seconds=0.01)

    async def many():
        batcher = Batcher(backend, Limits(batch_tokens=20))
        await asyncio.gather(*(ask(batcher, ["12345678"]) for _ in range(9)))

    asyncio.run(many())
    assert [len(batch) for batch in backend.batches] == [1, 2, 2, 2, 2]


def test_too_much_is_refused_and_the_rest_answered():
    backend = Letters(seconds=0.05)

    async def flood():
        batcher = Batcher(backend, Limits(batch_tokens=10, queue_tokens=100))
        asked = (ask(batcher, [f"number {n:2}"]) for n in range(40))
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(flood())
    refused = [one for one in found if isinstance(one, Problem)]
    assert len(refused) == 40 - 1 - 11
    assert {one.kind for one in refused} == {"overloaded"}
    assert all("Retry-After" in one.headers for one in refused)


def test_what_cannot_be_done_in_time_is_refused_at_once():
    """After the first answers the pace is known, and a hopeless call is not made to wait."""
    backend = Letters(seconds=0.2)

    async def hopeless():
        batcher = Batcher(backend, Limits(batch_tokens=10))
        await ask(batcher, ["ten letter"])
        busy = [asyncio.create_task(ask(batcher, ["ten letter"])) for _ in range(5)]
        await asyncio.sleep(0)
        began = time.monotonic()
        with pytest.raises(Problem) as refused:
            await ask(batcher, ["ten letter"], seconds=0.5)
        waited = time.monotonic() - began
        await asyncio.gather(*busy)
        return refused.value, waited

    problem, waited = asyncio.run(hopeless())
    assert problem.kind == "overloaded"
    assert waited < 0.2
    assert len(backend.batches) == 6


def test_what_is_let_in_is_answered_in_time():
    """Ten times what can be done comes: who is let in has an answer before their time is up."""
    backend = Letters(seconds=0.05)

    async def flood():
        batcher = Batcher(backend, Limits(batch_tokens=50), pace=1000.0)
        asked = (ask(batcher, ["ten letter"], seconds=0.5) for _ in range(500))
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(flood())
    kinds = Counter(one.kind for one in found if isinstance(one, Problem))
    answered = len(found) - kinds.total()
    assert set(kinds) == {"overloaded"}
    assert answered == 25  # 250 tokens at 1000 a second, twice the time they take: half a second


def test_a_known_pace_refuses_the_first_caller():
    with pytest.raises(Problem) as problem:
        asyncio.run(ask(Batcher(Letters(), Limits(), pace=1.0), ["hello"], seconds=9.9))
    assert problem.value.kind == "overloaded"
    assert problem.value.headers["Retry-After"] == "1"


def test_small_batches_do_not_hide_how_fast_large_ones_are():
    pace = Pace(batch_tokens=1000, tokens_per_second=1000.0)
    for _ in range(100):
        pace.learn(5, 0.05)  # a caller now and then: 100 tokens a second
    assert pace.wait(1000) == pytest.approx(2.0, rel=0.01)
    for _ in range(30):
        pace.learn(1000, 10.0)  # the machine has less to give: 100 tokens a second
    assert pace.wait(1000) == pytest.approx(20.0, rel=0.02)
    pace.learn(5, 0.01)
    assert pace.wait(1000) < 17  # 500 tokens a second, seen once


def test_who_waits_too_long_hears_so_and_is_not_computed():
    backend = Letters(seconds=0.3)

    async def late():
        batcher = Batcher(backend, Limits(batch_tokens=5))
        first = asyncio.create_task(ask(batcher, ["first"]))
        await asyncio.sleep(0)
        with pytest.raises(Problem) as problem:
            await ask(batcher, ["later"], seconds=0.1)
        await first
        await batcher.drained()
        return problem.value

    assert asyncio.run(late()).kind == "deadline"
    assert backend.batches == [["first"]]


@pytest.mark.parametrize("error", [BackendGone("the process ended"), BackendFull("full")])
def test_a_batch_is_asked_again_but_not_for_ever(error):
    backend = Letters()
    backend.errors = [error] * 2

    async def again():
        return await ask(Batcher(backend, Limits()), ["hello"])

    np.testing.assert_array_equal(asyncio.run(again()).tasks["mood"], said(["hello"]))
    backend.errors = [error] * 20
    with pytest.raises(Problem) as problem:
        asyncio.run(again())
    assert problem.value.kind == "overloaded"


def test_an_error_of_the_model_is_said_once():
    backend = Letters()
    backend.errors = [BackendRefused("no such op")]
    with pytest.raises(Problem, match="no such op") as problem:
        asyncio.run(ask(Batcher(backend, Limits()), ["hello"]))
    assert problem.value.kind == "backend"


def test_a_greedy_tenant_does_not_hold_up_another():
    """A thousand texts of one wait; another's single text is in the next batch."""
    backend = Letters(seconds=0.01)

    async def both():
        batcher = Batcher(backend, Limits(batch_tokens=100))
        greedy = asyncio.create_task(ask(batcher, [f"greedy {n:3}" for n in range(1000)]))
        await asyncio.sleep(0.03)
        await ask(batcher, ["modest"], tenant="b")
        done = len(backend.batches)
        await greedy
        return done

    done = asyncio.run(both())
    place = next(n for n, batch in enumerate(backend.batches) if "modest" in batch)
    assert place <= done <= place + 2
    assert len(backend.batches) > 90


def test_concurrency_grows_with_a_backend_that_can():
    backend = Letters(seconds=0.01, slots=None)

    async def many():
        batcher = Batcher(backend, Limits(batch_tokens=10))
        await asyncio.gather(*(ask(batcher, [f"number {n:3}"]) for n in range(300)))
        return batcher.at_once

    assert asyncio.run(many()) > 4
    assert backend.most_at_once > 4


@given(st.lists(st.integers(1, 30), min_size=1, max_size=50), st.integers(1, 60))
def test_cuts_are_the_whole_and_as_large_as_allowed(tokens, most):
    found = cuts(tokens, most)
    assert [start for start, _ in found] == [0, *(end for _, end in found[:-1])]
    assert found[-1][1] == len(tokens)
    for start, end in found:
        assert end - start == 1 or sum(tokens[start:end]) <= most


@given(st.lists(st.integers(1, 30), min_size=1, max_size=50), st.integers(1, 9))
def test_cuts_have_as_many_texts_as_are_allowed(tokens, most):
    found = cuts(tokens, 10**6, most)
    assert all(end - start <= most for start, end in found)
    assert len(found) == -(-len(tokens) // most)


def test_a_batch_has_as_many_texts_as_the_backend_takes():
    backend = Letters(seconds=0.01)
    backend.most_texts = 4

    async def many():
        batcher = Batcher(backend, Limits())
        await asyncio.gather(
            *(ask(batcher, ["a", "b", "c"]) for _ in range(5)), ask(batcher, ["d"])
        )

    asyncio.run(many())
    assert max(map(len, backend.batches)) == 4
    assert sum(map(len, backend.batches)) == 16


def test_batches_are_short_while_a_modest_tenant_is_there():
    """What one greedy tenant has in a batch is waited for by nobody else's single text."""
    backend = Letters(seconds=0.01)

    async def both():
        batcher = Batcher(backend, Limits(batch_tokens=1600))
        greedy = asyncio.create_task(ask(batcher, [f"greedy {n:3}" for n in range(1000)]))
        await asyncio.sleep(0)
        await ask(batcher, ["modest"], tenant="b")
        await greedy

    asyncio.run(both())
    first, second, *rest = backend.batches
    assert len(first) == 160  # 10 tokens each, while nobody else was there
    assert second == ["modest"]  # the next part of the other's would be too much
    assert {len(batch) for batch in rest[:20]} == {10}


def test_two_busy_tenants_leave_each_other_long_batches():
    sharing = Sharing(batch_tokens=1600)
    for step in range(100):
        for tenant in ("a", "b"):
            sharing.came(tenant, 500, others=5000, now=10 + step / 10)
    assert sharing.most(20.0) == 1600
    sharing.came("c", 10, others=5000, now=20.0)
    assert sharing.most(20.0) == 100
    for step in range(30):
        sharing.came("alone", 500, others=0, now=30 + step / 10)
    assert sharing.most(33.0) == 1600


def test_refusals_of_one_tenant_are_held_back_and_of_others_not():
    refusals = Refusals()
    held = [refusals.delay("acme", 10.0, now=0.0) for _ in range(300)]
    assert held[:101:50] == pytest.approx([0.0, 0.5, 1.0])
    assert set(held[101:]) == {LONGEST}
    assert refusals.delay("other", 10.0, now=0.0) == 0.0
    assert refusals.delay("acme", 0.2, now=0.5) == pytest.approx(0.1)  # half of what is waited
    assert refusals.delay("acme", 10.0, now=5.0) == 0.0  # the flood is over
