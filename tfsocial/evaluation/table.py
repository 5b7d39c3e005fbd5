"""All suites by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tfsocial.errors import InputError, nearest
from tfsocial.evaluation.contract import Suite
from tfsocial.evaluation.suites.baselines import Baselines
from tfsocial.evaluation.suites.calibration import CalibrationSuite
from tfsocial.evaluation.suites.out_of_distribution import OutOfDistribution
from tfsocial.evaluation.suites.quality import Quality
from tfsocial.evaluation.suites.slices import Slices

SUITES: Mapping[str, Callable[..., Suite]] = {
    "quality": Quality,
    "calibration": CalibrationSuite,
    "baselines": Baselines,
    "out_of_distribution": OutOfDistribution,
    "slices": Slices,
}


def suite(name: str) -> Callable[..., Suite]:
    """Look a suite's class up.

    Raises:
        InputError: there is none of that name.
    """
    if name not in SUITES:
        raise InputError(f"--suite={name}: is no suite; {nearest(name, list(SUITES))}")
    return SUITES[name]
