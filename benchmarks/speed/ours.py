"""tfsocial's own side: packed rows through the project's train step.

Texts are tokenized before the clock runs; packing, the forward and backward passes,
clipping and the AdamW step are inside it. The word table holds the words of the whole file, as
in a real run.

    python ours.py --data=train.csv --checkpoint=DIR --precision=bf16
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import measure
import rows

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16"}
PACKAGES = ("tensorflow", "tf_keras", "tensorflow-text", "transformers")


def examples_of(part: rows.Rows):
    """The rows as the project's own columns."""
    import numpy as np

    from tfsocial.data.examples import Examples, Origin

    nowhere = np.zeros(len(part), np.int32)
    labels = {"label": np.array(part.labels, np.int32)}
    return Examples(part.texts, None, labels, Origin(("rows",), nowhere, nowhere))


def training(options: argparse.Namespace, everything: rows.Rows):
    """(train function, warm-up batches, timed batches, tokens timed)."""
    from tfsocial import config
    from tfsocial.checkpoints import community
    from tfsocial.data.pipeline.batches import evaluation_batches
    from tfsocial.data.pipeline.tokenized_split import prune_vocabulary, tokenize_split
    from tfsocial.models.spec import HeadSpec
    from tfsocial.models.text_model import TextModel
    from tfsocial.objectives import table
    from tfsocial.text.batch import Shape
    from tfsocial.text.tokenizer import Tokenizer
    from tfsocial.training import devices
    from tfsocial.training.optimizers import build
    from tfsocial.training.social_model import SocialModel

    settings = config.parse(
        {
            "model": {"checkpoint": options.checkpoint},
            "training": {"precision": PRECISIONS[options.precision]},
            "data": {"rows": options.rows, "row_length": options.row_length},
        }
    )
    m0 = community.of_config(settings.model)
    tokenizer = Tokenizer.load(m0.folder)
    shape = Shape(settings.data.rows, settings.data.row_length, settings.data.slots)
    warm = options.warmup * options.batch_size
    parts = {
        "all": everything,
        "warmup": everything.part(0, warm),
        "timed": everything.part(warm, warm + options.steps * options.batch_size),
    }
    encoded = {
        name: tokenize_split(examples_of(part), tokenizer, shape.row_length)
        for name, part in parts.items()
    }
    words, (encoded,) = prune_vocabulary(encoded)
    device = devices.choose("cpu", settings.training)
    with devices.scope(device):
        specs = {"label": HeadSpec("classify", tuple(everything.names))}
        text_model = TextModel(m0.architecture(words), specs, "mean", 0.1)
        text_model.build()
        m0.fill(text_model.encoder, words)
        model = SocialModel(
            text_model, table.formula(settings.tasks, settings.objectives), total_steps=1000
        )
        model.compile(build.optimizer(settings.optimizer, 1000), jit_compile=device.jit_compile)
    batches = {name: evaluation_batches(encoded[name], shape) for name in ("warmup", "timed")}
    tokens = int(encoded["timed"].lengths.numpy().sum())
    return model.make_train_function(), batches["warmup"], batches["timed"], tokens


def train(options: argparse.Namespace) -> tuple[int, int, float]:
    """Examples, real tokens and seconds of the timed part."""
    step, warmup, timed, tokens = training(options, rows.read(options.data))
    for batches in (warmup, timed):
        iterator, began = iter(batches), time.perf_counter()
        for _ in range(batches.cardinality()):
            float(step(iterator)["loss"])
        seconds = time.perf_counter() - began
    return options.steps * options.batch_size, tokens, seconds


def main() -> None:
    """Trains and prints the JSON line."""
    parser = measure.flags(__doc__, batch_size=32, precisions=tuple(PRECISIONS))
    parser.add_argument("--rows", type=measure.positive, default=4, help="packed rows in a batch")
    parser.add_argument("--row_length", type=measure.positive, default=128, help="tokens in a row")
    options = parser.parse_args()
    measure.hold_to_threads(options.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    examples, tokens, seconds = train(options)
    packed = f"packed {options.rows}x{options.row_length}"
    measure.report(
        peer="tfsocial_train",
        setting=f"{options.precision}, {packed}",
        threads=options.threads,
        examples=examples,
        real_tokens=tokens,
        seconds=seconds,
        packages=PACKAGES,
    )


if __name__ == "__main__":
    main()
