"""The names of a task's labels as texts, which the text model reads in each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfsocial.data.pipeline import batches
from tfsocial.models.spec import HeadSpec
from tfsocial.text import batch as keys
from tfsocial.text.batch import Batch
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants

SLOTS = 64  # label names are short


class LabelEmbeddings(Provider):
    """Task -> a packed batch of its labels' names, one example each, in their order."""

    def texts(self, specs: Mapping[str, HeadSpec]) -> Mapping[str, Sequence[str]]:
        return {task: spec.learned_labels for task, spec in specs.items() if spec.labels}

    def build(self, context: Context, constants: RunConstants) -> dict[str, Batch]:
        names = context.texts.get("label_embeddings", {})
        length = context.shape.row_length
        width = context.text_model.spec.feature_width
        return {
            task: _without_features(batches.one_batch(texts, length, SLOTS), width)
            for task, texts in names.items()
        }


def _without_features(batch: Batch, width: int) -> Batch:
    """Put zeros where heads read columns: what they say of a name is not looked at."""
    if not width:
        return batch
    return {**batch, keys.FEATURES: tf.zeros([*batch[keys.EXAMPLE_ID].shape, width])}
