"""What a run's own data say of its weights: Fisher information, and what linear layers read."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from operator import attrgetter
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsocial import files
from tfsocial.checkpoints import model_folder, tensors
from tfsocial.composition import fitting, heads
from tfsocial.composition.fitting import RunData
from tfsocial.composition.methods.contract import Statistic
from tfsocial.composition.parents import Parent
from tfsocial.models import parameters
from tfsocial.models.encoder import PackedBert
from tfsocial.models.parameters import LINEAR
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.text import batch as keys
from tfsocial.text.batch import Batch
from tfsocial.training.providers.fisher import mean_squares

log = logging.getLogger(__name__)

EXAMPLES = 2000  # of train, about, that are looked at

Arrays = dict[str, np.ndarray]


def measure(path: Path, kind: Statistic, run: Parent) -> Mapping[str, np.ndarray]:
    """Measure a statistic on a run's own data, name -> array, and keep it in a file.

    It is read where it is there.
    """
    if not path.is_file():
        log.info("%s of %s", kind, run.folder)
        text_model = model_folder.load(run.model).model
        # Whatever its weight: one below 0 brings no task of its own.
        data = fitting.load_data(run, heads.plan([replace(run, weight=1.0)], "own"))
        measured = {"fisher": fisher, "gram": grams}[kind](text_model, _first(data))
        with files.replacing(path) as partial:
            partial.write_bytes(tensors.to_bytes(measured))
    return tensors.read(path)


def _first(data: RunData) -> list[Batch]:
    """Take batches of train with about so many examples, spread over all of it."""
    every = max(1, len(data.encoded["train"]) // EXAMPLES)
    return list(islice(data.batches("train"), 0, None, every))


def fisher(text_model: TextModel, batches: list[Batch]) -> Arrays:
    """Measure the diagonal of the encoder's Fisher information, over its mean; as kept on disk.

    F_i = E[(d/dw_i log p(y | x))^2] with y drawn from the model itself: Martens (2020),
    arXiv:1412.1193, section 5. Scores of drawn labels have mean 0 and are independent, so the
    square of a batch's gradient is, on average, the sum of its examples' squares. The sum is over
    the tasks too.
    """
    weights = parameters.of_encoder(text_model.encoder).of("backbone")
    random, variables = tf.random.Generator.from_seed(0), weights.variables

    def gradients(batch: Batch) -> dict[str, tf.Tensor]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*variables.values()])
            logits = text_model(batch, training=False).logits
            losses = [
                _drawn_loss(text_model.specs[task], one, random) for task, one in logits.items()
            ]
            there = tf.cast(batch[keys.WEIGHT] > 0, tf.float32)
            total = tf.reduce_sum(tf.add_n(losses) * there)
        return tape.gradient(total, variables, unconnected_gradients="zero")

    squares = mean_squares(variables, gradients, batches)
    arrays = {name: square.numpy() for name, square in squares.items()}
    return {
        name: np.ascontiguousarray(array.T if weights[name].transposed else array)
        for name, array in arrays.items()
    }


def _drawn_loss(spec: HeadSpec, logits: tf.Tensor, random: tf.random.Generator) -> tf.Tensor:
    """Compute -log p(y) of a label drawn from the model, [rows, slots] of [rows, slots, width]."""
    if spec.kind == "regress":  # a normal distribution of variance 1
        drawn = tf.stop_gradient(logits) + random.normal(tf.shape(logits))
        return tf.reduce_sum(tf.square(drawn - logits), -1) / 2
    u = random.uniform(tf.shape(logits), minval=1e-7)
    if spec.kind == "multilabel":
        drawn = tf.cast(u < tf.sigmoid(logits), tf.float32)
        losses = tf.nn.sigmoid_cross_entropy_with_logits(drawn, logits)
        return tf.reduce_sum(losses, -1)
    drawn = tf.argmax(logits - tf.math.log(-tf.math.log(u)), -1)  # Gumbel's way
    return tf.nn.sparse_softmax_cross_entropy_with_logits(drawn, logits)


def grams(text_model: TextModel, batches: list[Batch]) -> Arrays:
    """Measure X'X / n of what each linear layer reads of n real tokens, float32 [in, in].

    By the layer's name with `.weight`; padding is left out.
    """
    layers = _linear_layers(text_model.encoder)

    @tf.function(autograph=False)
    def products(batch: Batch) -> dict[str, tf.Tensor]:
        with _recorded(layers) as read:
            text_model.encoder(batch, training=False)
        real = batch[keys.SEGMENT_IDS] > 0
        masked = {name: tf.boolean_mask(states, real) for name, states in read.items()}
        return {name: tf.matmul(x, x, transpose_a=True) for name, x in masked.items()}

    tokens, sums = 0, dict[str, np.ndarray]()
    for batch in batches:
        tokens += int(np.sum(batch[keys.SEGMENT_IDS].numpy() > 0))
        for name, product in products(batch).items():
            sums[name] = sums.get(name, 0) + product.numpy()
    return {f"{name}.weight": (total / tokens).astype(np.float32) for name, total in sums.items()}


def _linear_layers(encoder: PackedBert) -> dict[str, keras.layers.Layer]:
    return {
        f"encoder.layer.{number}.{part}": attrgetter(path)(layer)
        for number, layer in enumerate(encoder.bert.encoder.layer)
        for part, path in LINEAR.items()
    }


@contextlib.contextmanager
def _recorded(layers: Mapping[str, keras.layers.Layer]) -> Iterator[dict[str, tf.Tensor]]:
    """Remember inside what each layer reads, name -> tensor."""
    read: dict[str, tf.Tensor] = {}
    calls = {name: layer.call for name, layer in layers.items()}

    def recording(name: str):
        def call(inputs, *args, **kwargs):
            read[name] = inputs
            return calls[name](inputs, *args, **kwargs)

        return call

    for name, layer in layers.items():
        layer.call = recording(name)
    try:
        yield read
    finally:
        for name, layer in layers.items():
            layer.call = calls[name]
