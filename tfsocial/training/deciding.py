"""From what probability on a label counts, chosen on dev with the weights that are saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.metrics.label_sets import fit_threshold
from tfsocial.metrics.thresholds import tune_thresholds
from tfsocial.models.spec import HeadSpec


class Thresholds(NamedTuple):
    """What the manifest keeps of them.

    Attributes:
        thresholds: multilabel task -> of each label, with the best F1.
        label_set_thresholds: classification -> of any label, to be in a set that holds the right
            one nine times of ten.
    """

    thresholds: dict[str, tuple[float, ...]]
    label_set_thresholds: dict[str, float]


def fit(
    specs: Mapping[str, HeadSpec], predictions: Mapping[str, np.ndarray], split: TokenizedSplit
) -> Thresholds:
    """Choose the thresholds of every task.

    Args:
        predictions: task -> [n, width].
        split: the examples they are of, dev.
    """
    fitted = Thresholds({}, {})
    for task, spec in specs.items():
        labels, of_task = split.labels[task].numpy(), predictions[task]
        if spec.kind == "multilabel":
            fitted.thresholds[task] = tuple(tune_thresholds(labels, of_task).tolist())
        elif spec.kind == "classify":
            fitted.label_set_thresholds[task] = fit_threshold(labels, of_task)
    return fitted
