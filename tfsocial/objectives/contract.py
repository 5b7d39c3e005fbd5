"""What every objective promises, and what it gets: the two sides of the formula's seam.

An objective is a frozen dataclass whose fields are its knobs. Called with a view of the
step it returns per-example losses and their mask, never a reduced number: `weighing`
alone weighs, masks, reduces and sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfsocial.kinds import TaskKind
from tfsocial.models.text_model import Outputs
from tfsocial.text.batch import Batch, WordParts

ANY_KIND: tuple[TaskKind, ...] = ("classify", "multilabel", "regress")


class Terms(NamedTuple):
    """Per-example losses.

    Attributes:
        loss: float32 [rows, slots]; whatever stands where the mask is 0 is ignored,
            so long as it is finite.
        mask: float32 [rows, slots] of 0 and 1.
    """

    loss: tf.Tensor
    mask: tf.Tensor


class LabelTokens(NamedTuple):
    """Label names as the text model reads them, packed.

    Attributes:
        hidden: [rows, row_length, hidden].
        segment_ids: int32 [rows, row_length], 0 for padding.
        slots: of a row.
        places: row and slot of each label, in their order.
    """

    hidden: tf.Tensor
    segment_ids: tf.Tensor
    slots: int
    places: Sequence[tuple[int, int]]


class Taught(NamedTuple):
    """What a teacher says of examples.

    Attributes:
        pooled: float32 [..., hidden], its vectors.
        logits: task -> float32 [..., width], in the order of the model's own.
        known: float32 [...], 1 where it read the example, else 0 and zeros above.
    """

    pooled: tf.Tensor
    logits: Mapping[str, tf.Tensor]
    known: tf.Tensor


class Forward(Protocol):
    """A lazy view of one step: what nobody asks for is not computed, nothing is computed twice."""

    @property
    def batch(self) -> Batch:
        """The batch of the step."""

    @property
    def kinds(self) -> Mapping[str, TaskKind]:
        """Task -> its kind."""

    @property
    def label_counts(self) -> Mapping[str, np.ndarray]:
        """Training examples of each class, int [classes], for every classification."""

    @property
    def progress(self) -> tf.Tensor:
        """The fraction of the run behind us, float32 scalar."""

    @property
    def outputs(self) -> Outputs:
        """The ordinary training pass."""

    def again(self) -> Outputs:
        """Give a second pass with fresh dropout; the same one for all who ask."""

    def second_view(self) -> Outputs:
        """Give a pass over each example's second view, `data.second_view` of the config.

        Its slots hold the same examples. For an objective that needs "second_view".
        """

    @property
    def community(self) -> Outputs:
        """M0's own outputs, frozen, without dropout; for an objective that needs "m0".

        Its logits are those of linear probes on its vectors, for one that needs "probe".
        """

    def perturbed(self, delta: tf.Tensor) -> Outputs:
        """Give a pass with `delta`, float32 [rows, row_length, hidden], added to word vectors."""

    def embedding_gradient(self, task: str) -> tf.Tensor:
        """Compute how the task's loss in the ordinary pass rises with each example's word vectors.

        A constant of this step, float32 [rows, row_length, hidden].
        """

    def task_loss(self, task: str, outputs: Outputs, labels: tf.Tensor | None = None) -> Terms:
        """Compute the task's own loss in L, had these been the outputs (and these the labels)."""

    @property
    def features(self) -> tf.Tensor | None:
        """What heads read beside the vectors, float32 [rows, slots, F]; None where nothing is."""

    def heads(self, pooled: tf.Tensor, features: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Compute every task's logits from any vectors, under fresh head dropout.

        Args:
            pooled: float32 [rows, slots, hidden].
            features: float32 [rows, slots, F] in the place of the batch's.

        Returns:
            Task -> float32 [rows, slots, width].
        """

    def uniform(self) -> tf.Tensor:
        """Draw numbers between 0 and 1, float32 [rows, slots]; new ones each call."""

    def noise(self) -> tf.Tensor:
        """Draw standard normal numbers, float32 [rows, row_length, hidden]; new ones each call."""

    @property
    def average(self) -> Outputs:
        """Outputs of the moving average of the weights, without dropout and constants of the step.

        For an objective that needs "averaged_weights".
        """

    def label_embeddings(self, task: str) -> tf.Tensor:
        """Give the text model's vectors of a task's label names, float32 [labels, hidden].

        For an objective that needs "label_embeddings".
        """

    def name_separation(self, task: str) -> float:
        """How far a task's label names tell M0 which label a text has: 0.5 is chance, 1 always.

        Known while the step is traced. For an objective that needs "name_separation".
        """

    def label_tokens(self, task: str) -> LabelTokens:
        """Give the text model's states of a task's label names, token by token.

        For an objective that needs "label_embeddings".
        """

    def propagated_labels(self, task: str) -> tf.Tensor:
        """Give train's labels, spread between neighbours in M0's vectors: [rows, slots, classes].

        Float32 probabilities; zeros for what is not train's. For an objective that needs
        "propagated_labels".
        """

    def teacher(self, name: str) -> Taught:
        """Give what the teacher of that name says of the batch's examples, [rows, slots, ...].

        For an objective that needs "teacher".
        """

    def teacher_hidden(self, name: str) -> tf.Tensor:
        """Compute the states of that teacher's last layer, [rows, row_length, hidden], frozen.

        For an objective that needs "teacher_encoder".
        """

    @property
    def word_parts(self) -> WordParts:
        """Which tokens of the vocabulary are special, which go on with a word.

        For an objective that needs "word_parts".
        """

    def uniform_tokens(self) -> tf.Tensor:
        """Draw numbers between 0 and 1, float32 [rows, row_length]; new ones each call."""

    def encode_tokens(self, token_ids: tf.Tensor) -> Outputs:
        """Give a pass over other tokens, int32 [rows, row_length], in the places of the batch's."""

    def mlm_logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """Compute which word stands at each place, float32 [rows, places, words].

        For an objective that needs "mlm_head".
        """

    @property
    def fisher(self) -> Mapping[str, tf.Tensor]:
        """How much M0's own masked-LM task depends on each of `parameters`; of mean 1.

        For an objective that needs "fisher".
        """

    def frozen(self, values: tf.Tensor) -> tf.Tensor:
        """Give the values as constants of this step: no gradient runs through them."""

    @property
    def parameters(self) -> Mapping[str, tuple[tf.Tensor, tf.Tensor]]:
        """Each weight of the encoder's backbone, by its name, beside its value in M0.

        Only for an objective that needs "m0".
        """

    def gather(self, values: tf.Tensor) -> tf.Tensor:
        """Concatenate the values of all replicas along the first axis; differentiable."""


@dataclass(frozen=True)
class Objective:
    """One term of L + alpha * L0 + beta * L_paper: a frozen dataclass whose fields are its knobs.

    Attributes:
        kinds: of task that it can be about; one without a field `task` fits all.
        needs: what the run has to make for it before the first step, by the names of
            `training.providers`; it reads nothing else of that sort.
        checkpoint_fields: its fields that name one of the config's `checkpoints`.
        learns_from_text: whether it asks for more than to stay near M0, without any task.
    """

    kinds: ClassVar[tuple[TaskKind, ...]] = ANY_KIND
    needs: ClassVar[tuple[str, ...]] = ()
    checkpoint_fields: ClassVar[tuple[str, ...]] = ()
    learns_from_text: ClassVar[bool] = False

    def __call__(self, step: Forward) -> Terms:
        raise NotImplementedError(type(self).__name__)
