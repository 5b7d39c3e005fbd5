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
) -> None:
    """Give a text model the scaling of these tasks' logits that suits examples it did not learn.

    Args:
        logits, labels: of the examples, task -> [n, width] and [n] or [n, width].
        where: the examples, in words.
    """
    fitted = {}
    for task in tasks:
        spec = text_model.specs[task]
        if spec.kind != "regress":
            fitted[task] = _fitted(spec, logits[task], labels[task])
        if spec.kind == "classify":
            log.info("%s: temperature %.3g, fitted on %s", task, 1 / fitted[task].scale[0], where)
    text_model.spec = replace(text_model.spec, calibration=fitted)


def _fitted(spec: HeadSpec, logits: np.ndarray, labels: np.ndarray) -> LogitScaling:
    if spec.kind == "classify":
        return LogitScaling((1 / fit_temperature(logits, labels),), (0.0,))
    scale, shift = fit_platt(logits, labels)
    return LogitScaling(tuple(scale.tolist()), tuple(shift.tolist()))
