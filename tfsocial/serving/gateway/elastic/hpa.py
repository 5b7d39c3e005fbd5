"""How Kubernetes' HorizontalPodAutoscaler chooses a number of pods, as pure functions.

For simulations, and for a scaler of processes on one machine that goes by the same rule. Written
from the description "Algorithm details" and "Configurable scaling behavior" in the documentation of
Kubernetes (Horizontal Pod Autoscaling, autoscaling/v2) and from what its controller does
(pkg/controller/podautoscaler: replica_calculator.go, horizontal.go). What differs is said where it
does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

TOLERANCE = 0.1  # of the ratio of a metric to its target; the controller's default
PERIOD = 15.0  # seconds between two decisions; the controller's default


@dataclass(frozen=True)
class Policy:
    """How many pods may come or go within a period.

    Attributes:
        kind: pods: `value` of them; percent: of those at the period's beginning.
        period: seconds.
    """

    kind: Literal["pods", "percent"]
    value: int
    period: float = 15.0


@dataclass(frozen=True)
class Rules:
    """How one direction is held back.

    Attributes:
        window: seconds of stabilization: the least of what was wanted within it holds when scaling
            up, the most when scaling down.
        select: of several policies the one that allows the most change, or the least, or no change.
    """

    window: float
    policies: tuple[Policy, ...]
    select: Literal["max", "min", "disabled"] = "max"

    @property
    def period(self) -> float:
        """Longest period of a policy, seconds."""
        return max(policy.period for policy in self.policies)


# What autoscaling/v2 has where nothing is said.
UP = Rules(0.0, (Policy("pods", 4), Policy("percent", 100)))
DOWN = Rules(300.0, (Policy("percent", 100),))


@dataclass(frozen=True)
class Behavior:
    """Both directions, as `spec.behavior`, and the bounds of `spec`.

    Attributes:
        least, most: pods.
    """

    least: int = 1
    most: int = 10
    up: Rules = UP
    down: Rules = DOWN


@dataclass(frozen=True)
class History:
    """What was decided before.

    Attributes:
        wanted: (seconds, pods) of each recommendation before it was held back.
        changes: (seconds, pods) of each change that was made; fewer pods are negative.
    """

    wanted: tuple[tuple[float, int], ...] = ()
    changes: tuple[tuple[float, int], ...] = ()


def desired(
    values: Sequence[float],
    target: float,
    current: int,
    missing: int = 0,
    unready: int = 0,
    tolerance: float = TOLERANCE,
) -> int:
    """Count the pods that a metric of each pod asks for (type Pods, AverageValue).

    Pods whose metric is missing count as 0 when it goes up and as the target when it goes down;
    pods that are not ready count as 0 when it goes up and not at all when it goes down. If the
    direction would be another one with them, nothing changes.

    Args:
        values: of the pods that are ready and have a metric.
        target: for the mean of them.
        current: pods that are asked for now.
        missing, unready: pods that are not among `values`.

    Returns:
        pods; `current` where no pod has a metric.

    >>> desired([100, 300], target=100, current=2)
    4
    """
    if not values:
        return current
    ratio = sum(values) / len(values) / target
    if not missing and not (unready and ratio > 1):
        return current if near(ratio, tolerance) else ceil(ratio * len(values))
    # At a ratio of exactly 1 the controller takes missing pods for idle; here nothing changes then.
    filled = [*values, *[0.0 if ratio > 1 else target] * missing]
    if ratio > 1:
        filled += [0.0] * unready
    again = sum(filled) / len(filled) / target
    if near(again, tolerance) or (ratio < 1) != (again < 1):
        return current
    wanted = ceil(again * len(filled))
    return max(wanted, current) if again > 1 else min(wanted, current)


def desired_by_total(
    total: float, target: float, current: int, tolerance: float = TOLERANCE
) -> int:
    """Count the pods that a metric of them all asks for (type External, AverageValue: KEDA's).

    Args:
        target: of each pod.

    >>> desired_by_total(950, target=100, current=4), desired_by_total(430, target=100, current=4)
    (10, 4)
    """
    return current if near(total / (target * current), tolerance) else ceil(total / target)


def limited(
    now: float, current: int, wanted: int, behavior: Behavior, history: History
) -> tuple[int, History]:
    """Hold a recommendation back by windows, policies and bounds.

    Args:
        now: seconds, of a clock that does not go back.
        current: pods that are asked for now.
        wanted: pods, of `desired`; of several metrics the most.

    Returns:
        pods, and the history with this decision.
    """
    if not behavior.least <= current <= behavior.most:  # somebody else scaled it
        chosen = clip(current, behavior.least, behavior.most)
    else:
        steady = _stabilized(now, current, wanted, behavior, history)
        chosen = _by_policies(now, current, steady, behavior, history)
    return chosen, _remembered(now, chosen - current, wanted, behavior, history)


@dataclass
class Autoscaler:
    """Decides again and again; keeps the history.

    Attributes:
        targets: of the mean over pods of each metric.
    """

    targets: Sequence[float]
    behavior: Behavior = Behavior()
    history: History = field(default_factory=History)

    def __call__(
        self, now: float, metrics: Sequence[Sequence[float]], current: int, missing: int = 0
    ) -> int:
        """Decide on a number of pods: of what the metrics ask for, the most; then `limited`.

        Args:
            metrics: values of each metric, as of `desired`.
        """
        wanted = max(
            desired(values, target, current, missing)
            for values, target in zip(metrics, self.targets, strict=True)
        )
        chosen, self.history = limited(now, current, wanted, self.behavior, self.history)
        return chosen


def near(ratio: float, tolerance: float) -> bool:
    """Tell whether a ratio is too close to 1 to act upon.

    >>> near(1.1, 0.1), near(1.11, 0.1)
    (True, False)
    """
    return abs(ratio - 1) <= tolerance + 1e-9  # 1.1 - 1 is a little above 0.1


def ceil(pods: float) -> int:
    """Round up; what floats add to a whole number is left out.

    >>> ceil(3.3 / 1.1), ceil(2.01)
    (3, 3)
    """
    return math.ceil(pods - 1e-9)


def clip(pods: int, least: int, most: int) -> int:
    """Bring a number between two bounds."""
    return max(least, min(pods, most))


def _stabilized(now: float, current: int, wanted: int, behavior: Behavior, history: History) -> int:
    """Go up by the least, and down by the most, of what was wanted within the windows."""
    up = min([wanted, *_since(now - behavior.up.window, history.wanted)])
    down = max([wanted, *_since(now - behavior.down.window, history.wanted)])
    return min(max(current, up), down)


def _by_policies(
    now: float, current: int, wanted: int, behavior: Behavior, history: History
) -> int:
    """Go as far as policies and bounds allow."""
    if wanted > current:
        furthest = max(current, _furthest(now, current, behavior.up, history, +1))
        return min(wanted, furthest, behavior.most)
    furthest = min(current, _furthest(now, current, behavior.down, history, -1))
    return max(wanted, furthest, behavior.least)


def _furthest(now: float, current: int, rules: Rules, history: History, sign: int) -> int:
    """Give the number of pods that one direction's policies allow at the furthest."""
    if rules.select == "disabled":
        return current
    allowed = []
    for policy in rules.policies:
        before = current - sum(_since(now - policy.period, history.changes))
        if policy.kind == "pods":
            allowed.append(before + sign * policy.value)
        else:  # the change is rounded up either way, so that a small fleet does change
            allowed.append(before + sign * ceil(before * policy.value / 100))
    most_change: Callable = max if (rules.select == "max") == (sign > 0) else min
    return most_change(allowed)


def _since(when: float, marked: Sequence[tuple[float, int]]) -> list[int]:
    return [number for time, number in marked if time > when]


def _remembered(
    now: float, change: int, wanted: int, behavior: Behavior, history: History
) -> History:
    """Add a decision; what no window or period reaches any more is left out."""
    up, down = behavior.up, behavior.down
    since = now - max(up.window, down.window)
    changes = ((now, change),) if change else ()
    before = now - max(up.period, down.period)
    return History(
        (*(one for one in history.wanted if one[0] > since), (now, wanted)),
        (*(one for one in history.changes if one[0] > before), *changes),
    )
