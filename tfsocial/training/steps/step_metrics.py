"""What leaves a step: only metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.objectives.table import Term
from tfsocial.objectives.weighing import Weighed
from tfsocial.text import batch as keys
from tfsocial.text import packing


class StepMetrics:
    """Means of the formula, of each term, and of what a batch holds.

    A raw tensor would be summed over replicas on GPU but taken from the first replica on TPU.

    Attributes:
        means: name of a curve -> its metric.
    """

    def __init__(self, terms: Sequence[Term]):
        self.means = {name: keras.metrics.Mean(name) for name in _names(terms)}

    def update(self, batch: keys.Batch, weighed: Weighed) -> dict[str, tf.Tensor]:
        """Add a step; shares of R replicas add up, so their mean is R times too small.

        Returns:
            Name of a curve -> its mean since the start of the epoch, float32 [].
        """
        replicas = tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, tf.float32)
        for name, share in _shares(batch, weighed):
            self.means[name].update_state(share * replicas)
        self.means["padding_share"].update_state(packing.padding_share(batch[keys.SEGMENT_IDS]))
        results = {name: metric.result() for name, metric in self.means.items()}
        if not isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            return results
        # Keras adds the workers' logs up, each of which is of the global batch already.
        return {name: result / replicas for name, result in results.items()}


def _shares(batch: keys.Batch, weighed: Weighed) -> Iterator[tuple[str, tf.Tensor]]:
    """List what this replica adds to each curve."""
    yield "loss", weighed.loss
    yield from ((f"raw/{name}", value) for name, value in weighed.raw.items())
    yield from ((f"weighted/{name}", value) for name, value in weighed.weighted.items())
    yield "examples", tf.reduce_sum(batch[keys.WEIGHT])
    yield "tokens", tf.reduce_sum(tf.cast(batch[keys.SEGMENT_IDS] > 0, tf.float32))


def _names(terms: Sequence[Term]) -> list[str]:
    per_term = [f"{form}/{term.name}" for form in ("raw", "weighted") for term in terms]
    return ["loss", *per_term, "examples", "tokens", "padding_share"]
