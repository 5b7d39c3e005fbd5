"""The lazy view an objective gets of a step: cost follows use, and nothing is done twice.

With only L in the formula the graph holds exactly one forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import tensorflow as tf

from tfsocial.kinds import TaskKind
from tfsocial.models import parameters
from tfsocial.models.heads import first_token
from tfsocial.models.text_model import Outputs, TextModel
from tfsocial.objectives.contract import LabelTokens, Taught, Terms
from tfsocial.text import packing
from tfsocial.text.batch import (
    EXAMPLE_ID,
    SEGMENT_IDS,
    TOKEN_IDS,
    TOKEN_KEYS,
    Batch,
    WordParts,
    label_key,
    view_key,
)
from tfsocial.training.run_constants import RunConstants


@dataclass(frozen=True)
class Step:
    """`objectives.contract.Forward` on real models. Lives while one step is traced."""

    batch: Batch
    text_model: TextModel
    constants: RunConstants
    training: bool
    progress: tf.Tensor | float = 1.0

    @property
    def label_counts(self) -> Mapping[str, np.ndarray]:
        return self.constants.label_counts

    @cached_property
    def kinds(self) -> dict[str, TaskKind]:
        return {task: spec.kind for task, spec in self.text_model.specs.items()}

    @cached_property
    def outputs(self) -> Outputs:
        with self._tape:
            self._tape.watch(self._words)
            return self.text_model(self.batch, training=self.training, words=self._words)

    @cached_property
    def _words(self) -> tf.Tensor:
        return self.text_model.encoder.words(self.batch)

    @cached_property
    def _tape(self) -> tf.GradientTape:
        """Over the ordinary pass, so that `embedding_gradient` needs no pass of its own."""
        return tf.GradientTape(persistent=True, watch_accessed_variables=False)

    @cached_property
    def _second(self) -> Outputs:
        return self.text_model(self.batch, training=self.training)

    def again(self) -> Outputs:
        return self._second

    @cached_property
    def _second_view(self) -> Outputs:
        view = self.constants["second_view"]
        tokens = {key: self.batch[view_key(view, key)] for key in TOKEN_KEYS}
        return self.text_model({**self.batch, **tokens}, training=self.training)

    def second_view(self) -> Outputs:
        return self._second_view

    def perturbed(self, delta: tf.Tensor) -> Outputs:
        return self.text_model(self.batch, training=self.training, words=self._words + delta)

    @cached_property
    def _embedding_gradients(self) -> dict[str, tf.Tensor]:
        return {}

    def embedding_gradient(self, task: str) -> tf.Tensor:
        if task not in self._embedding_gradients:
            outputs = self.outputs
            with self._tape:
                loss, mask = self.task_loss(task, outputs)
                # The sum's gradient is that of each: only in an order do examples see each other.
                total = tf.reduce_sum(tf.where(mask > 0, loss, 0.0))
            self._embedding_gradients[task] = self.frozen(self._tape.gradient(total, self._words))
        return self._embedding_gradients[task]

    def task_loss(self, task: str, outputs: Outputs, labels: tf.Tensor | None = None) -> Terms:
        batch = self.batch if labels is None else {**self.batch, label_key(task): labels}
        supposed = replace(self, batch=batch)
        vars(supposed)["outputs"] = outputs  # where `cached_property` keeps what it has computed
        return self.constants.losses[task](supposed)

    @property
    def features(self) -> tf.Tensor | None:
        return self.text_model.features(self.batch)

    def heads(self, pooled: tf.Tensor, features: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        beside = self.features if features is None else features
        return self.text_model.heads(pooled, beside, training=self.training)

    def uniform(self) -> tf.Tensor:
        return self.text_model.encoder.generator.uniform(tf.shape(self.batch[EXAMPLE_ID]))

    def noise(self) -> tf.Tensor:
        return self.text_model.encoder.generator.normal(tf.shape(self._words))

    @cached_property
    def average(self) -> Outputs:
        outputs = self.constants["averaged_weights"](self.batch, training=False)
        return tf.nest.map_structure(tf.stop_gradient, outputs)

    @cached_property
    def _of_names(self) -> dict[str, Outputs]:
        return {}

    def _read_names(self, task: str) -> tuple[Batch, Outputs, np.ndarray]:
        """Give a task's label names, the pass over them, and row and slot of each, int [m, 2]."""
        batch = self.constants["label_embeddings"][task]
        if task not in self._of_names:
            self._of_names[task] = self.text_model(batch, training=self.training)
        # Where they stand is known while tracing: XLA wants the number of names.
        return batch, self._of_names[task], packing.places(batch[EXAMPLE_ID].numpy())

    def label_embeddings(self, task: str) -> tf.Tensor:
        _, outputs, places = self._read_names(task)
        return tf.gather_nd(outputs.pooled, places)

    def name_separation(self, task: str) -> float:
        return self.constants["name_separation"][task]

    def label_tokens(self, task: str) -> LabelTokens:
        batch, outputs, places = self._read_names(task)
        slots = batch[EXAMPLE_ID].shape[1]
        return LabelTokens(outputs.hidden, batch[SEGMENT_IDS], slots, places.tolist())

    def propagated_labels(self, task: str) -> tf.Tensor:
        known = self.constants["propagated_labels"]
        if known is None:  # the batch is not train's
            return tf.zeros_like(self.outputs.logits[task])
        return self._of_train(known[task])

    def teacher(self, name: str) -> Taught:
        known = self.constants["teacher"]
        if known is None:  # the batch is not train's
            return _nothing_taught(self.outputs)
        return tf.nest.map_structure(self._of_train, known[name])

    def teacher_hidden(self, name: str) -> tf.Tensor:
        return self.frozen(self.constants["teacher_encoder"][name](self.batch, training=False))

    def _of_train(self, values: tf.Tensor) -> tf.Tensor:
        """Pick of [train's examples, ...] what belongs to the batch's; zeros in gaps."""
        ids = self.batch[EXAMPLE_ID]
        rows = tf.gather(values, tf.maximum(ids, 0))
        there = (ids >= 0)[(..., *[tf.newaxis] * (len(values.shape) - 1))]
        return tf.where(there, rows, 0.0)

    @property
    def word_parts(self) -> WordParts:
        return self.constants["word_parts"]

    def uniform_tokens(self) -> tf.Tensor:
        return self.text_model.encoder.generator.uniform(tf.shape(self.batch[TOKEN_IDS]))

    def encode_tokens(self, token_ids: tf.Tensor) -> Outputs:
        return self.text_model({**self.batch, TOKEN_IDS: token_ids}, training=self.training)

    def mlm_logits(self, hidden: tf.Tensor) -> tf.Tensor:
        return self.constants["mlm_head"](hidden)

    @property
    def fisher(self) -> Mapping[str, tf.Tensor]:
        return self.constants["fisher"]

    def frozen(self, values: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(values)

    @cached_property
    def community(self) -> Outputs:
        # Where the vectors are known and nobody reads the states, the graph prunes the pass.
        hidden = self.constants["m0"](self.batch, training=False)
        known, probe = self.constants.get("m0_vectors"), self.constants.get("probe")
        pooled = self._pooled_by_m0(hidden) if known is None else self._of_train(known)
        logits = probe(pooled) if probe else {}
        outputs = tf.nest.map_structure(tf.stop_gradient, Outputs(hidden, pooled, logits))
        return outputs if probe else outputs._replace(logits=_NoProbe())

    def _pooled_by_m0(self, hidden: tf.Tensor) -> tf.Tensor:
        """Pool as the text model does, but through M0's own pooler where there is one."""
        m0 = self.constants["m0"]
        if not m0.has_pooler:
            return self.text_model.pool(hidden, self.batch)
        slots = self.batch[EXAMPLE_ID].shape[1]
        first = first_token(hidden, self.batch[SEGMENT_IDS], slots)
        return tf.cast(m0.pooler(first), tf.float32)

    @cached_property
    def parameters(self) -> Mapping[str, tuple[tf.Tensor, tf.Tensor]]:
        at_m0 = parameters.of_encoder(self.constants["m0"]).variables
        backbone = parameters.of_encoder(self.text_model.encoder).of("backbone").variables
        return {
            name: (weight, tf.stop_gradient(tf.convert_to_tensor(at_m0[name])))
            for name, weight in backbone.items()
        }

    def gather(self, values: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return values
        return context.all_gather(values, axis=0)


def _nothing_taught(outputs: Outputs) -> Taught:
    pooled, logits = tf.nest.map_structure(tf.zeros_like, (outputs.pooled, outputs.logits))
    return Taught(pooled, logits, tf.zeros_like(outputs.pooled[..., 0]))


class _NoProbe(dict):
    """Logits on M0's vectors where nobody has declared that they are needed."""

    def __missing__(self, task: str) -> tf.Tensor:
        return RunConstants()["probe"]
