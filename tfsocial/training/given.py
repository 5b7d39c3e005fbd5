"""What a step reads beside its batch and theta: made once, the same for a whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import tensorflow as tf

from tfsocial.config import Config
from tfsocial.data.pipeline.batches import evaluation_batches, one_batch
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.models import inference, parameters
from tfsocial.models.encoder import PackedBert
from tfsocial.models.heads import Heads, HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import table
from tfsocial.objectives.contract import Objective
from tfsocial.objectives.table import Term
from tfsocial.text.batch import Batch, Shape, WordParts
from tfsocial.training import probe

NAMES_IN_A_ROW = 64  # names are short
REMEMBERED = 2**26  # numbers of M0's vectors that are kept in memory, 256 MB


@dataclass(frozen=True)
class Given:
    """Constants of a run.

    Attributes:
        m0: the community's encoder, frozen; None where no objective needs it.
        probes: linear heads on M0, frozen; None where no objective needs them.
        losses: task -> its loss in L.
        label_counts: training examples of each class of each classification.
        average: the text model with averaged weights; None where no objective needs it.
        names: task -> a packed batch of its labels' names, one example each, in their order.
        word_parts: what masking must know of the vocabulary; None where no objective masks.
        fisher: what M0's own task depends on, of each weight of the backbone, where an objective
            needs it.
        spread: task -> float32 [train's examples, classes], train's labels as they spread between
            neighbours in M0's vectors, where an objective needs them.
        m0_vectors: float32 [train's examples, hidden], M0's pooled vector of each, where its text
            is the same in every epoch; else None, and M0 reads each batch.
    """

    m0: PackedBert | None = None
    probes: Heads | None = None
    losses: Mapping[str, Objective] = field(default_factory=dict)
    label_counts: Mapping[str, np.ndarray] = field(default_factory=dict)
    average: TextModel | None = None
    names: Mapping[str, Batch] = field(default_factory=dict)
    word_parts: WordParts | None = None
    fisher: Mapping[str, tf.Tensor] = field(default_factory=dict)
    spread: Mapping[str, tf.Tensor] = field(default_factory=dict)
    m0_vectors: tf.Tensor | None = None

    @property
    def elsewhere(self) -> Given:
        """For batches that are not train's: without what was made of train's examples."""
        return replace(self, m0_vectors=None, spread={})


def make(
    terms: Sequence[Term],
    text_model: TextModel,
    probes: Heads | None,
    labels: Mapping[str, np.ndarray],
    names: Mapping[str, TokenizedSplit],
    word_parts: WordParts | None,
    row_length: int,
    vectors: np.ndarray | None = None,
) -> Given:
    """What these terms need, while the encoder's weights are still M0's.

    Args:
        labels: task -> labels of train.
        names: task -> its label names as tokens.
        vectors: M0's of train's examples, if their texts do not change.
    """
    wanted = table.needs(terms, "vectors")  # vectors are made for what is fitted to them, too
    known = wanted and vectors is not None and vectors.size <= REMEMBERED
    return Given(
        m0=_copy_of_encoder(text_model.encoder) if _reads_m0(terms) else None,
        probes=probes,
        losses=table.losses(terms),
        label_counts=_label_counts(labels, text_model.specs),
        average=_copy(text_model) if table.needs(terms, "average") else None,
        names={task: one_batch(own, row_length, NAMES_IN_A_ROW) for task, own in names.items()},
        word_parts=word_parts,
        m0_vectors=tf.constant(vectors) if known else None,
    )


def _reads_m0(terms: Sequence[Term]) -> bool:
    community = (term.objective for term in terms if term.name.startswith("L0/"))
    return any(getattr(objective, "reads_m0", True) for objective in community)


def vectors_of_m0(
    config: Config,
    terms: Sequence[Term],
    text_model: TextModel,
    train: TokenizedSplit,
    shape: Shape,
) -> np.ndarray | None:
    """The pooled vector of each of train's examples, [n, hidden], while the weights are still M0's.

    None where neither L0 nor what is fitted to them asks for it; or L0 alone, of texts that change
    in each epoch or are too many to keep.
    """
    starts = config.model.head_init != "random" or any(
        table.needs(terms, what) for what in ("probe", "spread")
    )
    lasting = not config.data.augment
    small = len(train) * text_model.encoder.config.hidden_size <= REMEMBERED
    if not starts and not (table.needs(terms, "vectors") and lasting and small):
        return None
    return inference.embed(text_model, evaluation_batches(train, shape))


def started(
    config: Config,
    terms: Sequence[Term],
    text_model: TextModel,
    train: TokenizedSplit,
    vectors: np.ndarray | None,
) -> Heads | None:
    """Starts the heads as the config says, from M0's vectors of train.

    Returns:
        Linear probes on M0, where an objective needs them.
    """
    start, c, teacher = config.model.head_init, config.model.probe_c, table.needs(terms, "probe")
    if start == "random" and not teacher:
        return None
    if start != "random":
        probe.put(text_model.heads, vectors, train, text_model.specs, start, c)
    if not teacher:
        return None
    size, normalize = text_model.encoder.config.hidden_size, text_model.heads.normalize
    probes = Heads(text_model.specs, size, normalize=normalize, name="probes")
    probes.build()
    probe.put(probes, vectors, train, text_model.specs, "probe", c)
    return probes


def _label_counts(
    labels: Mapping[str, np.ndarray], specs: Mapping[str, HeadSpec]
) -> dict[str, np.ndarray]:
    """Training examples of each class of each classification."""
    return {
        task: _counted(labels[task], spec.learned)
        for task, spec in specs.items()
        if spec.kind == "classify"
    }


def _counted(labels: np.ndarray, classes: int) -> np.ndarray:
    """A part at a time: counting copies what it counts, and there may be ten million.

    >>> _counted(np.array([2, -1, 0, 2], np.int32), classes=4).tolist()
    [1, 0, 2, 0]
    """
    parts = np.array_split(labels, 1 + len(labels) // 2**20)
    return sum(np.bincount(part[part >= 0], minlength=classes) for part in parts)


def _copy_of_encoder(encoder: PackedBert) -> PackedBert:
    """M0: the same weights, never to be trained."""
    m0 = PackedBert(encoder.config, pooler=encoder.has_pooler, name="m0")
    m0.build()
    parameters.of_encoder(m0).copy_from(parameters.of_encoder(encoder))
    m0.trainable = False
    return m0


def _copy(text_model: TextModel) -> TextModel:
    twin = TextModel.of(text_model.encoder.config, text_model.spec)
    parameters.of_text_model(twin).copy_from(parameters.of_text_model(text_model))
    return twin
