"""What a step costs as batch, rows and data set grow: time, memory, and which part dominates.

    python -m benchmarks.scale [--sweep batch length examples] [--steps=10] [--set KEY=VALUE]

Synthetic texts whose lengths are spread as BANKING77's (log-normal, 14 tokens in the median, cut at
a row), MiniLM-L6's sizes with a word table of 8,000 words, one task of 77 classes, AdamW. Three
sweeps around 4 rows of 128 and 10,000 examples: 1 to 16 times the rows, row lengths of 64 to 512,
and 1,000 to a million examples. Each point is a process of its own, so that its peak memory is its
own; lines go to results/scale.jsonl, times of the table are in ms. `--set` takes keys of
`training`, as training.gradient_checkpointing=true.

A step is taken apart by timing more than one thing: a batch read from the input alone, a pass
forwards alone, the optimizer alone on gradients that lie ready. Backwards is what is left; where
the input is faster than the step it runs beside it and costs cores, not time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "scale.jsonl"
WORDS, CLASSES, MEDIAN, SPREAD = 8_000, 77, 14.0, 0.5
SIZES = {
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}
MEBI = 2**20


class Point(NamedTuple):
    """What is varied."""

    rows: int = 4
    row_length: int = 128
    examples: int = 10_000


SWEEPS = {
    "batch": [Point(rows=4 * times) for times in (1, 2, 4, 8, 16)],
    "length": [Point(row_length=length) for length in (64, 128, 256, 512)],
    "examples": [Point(examples=count) for count in (1_000, 10_000, 100_000, 1_000_000)],
}


def main() -> None:
    options = parse()
    if options.point:
        point = Point(*map(int, options.point.split(",")))
        print(json.dumps(measured(point, options.steps, options.set)))
        return
    print(header(), flush=True)
    for point in points(options.sweep):
        line = {"machine": machine(), "set": options.set, **in_a_process(point, options)}
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(row(line), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweep", nargs="+", choices=tuple(SWEEPS), default=list(SWEEPS))
    parser.add_argument("--steps", type=int, default=10, help="that the median is of")
    parser.add_argument("--set", action="append", default=[], help="training.KEY=VALUE")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--point", help=argparse.SUPPRESS)
    return parser.parse_args()


def points(sweeps: Sequence[str]) -> Iterator[Point]:
    """Each once, though the middle is in every sweep."""
    yield from dict.fromkeys(point for name in sweeps for point in SWEEPS[name])


def in_a_process(point: Point, options: argparse.Namespace) -> dict:
    sets = [word for assignment in options.set for word in ("--set", assignment)]
    place = ",".join(map(str, point))
    command = [sys.executable, "-m", "benchmarks.scale", f"--point={place}"]
    command += [f"--steps={options.steps}", *sets]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    return json.loads(run.stdout.splitlines()[-1])


# --- one point -----------------------------------------------------------------------------


def measured(point: Point, steps: int, assignments: Sequence[str]) -> dict:
    """Seconds of each part and the peak of resident memory in MiB."""
    import tensorflow as tf

    from tfsocial.data.pipeline.batches import training_batches
    from tfsocial.text import batch as keys

    encoded = texts(point)
    shape = keys.Shape(point.rows, point.row_length, slots=16)
    layout, batches = timed(lambda: iter(training_batches(encoded, shape, seed=0)))
    before = peak()
    model = model_of(point, assignments)
    step = model.make_train_function()
    first, _ = timed(lambda: float(step(batches)["loss"]))
    whole = median(lambda: float(step(batches)["loss"]), steps)
    input_ = median(lambda: next(batches), 4 * steps)
    batch = next(batches)
    forwards = median(forwards_of(model, batch), steps)
    optimizer = median(optimizer_of(model), steps)
    backwards = max(0.0, whole - forwards - optimizer)
    seconds = {"forwards": forwards, "backwards": backwards, "optimizer": optimizer}
    return {
        **point._asdict(),
        "texts": float(tf.reduce_sum(batch[keys.WEIGHT])),
        "seconds": {"layout": layout, "first": first, "step": whole, "input": input_, **seconds},
        "peak_before_model": before,
        "peak": peak(),
        "dominates": dominating({"input": input_ if input_ > whole else 0.0, **seconds}),
    }


def texts(point: Point):
    """Examples of synthetic lengths, from 3 tokens to a whole row, in no order."""
    import numpy as np
    import tensorflow as tf

    from tfsocial.data.pipeline.tokenized_split import TokenizedSplit

    random = np.random.default_rng(0)
    drawn = random.lognormal(np.log(MEDIAN), SPREAD, point.examples)
    lengths = np.clip(drawn, 3, point.row_length).astype(np.int64)
    values = random.integers(1, WORDS, lengths.sum(), dtype=np.int32)
    tokens = tf.RaggedTensor.from_row_lengths(values, lengths)
    labels = {"label": tf.constant(random.integers(0, CLASSES, point.examples), tf.int32)}
    return TokenizedSplit(tokens, tf.zeros_like(tokens), labels, truncated=0)


def model_of(point: Point, assignments: Sequence[str]):
    """A SocialModel of L alone, compiled as a run on this machine's CPU would."""
    from tfsocial import config
    from tfsocial.models.spec import HeadSpec
    from tfsocial.models.text_model import TextModel
    from tfsocial.models.tf_transformers import BertConfig
    from tfsocial.objectives import table
    from tfsocial.training import devices
    from tfsocial.training.optimizers import build, rates
    from tfsocial.training.run_constants import RunConstants
    from tfsocial.training.social_model import SocialModel

    chosen = config.parse(config.override({"data": {"rows": point.rows}}, assignments))
    training, terms = chosen.training, table.formula(chosen.tasks, chosen.objectives)
    device = devices.choose("cpu", training)
    sizes = BertConfig(vocab_size=WORDS, max_position_embeddings=point.row_length, **SIZES)
    specs = {"label": HeadSpec("classify", tuple(map(str, range(CLASSES))))}
    with devices.scope(device):
        text_model = TextModel(
            sizes,
            specs,
            "mean",
            compiled=device.xla,
            gradient_checkpointing=training.gradient_checkpointing,
        )
        text_model.build()
        frozen = rates.lowest(text_model.encoder, training.frozen_layers)
        model = SocialModel(
            text_model, terms, 10**6, RunConstants(table.losses(terms)),
            parts=training.micro_batches, frozen=frozen,
        )  # fmt: skip
        model.compile(build.optimizer(chosen.optimizer, 10**6), device.jit_compile)
    return model


