"""A text model over packed batches: numbers out, in the order of the examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfsocial.models.text_model import TextModel
from tfsocial.text import batch as keys
from tfsocial.text import packing


def predict(model: TextModel, batches: tf.data.Dataset) -> dict[str, np.ndarray]:
    """Predict every task, float32 [n, width], row i for the i-th smallest example id."""

    def compute(batch: keys.Batch) -> dict[str, tf.Tensor]:
        outputs = model(batch, training=False)
        return model.predictions(outputs.pooled, outputs.logits)

    return by_example(_graph(compute), batches)


class BeforePredictions(NamedTuple):
    """What predictions are made of; row i for the i-th smallest example id.

    Attributes:
        pooled: float32 [n, hidden].
        logits: task -> float32 [n, learned].
    """

    pooled: tf.Tensor
    logits: dict[str, tf.Tensor]


def before_predictions(model: TextModel, batches: tf.data.Dataset) -> BeforePredictions:
    """Compute pooled vectors and logits: what later fits scales and thresholds needs no encoder."""

    def compute(batch: keys.Batch) -> dict[str, tf.Tensor]:
        outputs = model(batch, training=False)
        return {"": outputs.pooled, **outputs.logits}

    arrays = by_example(_graph(compute), batches)
    values = {name: tf.constant(array) for name, array in arrays.items()}
    return BeforePredictions(values.pop(""), values)


def embed(model: TextModel, batches: tf.data.Dataset) -> np.ndarray:
    """Embed examples, float32 [n, hidden], row i for the i-th smallest example id."""
    compute = _graph(lambda batch: {"": model(batch, training=False).pooled})
    return by_example(compute, batches)[""]


_graph = partial(tf.function, autograph=False)


def by_example(
    compute: Callable[[keys.Batch], dict[str, tf.Tensor]], batches: tf.data.Dataset
) -> dict[str, np.ndarray]:
    """Give by example, [n, width], what is computed per slot, [rows, slots, width]."""
    ids, values = [], []
    for batch in batches:
        ids.append(batch[keys.EXAMPLE_ID].numpy())
        values.append({name: outputs.numpy() for name, outputs in compute(batch).items()})
    return {
        name: packing.unpack(
            np.concatenate(ids), np.concatenate([outputs[name] for outputs in values])
        )[1]
        for name in values[0]
    }
