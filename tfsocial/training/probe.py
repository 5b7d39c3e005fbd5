"""Heads fitted to vectors as they are: M0's before anything moves, the tuned encoder's at the end.

A head that starts from nothing sends large, random gradients into the encoder and distorts
the features it was chosen for; one that fits them already does not. And one fitted anew when the
encoder has come to rest is not left behind by its last steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from scipy import special
from sklearn.linear_model import LogisticRegression, Ridge

from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.models.heads import Heads
from tfsocial.models.spec import HeadSpec

MINUS = -10.0  # logit of what train has no example of
ITERATIONS = 1000
FOLDS = 5


class Linear(NamedTuple):
    """A fitted head: kernel float32 [hidden, width], bias float32 [width]."""

    kernel: np.ndarray
    bias: np.ndarray


def fit(
    vectors: np.ndarray,
    encoded: TokenizedSplit,
    specs: Mapping[str, HeadSpec],
    how: str,
    c: float = 1.0,
) -> dict[str, Linear]:
    """Fit a head for every task to the examples' vectors, float32 [n, hidden], in their order.

    Before the first step: linear probing, then fine-tuning (LP-FT), Kumar et al. (2022),
    Fine-Tuning can Distort Pretrained Features, arXiv:2202.10054. After the last one: as SetFit
    does, Tunstall et al. (2022), arXiv:2209.11055, section 3.

    Args:
        how: "probe", regularised logistic (or ridge) regression; or "class_means", for classes
            the discriminant of normal distributions with one spherical variance (Bishop, 2006,
            Pattern Recognition and Machine Learning, section 4.2.2), else as "probe".
        c: inverse strength of the logistic regressions' L2 penalty.
    """
    labels = {task: encoded.labels[task].numpy() for task in specs}
    return {task: _head(vectors, labels[task], spec, how, c) for task, spec in specs.items()}


def put(
    heads: Heads,
    vectors: np.ndarray,
    encoded: TokenizedSplit,
    specs: Mapping[str, HeadSpec],
    how: str,
    c: float = 1.0,
) -> None:
    """Set the heads to what `fit` finds on what they read of these vectors and beside them.

    Args:
        vectors: float32 [n, hidden].
    """
    scale = _scale(heads, c)
    features = scale * _read(heads, vectors, encoded)
    for task, linear in fit(features, encoded, specs, how, c).items():
        heads.linear[task].set_weights([scale[:, None] * linear.kernel, linear.bias])


def put_features(heads: Heads, encoded: TokenizedSplit, specs: Mapping[str, HeadSpec]) -> None:
    """Set what the heads make of columns beside the vectors, if any, to what `fit` finds on those.

    A head's rate suits vectors of hundreds of numbers, which together move a logit far in each
    step; the weight of a single number would get nowhere in a run of some hundred.
    """
    if encoded.feature_vectors is None:
        return
    of_columns = fit(encoded.feature_vectors.numpy(), encoded, specs, "probe")
    for task, linear in of_columns.items():
        kernel = heads.linear[task].get_weights()[0]
        kernel[heads.hidden_size :] = linear.kernel
        heads.linear[task].set_weights([kernel, linear.bias])


def out_of_fold_logits(
    heads: Heads,
    vectors: np.ndarray,
    encoded: TokenizedSplit,
    specs: Mapping[str, HeadSpec],
    c: float,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Compute what heads as `put` sets them say of each example that they were fitted without.

    In five folds, of a classification with equal shares of each class. Vectors of an encoder that
    learned these labels flatter them all the same; measured, see docs, Calibration.

    Args:
        vectors: float32 [n, hidden].

    Returns:
        Of tasks with labels: task -> float32 [n, learned], and task -> labels, without those of
        classes with one example, which nobody can learn from the others.
    """
    features = _scale(heads, c) * _read(heads, vectors, encoded)
    logits, judged = {}, {}
    for task, spec in specs.items():
        if spec.kind == "regress":
            continue
        labels = encoded.labels[task].numpy()
        logits[task] = np.zeros([len(labels), spec.learned], np.float32)
        for held in _folds(labels):
            fitted = _head(features[~held], labels[~held], spec, "probe", c)
            logits[task][held] = features[held] @ fitted.kernel + fitted.bias
        judged[task] = _learnable(labels) if spec.kind == "classify" else labels
    return logits, judged


def _scale(heads: Heads, c: float) -> np.ndarray:
    """Scale what heads read so that a penalty of C = c is one of C = 1 for columns, [hidden + F].

    They are standardised and few: what holds back the hundreds of numbers of a vector would
    silence them.
    """
    both = np.array([1.0, c**-0.5], np.float32)
    return np.repeat(both, [heads.hidden_size, heads.feature_width])