def forwards_of(model, batch) -> Callable[[], object]:
    """The formula's value, as training computes it."""
    import tensorflow as tf

    @tf.function(jit_compile=model.jit_compile)
    def forwards():
        return model.formula.training(batch, model.optimizer.iterations).loss

    return lambda: float(forwards())


def optimizer_of(model) -> Callable[[], object]:
    """A move by gradients of nothing."""
    import tensorflow as tf

    zeros = [tf.zeros_like(weight) for weight in model.learned]

    @tf.function(jit_compile=model.jit_compile)
    def move():
        model.optimizer.apply_gradients(zip(zeros, model.learned, strict=True))
        return model.optimizer.iterations.read_value()

    return lambda: int(move())


def timed(act: Callable[[], object]) -> tuple[float, object]:
    began = time.perf_counter()
    result = act()
    return time.perf_counter() - began, result


def median(act: Callable[[], object], count: int) -> float:
    """Seconds, after one that does not count."""
    act()
    return statistics.median(timed(act)[0] for _ in range(count))


def dominating(seconds: dict[str, float]) -> str:
    """The part that most of a step goes into.

    >>> dominating({"input": 0.0, "forwards": 1.0, "backwards": 2.0, "optimizer": 0.5})
    'backwards'
    """
    return max(seconds, key=seconds.get)


def peak() -> float:
    """Of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEBI


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores"


# --- the table -----------------------------------------------------------------------------


WIDTHS = {
    "rows": 5, "length": 7, "examples": 9, "texts": 6, "layout": 7, "first": 7, "step": 7,
    "input": 7, "forwards": 9, "backwards": 10, "optimizer": 10, "peak MiB": 9, "dominates": 11,
}  # fmt: skip


def header() -> str:
    return "".join(f"{name:>{width}}" for name, width in WIDTHS.items())


def row(line: dict) -> str:
    """One point under the header; seconds as milliseconds."""
    milliseconds = {name: f"{1000 * value:.1f}" for name, value in line["seconds"].items()}
    values = {
        **line,
        **milliseconds,
        "length": line["row_length"],
        "texts": round(line["texts"]),
        "peak MiB": round(line["peak"]),
    }
    return "".join(f"{values[name]:>{width}}" for name, width in WIDTHS.items())


if __name__ == "__main__":
    main()
