"""The lazy view an objective gets of a step: cost follows use, and nothing is done twice.

With only L in the formula the graph holds exactly one forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import tensorflow as tf

from tfsocial.config import TaskKind
from tfsocial.data.batch import EXAMPLE_ID, SEGMENT_IDS, Batch
from tfsocial.models.encoder import PackedBert
from tfsocial.models.heads import first_token
from tfsocial.models.text_model import Outputs, TextModel


@dataclass(frozen=True)
class Step:
    """`objectives.contract.Forward` on real models. Lives while one step is traced."""

    batch: Batch
    text_model: TextModel
    m0: PackedBert | None
    training: bool

    @cached_property
    def kinds(self) -> dict[str, TaskKind]:
        return {task: spec.kind for task, spec in self.text_model.specs.items()}

    @cached_property
    def outputs(self) -> Outputs:
        return self.text_model(self.batch, training=self.training)

    @cached_property
    def _second(self) -> Outputs:
        return self.text_model(self.batch, training=self.training)

    def again(self) -> Outputs:
        return self._second

    @cached_property
    def community(self) -> Outputs:
        hidden = self.m0(self.batch, training=False)
        pooled = self._pooled_by_m0(hidden)
        return Outputs(tf.stop_gradient(hidden), tf.stop_gradient(pooled), {})

    def _pooled_by_m0(self, hidden: tf.Tensor) -> tf.Tensor:
        """As the text model pools, but through M0's own pooler where there is one."""
        if not self.m0.has_pooler:
            return self.text_model.pool(hidden, self.batch)
        slots = self.batch[EXAMPLE_ID].shape[1]
        first = first_token(hidden, self.batch[SEGMENT_IDS], slots)
        return tf.cast(self.m0.pooler(first), tf.float32)

    @cached_property
    def parameters(self) -> Sequence[tuple[tf.Tensor, tf.Tensor]]:
        pairs = zip(self.text_model.encoder.variables, self.m0.variables, strict=True)
        return [(weight, tf.stop_gradient(tf.convert_to_tensor(at_m0))) for weight, at_m0 in pairs]

    def gather(self, values: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return values
        return context.all_gather(values, axis=0)
