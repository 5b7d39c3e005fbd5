"""The rule of the HorizontalPodAutoscaler: numbers worked by hand from its description."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.serving.gateway.elastic import hpa
from tfsocial.serving.gateway.elastic.hpa import (
    Autoscaler,
    Behavior,
    History,
    Policy,
    Rules,
    desired,
    desired_by_total,
    limited,
)

# (values, target, current, missing, unready) -> pods, and why.
TABLE = [
    (([100, 100], 100, 2, 0, 0), 2),  # at the target
    (([110, 110], 100, 2, 0, 0), 2),  # 1.1 is within the tolerance
    (([111, 111], 100, 2, 0, 0), 3),  # 1.11 x 2 = 2.22
    (([90, 90, 90], 100, 3, 0, 0), 3),  # 0.9 is within it
    (([89, 89, 89], 100, 3, 0, 0), 3),  # 0.89 x 3 = 2.67, rounded up
    (([60, 60, 60], 100, 3, 0, 0), 2),  # 1.8
    (([300], 100, 1, 0, 0), 3),
    (([0, 0], 100, 2, 0, 0), 0),  # bounds come later
    (([200, 200], 100, 4, 0, 0), 4),  # two of four pods count, each of them is ready
    # Missing ones are idle when it goes up: (400 + 0 + 0) / 4 = 100, so nothing changes.
    (([200, 200], 100, 4, 2, 0), 4),
    # (900 + 0) / 4 = 225 -> 2.25 x 4 = 9.
    (([300, 300, 300], 100, 4, 1, 0), 9),
    # They are busy when it goes down: (20 + 20 + 100) / 3 = 46.7 -> 1.4, rounded up.
    (([20, 20], 100, 3, 1, 0), 2),
    # (80 + 80 + 100 x 4) / 6 = 93.3: within the tolerance now.
    (([80, 80], 100, 6, 4, 0), 6),
    # Up by 1.5 alone; with three idle ones 300 / 5 = 0.6, which would be down: nothing changes.
    (([150, 150], 100, 5, 3, 0), 5),
    # Those that are not ready are idle when it goes up: (400 + 0) / 2 = 2.0 x 2.
    (([400], 100, 2, 0, 1), 4),
    # (130 + 130 + 0) / 3 = 0.87: the other direction.
    (([130, 130], 100, 3, 0, 1), 3),
    # When it goes down they are not counted at all: 0.5 x 2.
    (([50, 50], 100, 3, 0, 1), 1),
    # Both: (500 + 0 + 0) / 3 = 1.67 x 3 = 5.
    (([500], 100, 3, 1, 1), 5),
    (([], 100, 3, 3, 0), 3),  # nothing is known
    (([100, 100], 100, 3, 1, 0), 3),
]


@pytest.mark.parametrize(("given", "pods"), TABLE)
def test_pods_that_a_metric_asks_for(given, pods):
    assert desired(*given) == pods


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=12),
    st.integers(1, 500),
    st.integers(0, 4),
    st.integers(0, 4),
)
def test_missing_pods_never_turn_the_direction(values, target, missing, unready):
    """Whatever is missing, the change is no larger than without, and never the other way."""
    current = len(values) + missing + unready
    ratio = sum(values) / len(values) / target
    pods = desired(values, target, current, missing, unready)
    if ratio > 1:
        assert current <= pods or (missing == 0 and unready == 0)
        assert pods <= max(current, hpa.ceil(ratio * len(values)))
    if ratio < 1:
        assert pods <= current


@pytest.mark.parametrize(
    ("given", "pods"),
    [
        ((950, 100, 4), 10),  # 9.5
        ((430, 100, 4), 4),  # 1.075
        ((100, 100, 4), 1),
        ((0, 100, 4), 0),
    ],
)
def test_pods_that_a_metric_of_them_all_asks_for(given, pods):
    assert desired_by_total(*given) == pods


# --- windows, policies, bounds ---------------------------------------------------------------


def over_time(behavior: Behavior, wanted: list[int], current: int = 1) -> list[int]:
    """What becomes of recommendations that come every 15 s."""
    history, found = History(), []
    for step, one in enumerate(wanted):
        current, history = limited(15.0 * step, current, one, behavior, history)
        found.append(current)
    return found


def test_the_usual_way_up():
    """Four pods or a doubling in 15 s, whichever is more: 1, 5, 10, 20, then the bound."""
    assert over_time(Behavior(1, 30), [100] * 5) == [5, 10, 20, 30, 30]


def test_the_usual_way_down():
    """At once, but only when nothing more was wanted for 300 s: steps 1 to 20 after the last 8."""
    found = over_time(Behavior(1, 10), [8, *[2] * 21], current=8)
    assert found == [8] * 20 + [2, 2]


def test_a_window_up_goes_by_the_least_within_it():
    """A single high reading is not believed; three in a row are."""
    up = Rules(31.0, (Policy("pods", 100),))
    wanted = [1, 9, 1, 9, 9, 9, 9]
    assert over_time(Behavior(1, 20, up=up), wanted) == [1, 1, 1, 1, 1, 9, 9]


def test_one_pod_a_minute_down():
    """Of six in all: a pod goes, and the next one when that is a minute ago."""
    down = Rules(0.0, (Policy("pods", 1, 60.0),))
    found = over_time(Behavior(1, 10, down=down), [1] * 10, current=6)
    assert found == [5, 5, 5, 5, 4, 4, 4, 4, 3, 3]


def test_a_percentage_down_is_rounded_up():
    """10 % of 72 are 7.2, so eight go; then 10 % of 64, seven."""
    down = Rules(0.0, (Policy("percent", 10, 15.0),))
    assert over_time(Behavior(1, 100, down=down), [1, 1], current=72) == [64, 57]


def test_of_several_policies_the_least_change():
    up = Rules(0.0, (Policy("pods", 4), Policy("percent", 100)), "min")
    assert over_time(Behavior(1, 100, up=up), [50] * 4) == [2, 4, 8, 12]


def test_a_direction_may_be_switched_off():
    down = Rules(0.0, (Policy("percent", 100),), "disabled")
    assert over_time(Behavior(1, 10, down=down), [1, 1, 9, 1], current=5) == [5, 5, 9, 9]


def test_within_a_period_what_came_and_went_counts():
    """Two came within the minute, so of the four of a minute ago one may still go: to three."""
    down = Rules(0.0, (Policy("pods", 1, 60.0),))
    found = over_time(Behavior(1, 10, down=down), [6, 1, 1], current=4)
    assert found == [6, 3, 3]


@pytest.mark.parametrize(("current", "pods"), [(0, 2), (1, 2), (12, 10)])
def test_what_somebody_else_scaled_comes_within_the_bounds_at_once(current, pods):
    assert limited(0.0, current, 5, Behavior(2, 10), History())[0] == pods


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 10))
def test_bounds_hold_and_history_stays_short(wanted, current):
    history = History()
    for step, one in enumerate(wanted):
        current, history = limited(15.0 * step, current, one, Behavior(1, 10), history)
        assert 1 <= current <= 10
    assert len(history.wanted) <= 21
    assert len(history.changes) <= 3


def test_an_autoscaler_keeps_its_history():
    scaler = Autoscaler([100], Behavior(1, 20))
    assert scaler(0.0, [[1000]], 1) == 5
    assert scaler(15.0, [[1000] * 5], 5) == 10
    assert scaler(30.0, [[10] * 10], 10) == 10  # more was wanted a moment ago
    assert scaler(330.0, [[10] * 10], 10) == 1


def test_of_several_metrics_the_one_that_asks_for_most():
    scaler = Autoscaler([100, 0.5], Behavior(1, 20))
    assert scaler(0.0, [[10, 10], [0.9, 0.6]], 2) == 3  # 1.5 x 2 of the second
