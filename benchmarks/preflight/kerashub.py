"""KerasHub's BertTextClassifier on JAX, every text padded to one length, for the same TPU chip.

Runs in an environment of its own (requirements-kerashub.txt); `run.py` calls it. Prints one line
of JSON, the counts that `tfsocial/preflight/compile_for_tpu.py` gives.

    python kerashub.py --topology=v5e:2x2 --batch=256
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"
sys.path.insert(0, str(Path(__file__).parents[2] / "tfsocial" / "preflight"))
import compile_for_tpu  # sets what libtpu reads when jax is imported


def parse() -> argparse.Namespace:
    """The sizes of a step and of all-MiniLM-L6-v2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topology", default="v5e:2x2")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--classes", type=int, default=77)
    sizes = {"vocabulary": 30522, "layers": 6, "heads": 12, "hidden": 384, "intermediate": 1536}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    return parser.parse_args()


def classifier(options: argparse.Namespace):
    """Built and compiled; its weights are random, which no count depends on."""
    import keras
    import keras_hub

    keras.config.set_dtype_policy("mixed_bfloat16")
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=options.vocabulary,
        num_layers=options.layers,
        num_heads=options.heads,
        hidden_dim=options.hidden,
        intermediate_dim=options.intermediate,
        max_sequence_length=512,
    )
    model = keras_hub.models.BertTextClassifier(
        backbone=backbone, preprocessor=None, num_classes=options.classes
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss, optimizer=keras.optimizers.Adam(5e-5), metrics=[])
    return model


def abstract(values, device):
    """Shapes and types in the place of arrays, on the chip."""
    import jax

    place = jax.sharding.SingleDeviceSharding(device)
    return jax.tree.map(
        lambda value: jax.ShapeDtypeStruct(value.shape, value.dtype, sharding=place), values
    )


def data(options: argparse.Namespace):
    """A batch as KerasHub's preprocessor gives it."""
    import numpy as np

    names = ("token_ids", "padding_mask", "segment_ids")
    inputs = {name: np.zeros([options.batch, options.length], np.int32) for name in names}
    return inputs, np.zeros([options.batch], np.int32)


def main() -> None:
    """Compiles the trainer's own `train_step`."""
    options = parse()
    import jax

    model, batch = classifier(options), data(options)
    model._symbolic_build(data_batch=batch)
    model.optimizer.build(model.trainable_variables)
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = tuple([variable.value for variable in group] for group in groups)
    device, error = compile_for_tpu.first_device(options.topology)
    if error:
        raise SystemExit(error)
    begun = time.perf_counter()
    step = jax.jit(model.train_step, donate_argnums=0)
    compiled = step.lower(abstract(state, device), abstract(batch, device)).compile()
    seconds = time.perf_counter() - begun
    program = compiled.runtime_executable()
    json.dump(compile_for_tpu.counts(program, device) | {"seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
