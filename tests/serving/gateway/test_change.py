"""A new version is promoted if it is as good, and taken back if it is not, by itself."""

from __future__ import annotations

import asyncio
import random

import httpx
import numpy as np
import pytest
from letters import MANIFEST, Letters, numbers_of

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.gateway.backends.contract import BackendRefused
from tfsocial.serving.gateway.change.sequential import SequentialTest
from tfsocial.serving.gateway.change.trial import same
from tfsocial.serving.gateway.load.batcher import Batcher, Limits
from tfsocial.serving.gateway.version import Version
from tfsocial.serving.predictor import Predictions

# --- the test ------------------------------------------------------------------------------


def test_its_boundaries_are_walds():
    """Good 0.9, bad 0.5: each true one is log(1.8), each false one log(0.2), the bound log(19)."""
    test = SequentialTest(0.9, 0.5)
    for count in range(1, 7):
        test.see(True)
        assert test.verdict == ("good" if count * np.log(1.8) >= np.log(19) else "open")
    test = SequentialTest(0.9, 0.5)
    test.see(False)
    assert test.verdict == "open"  # log(0.2) is above -log(19)
    test.see(False)
    assert test.verdict == "bad"


@pytest.mark.parametrize(("share", "wrong"), [(0.97, "bad"), (0.92, "good")])
def test_its_errors_are_as_rare_as_promised(share, wrong):
    """A thousand trials each; at most 5 % end wrongly, and all end."""
    source, errors, seen = random.Random(1), 0, []
    for _ in range(1000):
        test = SequentialTest(0.97, 0.92)
        while test.verdict == "open":
            test.see(source.random() < share)
        errors += test.verdict == wrong
        seen.append(test.seen)
    assert errors <= 65  # 50, and two standard deviations
    assert max(seen) < 3000


# --- what is compared ------------------------------------------------------------------------


def test_labels_go_by_name():
    """A new version has the labels in another order, and a task more."""
    other = ModelManifest(
        {"mood": HeadSpec("classify", ("bad", "good")), "stars": HeadSpec("regress", ())},
        *("mean", 128, 16, ("text",)),
    )
    ours = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    theirs = np.array([[0.3, 0.7], [0.9, 0.1], [0.8, 0.2]])
    one = Predictions({"mood": ours}, np.zeros([3, 4]))
    two = Predictions({"mood": theirs, "stars": np.zeros([3, 1])}, np.zeros([3, 4]))
    assert same(MANIFEST, other, one, two) == [True, True, False]


def test_several_labels_are_compared_as_sets():
    spec = {"topics": HeadSpec("multilabel", ("a", "b", "c"))}
    manifest = ModelManifest(spec, "mean", 128, 16, ("text",))
    one = Predictions({"topics": np.array([[0.6, 0.4, 0.9], [0.1, 0.1, 0.1]])}, np.zeros([2, 4]))
    two = Predictions({"topics": np.array([[0.9, 0.1, 0.6], [0.1, 0.6, 0.1]])}, np.zeros([2, 4]))
    assert same(manifest, manifest, one, two) == [True, False]


# --- in a gateway ----------------------------------------------------------------------------


class Contrary(Letters):
    """Says the other label of every third text."""

    async def __call__(self, texts, seconds):
        found = await super().__call__(texts, seconds)
        rows = np.stack(
            [
                numbers_of(text)[::-1] if len(text) % 3 == 0 else numbers_of(text)
                for (text,) in texts
            ]
        )
        return found._replace(tasks={"mood": rows})


class Failing(Letters):
    """Answers its golden requests, say, and then no more."""

    async def __call__(self, texts, seconds):
        raise BackendRefused("no such op")


def tried(house, candidate: Letters, mode: str, calls: int = 400, **change):
    """The model after so many calls of sixteen callers, and the answers they had."""
    there = house(
        backend=Letters(seconds=0.001),
        # Unless speed is the matter, a busy machine is not to decide.
        models={"mood": {"folder": "letters", "change": {"mode": mode, "slower": 1000, **change}}},
    )
    model = there.gateway.models["mood"]
    keys = [there.key(f"tenant {number}") for number in range(16)]

    async def run():
        version = Version(8, "1" * 64, candidate, Batcher(candidate, Limits()))
        model.begin_trial(model.current, version)
        transport = httpx.ASGITransport(there.guard)
        answers = []
        async with httpx.AsyncClient(transport=transport, base_url="http://g") as client:
            for number in range(calls):
                body = {"texts": [f"text {'x' * (number % 7)} {number}"]}
                key = keys[number % len(keys)]
                response = await client.post("/v1/classify", json=body, headers=key)
                answers.append((number % len(keys), body["texts"][0], response))
                if model.trial is None:
                    break
                if number % 8 == 0:
                    await asyncio.sleep(0.003)
        await asyncio.sleep(0.05)
        return answers

    return model, asyncio.run(run())


@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_a_version_that_says_the_same_is_promoted(house, mode):
    candidate = Letters(seconds=0.001)
    model, answers = tried(house, candidate, mode, calls=2000, failures=0.02, share=0.3)
    assert not candidate.stopped
    assert model.current.number == 8
    assert model.failed == {}
    assert {response.status_code for *_, response in answers} == {200}


@pytest.mark.parametrize(
    ("candidate", "says"),
    [
        (lambda: Contrary(seconds=0.001), "agreement is"),
        (lambda: Letters(seconds=0.1), "speed is"),
        (Failing, "success is"),
    ],
    ids=["contrary", "slow", "failing"],
)
@pytest.mark.parametrize("mode", ["shadow", "canary"])
def test_a_worse_one_is_taken_back_and_nobody_loses_an_answer(house, candidate, says, mode):
    made = candidate()
    slower = 1.5 if says == "speed is" else 1000
    model, answers = tried(house, made, mode, share=0.5, slower=slower)
    assert model.current.number == 7
    assert says in model.failed[8]
    assert model.trial is None
    assert made.stopped
    assert {response.status_code for *_, response in answers} == {200}


def test_a_shadow_answers_nobody_and_a_canary_the_same_callers_each_time(house):
    for mode in ("shadow", "canary"):
        model, answers = tried(house, Letters(seconds=0.001), mode, calls=120, share=0.4)
        assert model.trial is not None  # not enough is known
        by = {}
        for caller, _, response in answers:
            by.setdefault(caller, set()).add(response.json()["version"])
        assert all(len(versions) == 1 for versions in by.values())
        eight = [caller for caller, versions in by.items() if versions == {"8"}]
        assert len(eight) == 0 if mode == "shadow" else 1 <= len(eight) <= 12


def test_what_is_never_sure_is_taken_back(house):
    model, _ = tried(house, Letters(seconds=0.001), "shadow", seconds=0.05)
    assert "nothing was known for sure after 0.05 s" in model.failed[8]


def test_a_caller_who_names_a_version_gets_the_current_one(house):
    there = house(
        models={"mood": {"folder": "letters", "change": {"mode": "canary", "share": 0.9}}}
    )
    model = there.gateway.models["mood"]
    candidate = Letters()
    model.begin_trial(model.current, Version(8, "1", candidate, Batcher(candidate, Limits())))
    for number in range(10):
        body = {"texts": ["a"], "version": "7"}
        assert there.post("/v1/classify", body, there.key(f"t{number}")).json()["version"] == "7"
