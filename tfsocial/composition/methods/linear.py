"""Means of runs, and of runs and M0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from tfsocial.composition.methods.contract import Method, Tensors, weighted_mean

Share = Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True)
class Linear(Method):
    """sum_i w_i theta_i / sum_i w_i, with equal weights a uniform soup.

    Wortsman et al. (2022), Model soups, arXiv:2203.05482. M0 has no part in it.
    """

    def merge(self, tensors: Tensors) -> np.ndarray:
        return weighted_mean(tensors.runs, tensors.weights)


@dataclass(frozen=True)
class Greedy(Linear):
    """The mean of those runs that raise the score on dev, tried from the best one down.

    Wortsman et al. (2022), arXiv:2203.05482, algorithm 1. Each run is tried once; it stays if the
    mean with it scores at least as high as without. The members count alike.
    """


@dataclass(frozen=True)
class WiseFT(Method):
    """(1 - alpha) theta0 + alpha theta, theta the runs' mean.

    Wortsman et al. (2021), Robust fine-tuning of zero-shot models, arXiv:2109.01903, equation 1.
    0 is M0 and 1 the run, both bit for bit. Left out, alpha is the smallest of 0, 0.1, ... 1 that
    keeps the share `keep` of the best score on dev.
    """

    alpha: Share | None = None
    keep: Share = 0.99

    def merge(self, tensors: Tensors) -> np.ndarray:
        tuned = weighted_mean(tensors.runs, tensors.weights)
        if self.alpha is None:
            raise ValueError("alpha is not chosen yet")
        if self.alpha in (0.0, 1.0):
            return tuned if self.alpha else tensors.base
        return np.float32(1 - self.alpha) * tensors.base + np.float32(self.alpha) * tuned
