"""Training with KerasHub's BertTextClassifier and its own preprocessor, on TensorFlow or JAX.

`fit` takes the raw texts, as KerasHub's guides do, so its tokenizer runs inside the clock (in a
`tf.data` pipeline beside the steps); so do the forward and backward passes and the AdamW step.

    python kerashub_classifier.py --data=train.csv --checkpoint=DIR --backend=jax --threads=2
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import measure
import rows

LEARNING_RATE = 1e-4
POLICIES = {"fp32": "float32", "bf16": "mixed_bfloat16"}


def parse() -> argparse.Namespace:
    """The shared flags, the backend and the sequence length."""
    parser = measure.flags(__doc__, batch_size=32, precisions=tuple(POLICIES))
    parser.add_argument("--backend", choices=("tensorflow", "jax"), default="tensorflow")
    parser.add_argument("--sequence_length", type=measure.positive, default=128)
    return parser.parse_args()


def start_backend(options: argparse.Namespace) -> None:
    """Chooses backend, threads and precision; must run before anything else touches Keras."""
    os.environ["KERAS_BACKEND"] = options.backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    measure.hold_to_threads(options.threads)
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    import keras

    keras.utils.set_random_seed(rows.SEED)
    keras.config.set_dtype_policy(POLICIES[options.precision])


def classifier(options: argparse.Namespace, classes: int):
    """A compiled classifier with the checkpoint's weights."""
    import keras
    import keras_hub

    preprocessor = keras_hub.models.BertTextClassifierPreprocessor.from_preset(
        options.checkpoint, sequence_length=options.sequence_length
    )
    model = keras_hub.models.BertTextClassifier(
        backbone=keras_hub.models.BertBackbone.from_preset(options.checkpoint),
        preprocessor=preprocessor,
        num_classes=classes,
    )
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.AdamW(LEARNING_RATE),
        jit_compile=True,
    )
    return model


def train(options: argparse.Namespace, model, part: rows.Rows) -> float:
    """One epoch over the rows; seconds of the timed part."""
    import keras

    clock = measure.StepClock(options.warmup, options.steps)

    class Clock(keras.callbacks.Callback):
        """Tells the clock of every step; Keras has made the loss a number by then."""

        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])
            clock.step_ended()

    model.fit(
        part.texts,
        part.labels,
        batch_size=options.batch_size,
        epochs=1,
        verbose=0,
        callbacks=[Clock()],
    )
    return clock.seconds


def real_tokens(model, texts: list[str]) -> int:
    """Tokens of the texts without padding, as KerasHub's preprocessor counts them."""
    import numpy

    return int(numpy.asarray(model.preprocessor(texts)["padding_mask"]).sum())


def main() -> None:
    """Reads the rows, trains, prints the JSON line."""
    options = parse()
    start_backend(options)
    warmup = options.warmup * options.batch_size
    timed = options.steps * options.batch_size
    part = rows.read(options.data).part(0, warmup + timed)
    model = classifier(options, len(part.names))
    seconds = train(options, model, part)
    measure.report(
        peer=f"kerashub_{options.backend}",
        setting=f"{options.precision}, batch {options.batch_size}, "
        f"sequence_length {options.sequence_length}, jit_compile",
        threads=options.threads,
        examples=timed,
        real_tokens=real_tokens(model, part.part(warmup, warmup + timed).texts),
        seconds=seconds,
        packages=("keras-hub", "keras", "tensorflow", "tensorflow-text", "jax"),
    )


if __name__ == "__main__":
    main()
