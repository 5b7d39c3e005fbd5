"""A text model over packed batches: numbers out, in the order of the examples."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfsocial.data import batch as keys
from tfsocial.data import packing
from tfsocial.models.text_model import TextModel


def predict(model: TextModel, batches: tf.data.Dataset) -> dict[str, np.ndarray]:
    """Predictions of every task, float32 [n, width], row i for the i-th smallest example id."""

    @tf.function
    def answers(batch):
        return model.predictions(model(batch, training=False))

    ids, values = [], []
    for batch in batches:
        ids.append(batch[keys.EXAMPLE_ID].numpy())
        values.append({task: found.numpy() for task, found in answers(batch).items()})
    return {
        task: packing.unpack(
            np.concatenate(ids), np.concatenate([found[task] for found in values])
        )[1]
        for task in model.specs
    }
