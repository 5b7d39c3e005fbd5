"""A drift constraint: what a measurement does to it, and what a run makes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_run

from tfsocial import config
from tfsocial.config import DriftConstraint
from tfsocial.errors import InputError
from tfsocial.training.callbacks.drift_constraint import moved


@pytest.mark.parametrize(
    ("cosine", "factor"), [(0.9, 1.0), (0.8, np.e), (0.95, np.e**-0.5), (1.0, 1 / np.e), (0, 7.389)]
)
def test_by_hand(cosine, factor):
    """At the wanted cosine it stays; twice as far, e times; not at all away, a part of e.

    However far, no more than e^2 at once.
    """
    assert moved(2.0, cosine, DriftConstraint(cosine=0.9)) == pytest.approx(2 * factor, rel=1e-3)


def test_the_weight_can_always_come_back():
    """However long nothing drifts, or everything: at most 10,000 times from its start."""
    constraint = DriftConstraint(cosine=0.9, start=0.5)
    low = high = 0.5
    for _ in range(200):
        low, high = moved(low, 1.0, constraint), moved(high, -1.0, constraint)
    assert (low, high) == (0.5e-4, 0.5e4)


def test_no_drift_at_all_cannot_be_asked_for():
    """At a cosine of 1 every step is infinitely too far."""
    tree = {"objectives": {"community": {"feature_cosine": {"weight": {"cosine": 1.0}}}}}
    with pytest.raises(InputError, match=r"weight\.cosine .*less than 1"):
        config.parse(tree)


def curve(folder, name: str) -> list[float]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    return [row[f"train/{name}"] for row in rows if f"train/{name}" in row]


def test_keeps_the_model_near_m0(tmp_path):
    """A run that drifts to a cosine of 0.9 without is held at 0.99 with a constraint of that."""
    moods = tiny_run.write_moods(tmp_path / "data", times=16)

    def drift(wanted: float) -> list[float]:
        weight = {"cosine": wanted, "every": 2, "start": 0.01}
        terms = {"community": {"feature_cosine": {"weight": weight}}}
        chosen = tiny_run.settings(moods, "training.epochs=6", objectives=terms)
        tiny_run.train(chosen, tmp_path / str(wanted))
        assert len(set(curve(tmp_path / str(wanted), "alpha/L0/feature_cosine"))) > 3
        return curve(tmp_path / str(wanted), "cosine_to_m0")

    free, held = drift(0.0), drift(0.99)
    assert min(free) < 0.95
    assert min(held[-5:]) > 0.985


def test_is_for_l0_alone():
    """What a task or a paper is worth has nothing to do with M0."""
    for tree in (
        {"tasks": {"a": {"weight": {"cosine": 0.9}}}},
        {"objectives": {"papers": {"r_drop": {"weight": {"cosine": 0.9}}}}},
    ):
        with pytest.raises(InputError, match=r"weight\.cosine is not a known key"):
            config.parse(tree)


def test_wrong_keys_are_answered_with_its_own():
    """A misspelled knob of a drift constraint is offered its own."""
    tree = {"objectives": {"community": {"l2_sp": {"weight": {"cosine": 0.9, "step_sise": 1}}}}}
    with pytest.raises(InputError, match=r"l2_sp\.weight\.step_sise .* did you mean .*\.step_size"):
        config.parse(tree)
