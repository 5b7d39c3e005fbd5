"""How far the names of labels tell M0 which label a text has."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfsocial.data.pipeline import batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, sample
from tfsocial.models import inference
from tfsocial.objectives.table import Term
from tfsocial.training.forward import Step
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants

log = logging.getLogger(__name__)

MOST_TEXTS = 2000


class NameSeparation(Provider):
    """Task -> share of (text, other label) in which a text is nearer to its own label's name.

    0.5 is chance, 1 is always; of the tasks whose terms ask, the others have 1.
    """

    def build(self, context: Context, constants: RunConstants) -> dict[str, float]:
        least = _least(context.terms)
        separation = dict.fromkeys(context.text_model.specs, 1.0)
        if not any(least.values()):
            return separation
        texts, vectors = _read(context)
        for task in [task for task, bound in least.items() if bound]:
            names = Step({}, context.text_model, constants, training=False).label_embeddings(task)
            labels = texts.labels[task].numpy()
            separation[task] = name_separation(vectors, labels, names.numpy())
            _announce(task, separation[task], least[task])
        return separation


def _read(context: Context) -> tuple[TokenizedSplit, np.ndarray]:
    """Give texts of train and M0's vectors of them; where they are all, others have read them."""
    if len(context.encoded) <= MOST_TEXTS:
        return context.encoded, context.vectors
    texts = sample(context.encoded, MOST_TEXTS)
    read = batches.evaluation_batches(texts, context.shape)
    return texts, inference.embed(context.text_model, read)


def _least(terms: Sequence[Term]) -> dict[str, float]:
    """Map task -> the bound that its term sets."""
    objectives = [term.objective for term in terms]
    return {
        one.task: one.min_name_separation
        for one in objectives
        if hasattr(one, "min_name_separation") and hasattr(one, "task")
    }


def name_separation(vectors: np.ndarray, labels: np.ndarray, names: np.ndarray) -> float:
    """Compute the share of (text, other label) in which the own label's name has the higher cosine.

    The mean over texts of the area under the ROC curve of one positive; ties count half. 0.5
    where there is no other label, or no text has one.

    Args:
        vectors: float32 [n, hidden].
        labels: int [n], -1 for none.
        names: float32 [classes, hidden].

    >>> texts, names = np.array([[1.0, 0.1], [0.2, 1.0], [1.0, 0.3]]), np.eye(2)
    >>> round(name_separation(texts, np.array([0, 1, 1]), names), 3)
    0.667
    """
    known = (labels >= 0) & (labels < len(names))
    if len(names) < 2 or not known.any():
        return 0.5
    one, other = (
        tf.math.l2_normalize(tf.cast(values, tf.float32), -1).numpy()
        for values in (vectors[known], names)
    )
    cosines = one @ other.T
    own = np.take_along_axis(cosines, labels[known][:, None], 1)
    ahead = (own > cosines).sum(1) + 0.5 * ((own == cosines).sum(1) - 1)
    return float(np.mean(ahead / (len(names) - 1)))


def _announce(task: str, separation: float, least: float) -> None:
    said = (
        "the term that draws texts to names is left out"
        if separation < least
        else "texts are drawn to them"
    )
    log.info(
        "names of the labels of %s: nearer to their own texts than to others' in %.0f of 100 "
        "comparisons (50 is chance): %s",
        task,
        100 * separation,
        said,
    )
