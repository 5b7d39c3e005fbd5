"""Which recipe fits a table, and why; each recipe's file tells what it was measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import yaml

from tfsocial.config.loading import RECIPES
from tfsocial.init.columns import Labels

FEW = 32  # labels a class; few_shot.yaml was measured with up to 16, full.yaml from 100 on
POOL_FACTOR = 2  # texts without a label for each with one
NOISY = 0.18  # of labels suspected: where benchmarks/suspected_labels.py draws the border
EPOCHS = {"few_shot": 20, "pool": 10, "noisy_labels": 4}


@dataclass(frozen=True)
class Recipe:
    """A recipe of `tfsocial/recipes`, and the sentence that says why it was taken."""

    name: str
    why: str

    @property
    def values(self) -> dict[str, Any]:
        """What it sets."""
        if self == NONE:
            return {}
        return yaml.safe_load((RECIPES / f"{self.name}.yaml").read_text(encoding="utf-8"))


NONE = Recipe("none", "candidates lay theirs over this file")


def choose(tasks: tuple[Labels, ...], unlabelled: int, noise: float | None) -> Recipe:
    """Choose by the first task: a pool, wrong labels, few labels, or enough.

    Args:
        unlabelled: texts without any label.
        noise: share of labels that look wrong; None where nobody could tell.

    >>> choose((Labels("label", "classify", {"a": 9, "b": 8}, 17),), 0, 0.0).name
    'few_shot'
    """
    first = tasks[0]
    if first.kind != "classify":
        return Recipe("full", f"recipes for few or wrong labels are for classes, not {first.kind}")
    median = float(np.median([*first.counts.values()]))
    shown = f"{median:g} labels a class in the median"
    if unlabelled >= POOL_FACTOR * first.rows and median <= FEW:
        return Recipe("pool", f"{shown}, and {unlabelled} texts without one")
    if noise is not None and noise >= NOISY:
        return Recipe("noisy_labels", f"{noise:.0%} of the labels look wrong to a regression on M0")
    if median <= FEW:
        return Recipe("few_shot", shown)
    return Recipe("full", shown)
