"""The network: TF-BERT on packed rows, pooling, heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

from tfsocial.models import heads, kernels
from tfsocial.models.encoder import PackedBert
from tfsocial.models.heads import Heads, MLMHead
from tfsocial.models.spec import FeatureSpec, HeadSpec, TextModelSpec
from tfsocial.models.tf_transformers import BertConfig
from tfsocial.text import batch as keys


class Outputs(NamedTuple):
    """What one pass gives.

    Attributes:
        hidden: [rows, row_length, hidden], in the compute precision.
        pooled: float32 [rows, slots, hidden].
        logits: task -> float32 [rows, slots, width].
    """

    hidden: tf.Tensor
    pooled: tf.Tensor
    logits: dict[str, tf.Tensor]


class TextModel(keras.layers.Layer):
    """Encoder and heads; the part of a run that is saved and served.

    Its `spec` and its encoder's `config` are all that another model with the same weights is
    built from; see `of`.
    """

    def __init__(
        self,
        config: BertConfig,
        specs: dict[str, HeadSpec],
        pooling: str,
        head_dropout: float = 0.0,
        seed: int = 0,
        mlm_head: bool = False,
        compiled: bool = False,
        head_normalize: bool = False,
        gradient_checkpointing: bool = False,
        features: Mapping[str, FeatureSpec] | None = None,
    ):
        super().__init__(name="text_model")
        self.spec = TextModelSpec(
            specs,
            pooling,
            head_normalize=head_normalize,
            mlm_head=mlm_head,
            features=dict(features or {}),
        )
        self.specs = specs
        self.pooling = pooling
        self.encoder = PackedBert(
            config, pooling == "pooler", seed, compiled, gradient_checkpointing, name="encoder"
        )
        dropout = kernels.dropout(compiled)(head_dropout, self.encoder.generator, dtype="float32")
        width = self.spec.feature_width
        self.heads = Heads(specs, config.hidden_size, dropout, head_normalize, width, name="heads")
        self.mlm_head = MLMHead(config) if mlm_head else None

    @classmethod
    def of(cls, config: BertConfig, spec: TextModelSpec) -> TextModel:
        """Build a model of this architecture and these parts, to be given weights."""
        model = cls(
            config,
            spec.tasks,
            spec.pooling,
            mlm_head=spec.mlm_head,
            head_normalize=spec.head_normalize,
            features=spec.features,
        )
        model.spec = replace(model.spec, calibration=spec.calibration)
        model.build()
        return model

    def build(self, input_shape=None):
        self.encoder.build()
        self.heads.build()
        if self.mlm_head:
            self.mlm_head.build()
        super().build(input_shape)

    def call(
        self, batch: keys.Batch, training: bool = False, words: tf.Tensor | None = None
    ) -> Outputs:
        """Compute one pass over a batch.

        Args:
            words: [rows, row_length, hidden], vectors to read instead of the word table's.
        """
        hidden = self.encoder(batch, training=training, words=words)
        pooled = self.pool(hidden, batch)
        logits = self.heads(pooled, self.features(batch), training=training)
        return Outputs(hidden, pooled, logits)

    def features(self, batch: keys.Batch) -> tf.Tensor | None:
        """Take what the heads read beside the vectors from a batch; None where they read none."""
        return batch[keys.FEATURES] if self.spec.features else None

    @property
    def built_mlm_head(self) -> MLMHead:
        """The masked-LM head; for a model that was built with one."""
        if self.mlm_head is None:
            raise ValueError("the text model was built without a masked-LM head")
        return self.mlm_head

    def mlm_logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """Score the word at each place, float32 [rows, places, words], by the masked-LM head."""
        return self.built_mlm_head(hidden, self.encoder.bert.embeddings.weight)

    def pool(self, hidden: tf.Tensor, batch: keys.Batch) -> tf.Tensor:
        """Pool hidden states to one vector per slot, float32 [rows, slots, hidden]."""
        segments, slots = batch[keys.SEGMENT_IDS], _slots(batch)
        if self.pooling == "mean":
            return heads.mean_pool(hidden, segments, slots)
        first = heads.first_token(hidden, segments, slots)
        if self.pooling == "cls":
            return first
        return tf.cast(self.encoder.pooler(first), tf.float32)

    def predictions(self, pooled: tf.Tensor, logits: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Predict probabilities or values of every task, float32 [..., width].

        Args:
            pooled, logits: of `Outputs`, [..., hidden] and task -> [..., width].
        """
        return {task: self._predictions(task, pooled, logits[task]) for task in logits}

    def calibrated(self, task: str, logits: tf.Tensor) -> tf.Tensor:
        """Scale a task's logits [..., width] as its calibration says, if it has one."""
        scaling = self.spec.calibration.get(task)
        return logits * scaling.scale + scaling.shift if scaling else logits

    def _predictions(self, task: str, pooled: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        logits = self.calibrated(task, logits)
        if task in self.heads.ood_detectors:
            return self.heads.ood_detectors[task](pooled, logits)
        return heads.predictions(self.specs[task].kind, logits)


def _slots(batch: keys.Batch) -> int | tf.Tensor:
    example_id = batch[keys.EXAMPLE_ID]
    return example_id.shape[1] or tf.shape(example_id)[1]
