"""Labels of a few texts, spread to the rest of train between neighbours in M0's vectors.

What M0 says of texts that nobody labelled: which of them lie together. A classifier of M0's vectors
sees labelled ones alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from scipy import sparse, special
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from tfsocial.config import ConfigError
from tfsocial.data.sources import Examples
from tfsocial.models.text_model import TextModel
from tfsocial.objectives.community import LabelPropagation
from tfsocial.objectives.table import Term
from tfsocial.training import probe
from tfsocial.training.forward import Step
from tfsocial.training.given import REMEMBERED, Given

log = logging.getLogger(__name__)

STEPS = 50  # what is left of the start after them is 0.9^50, half a percent
CUBED = 3  # of the cosine, an edge's weight: Iscen et al. (2019), arXiv:1904.04717, equation 9
C = 10.0  # of the regression on vectors of length 1
SHARPENED = 3.0  # what it says is flat where labels are few
TRUST = 0.3  # in what it says, beside 1 in a label


def of_train(
    terms: Sequence[Term],
    text_model: TextModel,
    given: Given,
    train: Examples,
    vectors: np.ndarray,
) -> dict[str, tf.Tensor]:
    """Task -> float32 [n, classes], what `spread` makes of train, for the terms that ask for it.

    A text that stands there more than once, as in a mixture, counts once. A label's name is one
    more example of it.

    Args:
        vectors: float32 [n, hidden] of train's examples, M0's.

    Raises:
        ConfigError: it would not fit into memory.
    """
    first, text = _distinct(train)
    found = {}
    for objective in (term.objective for term in terms):
        if not isinstance(objective, LabelPropagation):
            continue
        task, classes = objective.task, text_model.specs[objective.task].learned
        if len(train) * classes > REMEMBERED:
            raise ConfigError(
                f"objectives.community.label_propagation: {len(train)} examples of {classes} "
                f"classes are more than the {REMEMBERED} numbers it keeps; take fewer"
            )
        names = Step({}, text_model, given, training=False).names(task).numpy()
        labels = np.full(len(first), -1)
        has = train.labels[task] >= 0
        labels[text[has]] = train.labels[task][has]
        known = np.count_nonzero(labels >= 0)
        log.info("%s: labels of %d texts spread to %d others", task, known, len(first) - known)
        every = np.concatenate([labels, np.arange(classes)])
        at_m0 = np.concatenate([vectors[first], names])
        shares = spread(at_m0, every, classes, objective.neighbours, objective.share)
        found[task] = tf.constant(shares[text])
    return found


def _distinct(train: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Of each text the row where it stands first; and of each row, which text it is."""
    rows = zip(train.text, train.pair or train.text, strict=True)
    number: dict[tuple[str, str], int] = {}
    text = np.array([number.setdefault(row, len(number)) for row in rows])
    return np.unique(text, return_index=True)[1], text


def spread(
    vectors: np.ndarray, labels: np.ndarray, classes: int, neighbours: int, share: float
) -> np.ndarray:
    """Probabilities float32 [n, classes] of every example.

    F(t + 1) = share * S F(t) + (1 - share) * Y, S the normalised graph of nearest neighbours:
    Zhou et al. (2003), Learning with Local and Global Consistency, NIPS 16. Y is 1 at a label;
    where there is none it is what a logistic regression on the labelled vectors says, trusted
    less. Each class gets the mass that it has among the labels. Both are from Zhu, Ghahramani &
    Lafferty (2003), Semi-Supervised Learning Using Gaussian Fields and Harmonic Functions, ICML.

    Args:
        vectors: float [n, hidden], of M0.
        labels: int [n], -1 where there is none.
        neighbours: of each example in the graph.
        share: of what an example is told by its neighbours, between 0 and 1.
    """
    units = normalize(vectors)
    start = _beliefs(units, labels, classes)
    graph = _graph(units, min(neighbours, len(units) - 1))
    found = start
    for _ in range(STEPS):
        found = share * (graph @ found) + (1 - share) * start
    return _balanced(found, labels)


def _beliefs(units: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Y."""
    known = labels >= 0
    fitted = probe.logistic(units[known], labels[known], classes, C)
    logits = units @ fitted.kernel + fitted.bias
    believed = TRUST * special.softmax(SHARPENED * logits, axis=1)
    believed[known] = np.eye(classes)[labels[known]]
    return believed


def _graph(units: np.ndarray, neighbours: int) -> sparse.csr_matrix:
    """S = D^-1/2 (W + W') D^-1/2."""
    found = NearestNeighbors(n_neighbors=neighbours, metric="cosine").fit(units)
    graph = found.kneighbors_graph(mode="distance")
    graph.data = np.maximum(1 - graph.data, 1e-6) ** CUBED
    graph = graph + graph.T
    scale = sparse.diags(1 / np.sqrt(np.asarray(graph.sum(1)).ravel()))
    return scale @ graph @ scale


def _balanced(found: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Class mass normalization; a row sums to 1."""
    counts = np.bincount(labels[labels >= 0], minlength=found.shape[1])
    scaled = found * (counts / np.maximum(found.sum(0), 1e-12))
    return (scaled / scaled.sum(1, keepdims=True)).astype(np.float32)
