"""All methods by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfsocial.composition.methods.contract import Method
from tfsocial.composition.methods.geometry import ModelStock, Slerp
from tfsocial.composition.methods.linear import Greedy, Linear, WiseFT
from tfsocial.composition.methods.measured import Fisher, RegMean
from tfsocial.composition.methods.task_vectors import DARE, TIES, TaskArithmetic
from tfsocial.config import knobs as config_knobs
from tfsocial.errors import InputError, nearest

METHODS: Mapping[str, type[Method]] = {
    "linear": Linear,
    "greedy": Greedy,
    "wise_ft": WiseFT,
    "task_arithmetic": TaskArithmetic,
    "ties": TIES,
    "dare": DARE,
    "slerp": Slerp,
    "model_stock": ModelStock,
    "fisher": Fisher,
    "regmean": RegMean,
}


def method(name: str, knobs: Mapping[str, Any]) -> Method:
    """Make a method by its name and knobs.

    Raises:
        InputError: there is none of that name, or a knob does not fit.

    >>> method("ties", {"density": 0.3})
    TIES(density=0.3, scale=1.0)
    >>> method("tie", {})
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: --method=tie: is no method; did you mean ties?
    """
    if name not in METHODS:
        raise InputError(f"--method={name}: is no method; {nearest(name, list(METHODS))}")
    config_knobs.check_names(name, METHODS[name], knobs, "--knob")
    return config_knobs.with_knobs(METHODS[name], knobs, "--knob")


def check_runs(name: str, one: Method, weights: list[float]) -> None:
    """Check that a method takes so many runs of these weights.

    Raises:
        InputError: it does not.

    >>> check_runs("slerp", Slerp(), [1.0])
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: --method=slerp takes 2 runs, and --add names 1
    """
    count = len(weights)
    if count < one.least or count > (one.most or count):
        takes = f"{one.least} runs" if one.most == one.least else f"at least {one.least} runs"
        raise InputError(f"--method={name} takes {takes}, and --add names {count}")
    if 0.0 in weights:
        raise InputError("--add: a run of weight 0 adds nothing; leave it out")
    if min(weights) < 0 and not one.negative:
        kinds = " and ".join(key for key, kind in METHODS.items() if kind.negative)
        raise InputError(
            f"--method={name} takes no weight below 0; {kinds} take away what a run learned"
        )
