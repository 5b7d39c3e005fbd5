"""Means in which a run counts where its own data depend on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from tfsocial.composition.methods.contract import Method, Tensors, weighted_mean
from tfsocial.errors import InputError

FLOOR = 1e-6  # of a run's Fisher information, whose mean is 1: where none has any, runs count alike


@dataclass(frozen=True)
class Fisher(Method):
    """sum_i w_i F_i theta_i / sum_i w_i F_i, number by number, F_i the run's Fisher information.

    Matena & Raffel (2021), Merging Models with Fisher-Weighted Averaging, arXiv:2111.09832,
    equation 2. F_i is the diagonal on the run's own data, with labels drawn from the model itself.
    """

    needs = "fisher"

    def merge(self, tensors: Tensors) -> np.ndarray:
        total, weights = (np.zeros(tensors.base.shape, np.float32) for _ in range(2))
        for run, weight, fisher in zip(
            tensors.runs, tensors.weights, tensors.statistics, strict=True
        ):
            counts = np.float32(weight) * ((0 if fisher is None else fisher) + np.float32(FLOOR))
            total += counts * run
            weights += counts
        return total / weights


@dataclass(frozen=True)
class RegMean(Method):
    """W = (sum_i w_i G_i)^-1 sum_i w_i G_i W_i of linear layers; the mean of all other weights.

    G_i = X'X over what the layer reads of the run's own texts, its numbers off the diagonal times
    `off_diagonal`: this W is nearest to every run's own outputs. Jin et al. (2022), Dataless
    Knowledge Fusion by Merging Weights of Language Models, arXiv:2212.09849, equation 2 and
    section 3.3.
    """

    off_diagonal: Annotated[float, Field(ge=0.0, le=1.0)] = 0.9

    needs = "gram"

    def merge(self, tensors: Tensors) -> np.ndarray:
        grams = [gram for gram in tensors.statistics if gram is not None]
        if len(grams) < len(tensors.runs):
            return weighted_mean(tensors.runs, tensors.weights)
        grams = [
            weight * self._shrunk(gram) for weight, gram in zip(tensors.weights, grams, strict=True)
        ]
        # The community keeps W' [out, in]; G is [in, in] and its own transpose.
        products = sum(run @ gram for run, gram in zip(tensors.runs, grams, strict=True))
        try:
            return np.linalg.solve(sum(grams), products.T).T.astype(np.float32)
        except np.linalg.LinAlgError:
            raise InputError(
                f"--method=regmean: what {tensors.name} reads says nothing of some of its inputs; "
                "give the runs more texts, or off_diagonal below 1"
            ) from None

    def _shrunk(self, gram: np.ndarray) -> np.ndarray:
        shrunk = self.off_diagonal * gram.astype(np.float64)
        np.fill_diagonal(shrunk, gram.diagonal())
        return shrunk
