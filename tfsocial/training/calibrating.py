"""How the logits of each task are scaled, fitted with the weights that are saved."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from tfsocial.metrics.scaling import fit_platt, fit_temperature
from tfsocial.models.spec import HeadSpec, LogitScaling
from tfsocial.models.text_model import TextModel

log = logging.getLogger(__name__)


def fit(
    text_model: TextModel,
    logits: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    tasks: Iterable[str],
    where: str,
    softer_alone: bool = False,
) -> None:
    """Give a text model the scaling of these tasks' logits that suits examples it did not learn.

    Args:
        logits, labels: of the examples, task -> [n, width] and [n] or [n, width].
        where: the examples, in words.
        softer_alone: whether probabilities may only become less sure, since the examples flatter
            the model.
    """
    fitted = {}
    for task in tasks:
        spec = text_model.specs[task]
        if spec.kind != "regress":
            scaling = _fitted(spec, logits[task], labels[task])
            fitted[task] = _softer(scaling) if softer_alone else scaling
        if spec.kind == "classify":
            log.info("%s: temperature %.3g, fitted on %s", task, 1 / fitted[task].scale[0], where)
    text_model.spec = replace(text_model.spec, calibration=fitted)


def _softer(scaling: LogitScaling) -> LogitScaling:
    """Leave logits as they are where they would be stretched.

    >>> _softer(LogitScaling((2.0, 0.5), (0.1, 0.2)))
    LogitScaling(scale=(1.0, 0.5), shift=(0.0, 0.2))
    """
    pairs = zip(scaling.scale, scaling.shift, strict=True)
    kept = [(1.0, 0.0) if scale > 1 else (scale, shift) for scale, shift in pairs]
    return LogitScaling(tuple(scale for scale, _ in kept), tuple(shift for _, shift in kept))


def _fitted(spec: HeadSpec, logits: np.ndarray, labels: np.ndarray) -> LogitScaling:
    if spec.kind == "classify":
        return LogitScaling((1 / fit_temperature(logits, labels),), (0.0,))
    scale, shift = fit_platt(logits, labels)
    return LogitScaling(tuple(scale.tolist()), tuple(shift.tolist()))
