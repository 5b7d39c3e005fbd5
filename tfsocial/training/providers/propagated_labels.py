"""Labels of a few texts, spread to the rest of train between neighbours in M0's vectors.

What M0 says of texts that nobody labelled: which of them lie together. A classifier of M0's vectors
sees labelled ones alone. A second checkpoint may have its say beside M0.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy import sparse, special
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.data.examples import Examples
from tfsocial.errors import InputError
from tfsocial.models.text_model import TextModel
from tfsocial.objectives.community import LabelPropagation
from tfsocial.objectives.table import Term
from tfsocial.training import probe
from tfsocial.training.forward import Step
from tfsocial.training.providers import contract
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants

log = logging.getLogger(__name__)

KEY = "objectives.community.label_propagation"
STEPS = 50  # what is left of the start after them is 0.9^50, half a percent
CUBED = 3  # power of the cosine in an edge's weight, as in Iscen et al. (2019), arXiv:1904.04717
C = 10.0  # of the regression on vectors of length 1
SHARPENED = 3.0  # what it says is flat where labels are few
UNLABELLED = 0.3  # trust in what it says of a text without a label, beside 1 in a label


class PropagatedLabels(Provider):
    """Task -> float32 [train's examples, classes], train's labels as they spread."""

    of_train = True

    def build(self, context: Context, constants: RunConstants) -> dict[str, tf.Tensor]:
        return of_train(
            context.terms,
            context.text_model,
            constants,
            context.train,
            context.vectors,
            context.checkpoints,
            context.shape.row_length,
        )


def of_train(
    terms: Sequence[Term],
    text_model: TextModel,
    constants: RunConstants,
    train: Examples,
    vectors: np.ndarray,
    beside: Mapping[str, CommunityCheckpoint],
    row_length: int,
) -> dict[str, tf.Tensor]:
    """Spread train's labels, task -> float32 [n, classes], for the terms that ask for it.

    A text that stands there more than once, as in a mixture, counts once. A label's name is one
    more example of it.

    Args:
        vectors: float32 [n, hidden] of train's examples, M0's.
        beside: name -> the second checkpoint that a term reads.
        row_length: tokens of a text that those read.

    Raises:
        InputError: it would not fit into memory, or a second checkpoint lacks weights.
    """
    asked = _asked(terms)
    for objective in asked:
        _check_size(len(train), text_model.specs[objective.task].learned)
    first, text = _distinct(train)
    by_task = {}
    for objective in asked:
        task = objective.task
        names = Step({}, text_model, constants, training=False).label_embeddings(task).numpy()
        labels = _labels(train.labels[task], text, len(first), len(names))
        at_m0 = np.concatenate([vectors[first], names])
        if objective.beside:
            read = beside[objective.beside].embedder(text_model.pooling, row_length)
            learned = text_model.specs[task].learned_labels
            second = [read(train.taken(first)), read.names(learned)]
            at_m0 = np.hstack([normalize(at_m0), np.concatenate(second)])
        neighbourhood = Neighbourhood.of(
            at_m0, objective.neighbours, objective.share, objective.trust
        )
        _announce(task, neighbourhood.trial(labels, len(names)), labels)
        by_task[task] = tf.constant(
            neighbourhood.spread(labels, neighbourhood.guess(labels, len(names)))[text]
        )
    return by_task


@dataclass(frozen=True)
class Neighbourhood:
    """Examples and who their neighbours are.

    Attributes:
        units: float [n, hidden], vectors of length 1.
        graph: S = D^-1/2 (W + W') D^-1/2 [n, n], W the cubed cosines of nearest neighbours.
        share: of what an example is told by its neighbours, between 0 and 1.
        trust: in a label against the guess, between 0 and 1.
    """

    units: np.ndarray
    graph: sparse.csr_matrix
    share: float
    trust: float = 1.0

    @classmethod
    def of(
        cls, vectors: np.ndarray, neighbours: int, share: float, trust: float = 1.0
    ) -> Neighbourhood:
        """Find so many nearest neighbours of each example, by cosine.

        Args:
            vectors: float [n, hidden].
        """
        units = normalize(vectors)
        nearest = NearestNeighbors(n_neighbors=min(neighbours, len(units) - 1), metric="cosine")
        graph = nearest.fit(units).kneighbors_graph(mode="distance")
        graph.data = np.maximum(1 - graph.data, 1e-6) ** CUBED
        graph = graph + graph.T
        scale = sparse.diags(1 / np.sqrt(np.asarray(graph.sum(1)).ravel()))
        return cls(units, scale @ graph @ scale, share, trust)

    def spread(self, labels: np.ndarray, guess: np.ndarray) -> np.ndarray:
        """Compute probabilities float32 [n, classes] from labels int [n], -1 where there is none.

        F(t + 1) = share * S F(t) + (1 - share) * Y: Zhou et al. (2003), Learning with Local and
        Global Consistency, NIPS 16. Y is 1 at a label, as far as labels are trusted, the rest being
        the guess; where there is none it is the guess, weighed less. Each class gets the mass that
        it has among the labels. Both are from Zhu, Ghahramani & Lafferty (2003), Semi-Supervised
        Learning Using Gaussian Fields and Harmonic Functions, ICML.

        Args:
            guess: float [n, classes], probabilities.
        """
        known, classes = labels >= 0, guess.shape[1]
        told = self.trust * np.eye(classes)[labels] + (1 - self.trust) * guess
        start = np.where(known[:, None], told, UNLABELLED * guess)
        mass = start
        for _ in range(STEPS):
            mass = self.share * (self.graph @ mass) + (1 - self.share) * start
        counts = np.bincount(labels[known], minlength=classes)
        balanced = mass * (counts / np.maximum(mass.sum(0), 1e-12))
        return (balanced / balanced.sum(1, keepdims=True)).astype(np.float32)

    def guess(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Predict all by a logistic regression on the labelled examples, float [n, classes].

        Args:
            labels: int [n], -1 where there is none.
        """
        known = labels >= 0
        fitted = probe.logistic(self.units[known], labels[known], classes, C)
        return special.softmax(SHARPENED * (self.units @ fitted.kernel + fitted.bias), axis=1)

    def trial(self, labels: np.ndarray, classes: int) -> tuple[float, float]:
        """Find each half of the labels from the other: shares that spreading and guessing find.

        Args:
            labels: int [n], -1 where there is none.
        """
        places = np.flatnonzero(labels >= 0)
        right = np.zeros([2, len(places)])
        for half in (0, 1):
            hidden = places[half::2]
            left = labels.copy()
            left[hidden] = -1
            guess = self.guess(left, classes)
            for who, answer in enumerate((self.spread(left, guess), guess)):
                right[who, half::2] = answer[hidden].argmax(1) == labels[hidden]
        return tuple(right.mean(1))


def _asked(terms: Sequence[Term]) -> list[LabelPropagation]:
    return [term.objective for term in terms if isinstance(term.objective, LabelPropagation)]


def _check_size(examples: int, classes: int) -> None:
    if examples * classes > contract.MOST_NUMBERS:
        raise InputError(
            f"{KEY}: {examples} examples of {classes} classes "
            f"are more than the {contract.MOST_NUMBERS} numbers it keeps; take fewer"
        )


def _distinct(train: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Find of each text the row where it stands first; and of each row, which text it is."""
    rows = zip(train.text, train.text if train.pair is None else train.pair, strict=True)
    number: dict[tuple[str, str], int] = {}
    text = np.array([number.setdefault(row, len(number)) for row in rows])
    return np.unique(text, return_index=True)[1], text


def _labels(labels: np.ndarray, text: np.ndarray, texts: int, classes: int) -> np.ndarray:
    """Give one label for each text, -1 where no row has one; then those of the names.

    >>> _labels(np.array([-1, 2, -1]), text=np.array([0, 0, 1]), texts=2, classes=3).tolist()
    [2, -1, 0, 1, 2]
    """
    each = np.full(texts, -1)
    has = labels >= 0
    each[text[has]] = labels[has]
    return np.concatenate([each, np.arange(classes)])


def _announce(task: str, trial: tuple[float, float], labels: np.ndarray) -> None:
    """Say whether it is worth it: that can be seen before the first step."""
    spread, guessed = (100 * share for share in trial)
    log.info(
        "%s: %d labels, names among them, spread to %d texts; each half of them from the other is "
        "%.1f %% right, by logistic regression %.1f %%",
        *(task, np.count_nonzero(labels >= 0), np.count_nonzero(labels < 0), spread, guessed),
    )
