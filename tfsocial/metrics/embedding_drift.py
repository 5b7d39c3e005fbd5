"""Whether vectors come from where they came from: maximum mean discrepancy, in a few numbers.

The kernel exp(-gamma |x - y|^2) is the product of random features cos(wx), sin(wx), w normal with
variance 2 gamma (Rahimi and Recht, NeurIPS 2007), so the squared discrepancy of two samples
(Gretton et al., JMLR 2012) is the squared distance of their mean features: what has to be kept of a
sample is one vector. How far a sample of the same source is away by chance is told by resampling.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

FREQUENCIES = 128
SEED = 0
FEWEST = 50  # rows that say anything
PAIRS = 500  # rows whose distances give gamma
DRAWS = 1000
WINDOW = 100  # rows of a draw; the discrepancy by chance goes as 1 / rows
QUANTILES = 200


def features(vectors: np.ndarray) -> dict[str, Any] | None:
    """Summarize vectors [n, hidden]; None of fewer than 50.

    Returns:
        JSON values: `gamma`, of the standardized vectors, one over twice the median squared
        distance; `mean` and `std` [hidden] that standardize; `features` [256], their mean;
        `chance`, quantiles of the squared discrepancy of a sample of the same vectors times
        1 / (1 / its rows + 1 / n).
    """
    if len(vectors) < FEWEST:
        return None
    source = np.random.default_rng(SEED)
    mean, std = vectors.mean(0), np.maximum(vectors.std(0), 1e-6)
    rows = ((vectors - mean) / std)[source.permutation(len(vectors))]
    some = rows[:PAIRS]
    squares = (some**2).sum(1)
    distances = squares[:, None] + squares - 2 * some @ some.T
    gamma = 1 / (2 * max(1e-6, float(np.median(distances[np.triu_indices(len(some), 1)]))))
    every = _features(rows, gamma)
    return {
        "gamma": gamma,
        "mean": _rounded(mean),
        "std": _rounded(std),
        "features": _rounded(every.mean(0)),
        "chance": _rounded(_by_chance(every, source)),
    }


def mean_features(reference: Mapping[str, Any], vectors: np.ndarray) -> np.ndarray:
    """Give the mean features [256] of vectors [n, hidden], by a summary's gamma."""
    rows = (vectors - np.array(reference["mean"])) / np.array(reference["std"])
    return _features(rows, reference["gamma"]).mean(0)


def discrepancy(
    reference: Mapping[str, Any], mean: np.ndarray, rows: int, reference_rows: int
) -> float:
    """Give the squared discrepancy of a sample from a summary's, in units of chance.

    Args:
        mean: features [256] of the sample.
    """
    difference = mean - np.array(reference["features"])
    return float(difference @ difference) / (1 / rows + 1 / reference_rows)


def threshold(reference: Mapping[str, Any], false_alarms: float) -> float:
    """Give what a sample of the same source exceeds with this probability."""
    return float(np.quantile(reference["chance"], 1 - false_alarms))


def _features(rows: np.ndarray, gamma: float) -> np.ndarray:
    angles = rows @ (np.sqrt(2 * gamma) * _frequencies(rows.shape[1]))
    return np.concatenate([np.cos(angles), np.sin(angles)], 1) / np.sqrt(FREQUENCIES)


@functools.cache
def _frequencies(hidden: int) -> np.ndarray:
    """Draw [hidden, 128] of unit variance: always the same, so once."""
    return np.random.default_rng(SEED).standard_normal([hidden, FREQUENCIES])


def _by_chance(every: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """Resample: quantiles of the scaled squared discrepancy of a window from the rest."""
    window = min(WINDOW, len(every) // 2)
    total, rest = every.sum(0), len(every) - window
    found = np.empty(DRAWS)
    for draw in range(DRAWS):
        inside = every[source.permutation(len(every))[:window]].sum(0)
        difference = inside / window - (total - inside) / rest
        found[draw] = difference @ difference / (1 / window + 1 / rest)
    return np.quantile(found, np.linspace(0, 1, QUANTILES))


def _rounded(values: np.ndarray) -> list[float]:
    return np.round(values.astype(float), 6).tolist()
