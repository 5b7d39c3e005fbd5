"""Logits scaled so that probabilities mean what they say, fitted on rows nobody trained on.

One number a classification, two numbers a label of a multilabel task: neither changes which label
is the likeliest of a classification, nor the order of texts by a label's probability.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

LEAST, MOST = 0.05, 20.0  # temperatures; outside, dev is too small or the model is broken


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature T with which softmax(logits / T) says most of the labels.

    Guo et al. (2017), On Calibration of Modern Neural Networks, arXiv:1706.04599, section 4.2. The
    targets are softened as Platt's (see `fit_platt`): of n rows that are all right, the next one
    may still be wrong, so T does not go to 0.

    Args:
        logits: float [n, C].
        labels: int [n]; rows below 0 or from C on are left out.

    Returns:
        T, 1 where no row is left.

    >>> logits = np.array([[4.0, 0.0]] * 4)
    >>> T = fit_temperature(logits, np.array([0, 0, 0, 1]))
    >>> f"{1 / (1 + np.exp(-4 / T)):.2f}"  # three of four are right; softened, (3 * 5/6 + 1/6) / 4
    '0.67'
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    known = (labels >= 0) & (labels < logits.shape[-1])
    logits, labels = logits[known], labels[known]
    classes = logits.shape[-1]
    if not len(labels) or classes < 2:
        return 1.0
    doubt = 1 / (len(labels) + 2)
    targets = np.full(logits.shape, doubt / (classes - 1))
    targets[np.arange(len(labels)), labels] = 1 - doubt

    def loss(log_temperature: float) -> float:
        return -float(np.sum(targets * special.log_softmax(logits / np.exp(log_temperature), -1)))

    bounds = (np.log(LEAST), np.log(MOST))
    return float(np.exp(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))


def fit_platt(logits: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit, for each label, scale a and shift b of the probability sigmoid(a * logit + b).

    Platt (1999), Probabilistic Outputs for Support Vector Machines: the targets of N+ rows with the
    label are (N+ + 1) / (N+ + 2), those of the N- without it 1 / (N- + 2).

    Args:
        logits: float [n, C].
        truth: float [n, C] of 0 and 1; rows with NaN are left out.

    Returns:
        a and b, float64 [C]; 1 and 0 for a label that all rows carry, or none.
    """
    logits, truth = np.asarray(logits, np.float64), np.asarray(truth, np.float64)
    known = np.isfinite(truth).all(-1)
    logits, truth = logits[known], truth[known] > 0.5
    pairs = [_platt(logits[:, label], truth[:, label]) for label in range(logits.shape[-1])]
    scale, shift = np.array(pairs, np.float64).reshape(-1, 2).T
    return scale, shift


def _platt(logits: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    carried = int(truth.sum())
    if carried in (0, len(truth)):
        return 1.0, 0.0
    targets = np.where(truth, (carried + 1) / (carried + 2), 1 / (len(truth) - carried + 2))

    def loss(pair: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = pair[0] * logits + pair[1]
        slope = special.expit(scaled) - targets
        cost = np.sum(np.logaddexp(0, scaled) - targets * scaled)
        return float(cost), np.array([slope @ logits, slope.sum()])

    bounds = [(1 / MOST, 1 / LEAST), (None, None)]  # no scale turns the order of texts round
    fitted = optimize.minimize(loss, [1.0, 0.0], jac=True, method="L-BFGS-B", bounds=bounds)
    return float(fitted.x[0]), float(fitted.x[1])
