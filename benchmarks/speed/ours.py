"""tfsocial's own side: packed rows through the project's train step, or its predictor.

Training: texts are tokenized before the clock runs; packing, the forward and backward passes,
clipping and the AdamW step are inside it. The word table holds the words of the whole file, as
in a real run. Prediction: everything from raw text to probabilities is inside the clock.

    python ours.py --data=train.csv --checkpoint=DIR --mode=train --precision=bf16
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


def predict(options: argparse.Namespace) -> tuple[int, int, float]:
    """Examples, real tokens and seconds of the timed part; the heads are fresh."""
    from tfsocial.checkpoints import community
    from tfsocial.checkpoints.manifest import ModelManifest
    from tfsocial.checkpoints.model_folder import TextModelBundle
    from tfsocial.config import Model
    from tfsocial.models.spec import HeadSpec
    from tfsocial.models.text_model import TextModel
    from tfsocial.serving import predictor
    from tfsocial.serving.text_model import TextModelPredictor
    from tfsocial.text.tokenizer import Tokenizer

    warmup, timed = rows.warmup_and_timed(
        options.data, options.warmup * options.batch_size, options.steps * options.batch_size
    )
    m0 = community.of_config(Model(checkpoint=options.checkpoint))
    specs = {"label": HeadSpec("classify", tuple(timed.names))}
    model = TextModel(m0.architecture(), specs, "mean")
    model.build()
    m0.fill(model.encoder)
    tokenizer = Tokenizer.load(m0.folder)
    answer = TextModelPredictor(
        TextModelBundle(model, tokenizer, ModelManifest(specs, "mean", 128, 16, ("text",)))
    )
    for part in (warmup, timed):
        began = time.perf_counter()
        for start in range(0, len(part), predictor.AT_ONCE):
            answer([(text,) for text in part.texts[start : start + predictor.AT_ONCE]])
        seconds = time.perf_counter() - began
    tokens = tokenizer(timed.texts, max_length=128)[0].flat_values.shape[0]
    return len(timed), tokens, seconds


def main() -> None:
    """Runs the mode and prints the JSON line."""
    parser = measure.flags(__doc__, batch_size=32, precisions=tuple(PRECISIONS))
    parser.add_argument("--mode", choices=("train", "predict"), default="train")
    parser.add_argument("--rows", type=measure.positive, default=4, help="packed rows in a batch")
    parser.add_argument("--row_length", type=measure.positive, default=128, help="tokens in a row")
    options = parser.parse_args()
    measure.hold_to_threads(options.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    examples, tokens, seconds = (train if options.mode == "train" else predict)(options)
    packed = f"packed {options.rows}x{options.row_length}" if options.mode == "train" else "packed"
    measure.report(
        peer=f"tfsocial_{options.mode}",
        setting=f"{options.precision}, {packed}",
        threads=options.threads,
        examples=examples,
        real_tokens=tokens,
        seconds=seconds,
        packages=PACKAGES,
    )


if __name__ == "__main__":
    main()
