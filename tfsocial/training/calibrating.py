"""How the logits of each task are scaled, fitted with the weights that are saved."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tfsocial.metrics.scaling import fit_platt, fit_temperature
from tfsocial.models.spec import LogitScaling
from tfsocial.models.text_model import TextModel

log = logging.getLogger(__name__)


Judged = tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]  # logits and labels by task


def fit(text_model: TextModel, on_dev: Judged, tasks: Iterable[str]) -> None:
    """Give a text model the scaling of these tasks' logits that suits dev.

    Args:
        on_dev: task -> logits [n, width], and task -> labels [n] or [n, width].
    """
    _set(text_model, {task: _fitted(text_model, task, on_dev) for task in tasks}, "dev")


def cross_fit(text_model: TextModel, of_folds: Sequence[Judged], tasks: Iterable[str]) -> None:
    """Give a text model the scaling that train's own folds suggest.

    Vectors of the tuned encoder flatter heads, since it learned these labels; those of M0 do not do
    the tuned one justice. A temperature is the geometric mean of both, and at least 1: what
    flatters may not make a model surer. Measured, see docs, Calibration.

    Args:
        of_folds: what heads fitted without an example say of it, on the tuned encoder's vectors and
            perhaps on M0's.
    """
    fitted = {}
    for task in tasks:
        found = [_fitted(text_model, task, judged) for judged in of_folds]
        if text_model.specs[task].kind == "classify":
            scale = np.exp(np.mean([np.log(one.scale[0]) for one in found if one]))
            fitted[task] = LogitScaling((min(float(scale), 1.0),), (0.0,))
        elif found[0]:
            fitted[task] = _softer(found[0])
    _set(text_model, fitted, "train's folds")


def _set(text_model: TextModel, fitted: Mapping[str, LogitScaling | None], where: str) -> None:
    known = {task: scaling for task, scaling in fitted.items() if scaling}
    calibration = {**text_model.spec.calibration, **known}
    text_model.spec = replace(text_model.spec, calibration=calibration)
    for task, scaling in known.items():
        if text_model.specs[task].kind == "classify":
            log.info("%s: temperature %.3g, fitted on %s", task, 1 / scaling.scale[0], where)


def _softer(scaling: LogitScaling) -> LogitScaling:
    """Leave logits as they are where they would be stretched.

    >>> _softer(LogitScaling((2.0, 0.5), (0.1, 0.2)))
    LogitScaling(scale=(1.0, 0.5), shift=(0.0, 0.2))
    """
    pairs = zip(scaling.scale, scaling.shift, strict=True)
    kept = [(1.0, 0.0) if scale > 1 else (scale, shift) for scale, shift in pairs]
    return LogitScaling(tuple(scale for scale, _ in kept), tuple(shift for _, shift in kept))


def _fitted(text_model: TextModel, task: str, judged: Judged) -> LogitScaling | None:
    """Fit one task; None for a regression."""
    kind = text_model.specs[task].kind
    if kind == "regress":
        return None
    logits, labels = judged[0][task], judged[1][task]
    if kind == "classify":
        return LogitScaling((1 / fit_temperature(logits, labels),), (0.0,))
    scale, shift = fit_platt(logits, labels)
    return LogitScaling(tuple(scale.tolist()), tuple(shift.tolist()))