def _read(heads: Heads, vectors: np.ndarray, encoded: TokenizedSplit) -> np.ndarray:
    """Compute what heads read of examples: their vectors, and columns beside them."""
    return heads.read(tf.constant(vectors), encoded.feature_vectors).numpy()


def _learnable(labels: np.ndarray) -> np.ndarray:
    """Put -1 for the label of a class with one example.

    >>> _learnable(np.array([0, 2, 2, -1])).tolist()
    [-1, 2, 2, -1]
    """
    counts = np.bincount(labels[labels >= 0], minlength=1)
    return np.where((labels >= 0) & (counts[labels] > 1), labels, -1)


def _folds(labels: np.ndarray) -> list[np.ndarray]:
    """Share examples out, each class equally: bool [n] a fold that is not empty."""
    order = np.random.default_rng(0).permutation(len(labels))
    if labels.ndim == 1:
        order = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), int)
    fold[order] = np.arange(len(labels)) % FOLDS
    return [fold == number for number in range(min(FOLDS, len(labels)))]


def _head(vectors: np.ndarray, labels: np.ndarray, spec: HeadSpec, how: str, c: float) -> Linear:
    if spec.kind == "classify":
        known = labels >= 0
        vectors, labels = vectors[known], labels[known]
        if how == "class_means":
            return _class_means(vectors, labels, spec.learned)
        return logistic(vectors, labels, spec.learned, c)
    known = np.isfinite(labels).all(-1)
    if spec.kind == "regress":
        return _ridge(vectors[known], labels[known])
    columns = [_one_label(vectors[known], column, c) for column in labels[known].T]
    return Linear(np.stack([w for w, _ in columns], 1), np.array([b for _, b in columns]))


def logistic(vectors: np.ndarray, labels: np.ndarray, width: int, c: float) -> Linear:
    """Fit a logistic regression; a class without an example gets a logit of -10.

    Args:
        vectors: float32 [n, hidden].
        labels: int [n], below `width`.
        c: inverse strength of the L2 penalty.
    """
    kernel = np.zeros([vectors.shape[1], width], np.float32)
    bias = np.full([width], MINUS, np.float32)
    met = np.unique(labels)
    if len(met) == 1:
        bias[met] = -MINUS
        return Linear(kernel, bias)
    fitted = LogisticRegression(C=c, max_iter=ITERATIONS).fit(vectors, labels)
    if len(met) == 2:  # one row for both: half of the log-odds goes to either side
        kernel[:, met] = np.stack([-fitted.coef_[0], fitted.coef_[0]], 1) / 2
        bias[met] = np.array([-fitted.intercept_[0], fitted.intercept_[0]]) / 2
    else:
        kernel[:, met], bias[met] = fitted.coef_.T, fitted.intercept_
    return Linear(kernel, bias)


def _class_means(vectors: np.ndarray, labels: np.ndarray, width: int) -> Linear:
    """Fit log p(c) + log N(x; m_c, v I), less what classes share: (m_c . x - |m_c|^2 / 2) / v."""
    counts = np.bincount(labels, minlength=width)
    one_hot = np.eye(width, dtype=np.float32)[labels]
    means = one_hot.T @ vectors / np.maximum(counts, 1)[:, None]
    variance = max(float(np.mean(np.square(vectors - means[labels]))), 1e-6)
    bias = np.log(np.maximum(counts, 1) / len(labels)) - np.square(means).sum(1) / 2 / variance
    bias[counts == 0] = bias[counts > 0].min() + MINUS
    return Linear((means.T / variance).astype(np.float32), bias.astype(np.float32))


def _ridge(vectors: np.ndarray, values: np.ndarray) -> Linear:
    fitted = Ridge().fit(vectors, values[:, 0])
    return Linear(
        fitted.coef_[:, None].astype(np.float32), np.array([fitted.intercept_], np.float32)
    )


def _one_label(vectors: np.ndarray, label: np.ndarray, c: float) -> tuple[np.ndarray, np.float32]:
    """Fit kernel [hidden] and bias of a label's log-odds; of one that never changes, its share."""
    if len(np.unique(label)) == 1:
        share = (label.sum() + 0.5) / (len(label) + 1)
        return np.zeros(vectors.shape[1], np.float32), np.float32(special.logit(share))
    fitted = LogisticRegression(C=c, max_iter=ITERATIONS).fit(vectors, label)
    return fitted.coef_[0].astype(np.float32), np.float32(fitted.intercept_[0])
