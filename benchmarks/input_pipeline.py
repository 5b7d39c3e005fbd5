"""Whether augmentation ever makes the training step wait: texts a second of both.

    python -m benchmarks.input_pipeline --data=DIR [--config=configs/banking77.yaml] [--rounds=3]

The stream of packed batches without ops, with each op alone at its defaults, and with a chain of
several; beside it the training step on batches that lie ready, with the vocabulary the chain
needs. All in turns in one process, the median of the rounds. The last column says how many times
as fast as the step the stream is; below 1 it would be the bottleneck. While a stream is timed it
has all cores for itself; in training it shares them with the step.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsocial import config
from tfsocial.config import Config
from tfsocial.data import batch as keys
from tfsocial.data import pipeline, sources
from tfsocial.data.augment import chain, table
from tfsocial.data.text import Tokenizer
from tfsocial.models import checkpoints
from tfsocial.training.prepare import prepare

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "input_pipeline.json"
SYNONYMS = "card\tplastic\npayment\ttransaction\ncash\tmoney\naccount\tprofile\n"
CHAIN = [
    {"number_mask": {"probability": 0.1}},
    {"synonym": {"table": "synonyms.tsv"}},
    {"word_replace": {}},
    {"word_drop": {"choose": "tf_idf"}},
    {"character_noise": {}},
    {"token_mask": {}},
]
STEP, PLAIN, SEVERAL = "training step", "no ops", "a chain of six"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of the config's files")
    parser.add_argument("--config", type=Path, default=HERE.parent / "configs" / "banking77.yaml")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="that each stream is read for")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "synonyms.tsv").write_text(SYNONYMS, encoding="utf-8")
        plain = config.load(options.config, [f"data.root={options.data}"])
        streams = dict(all_streams(plain, folder))
        step, ready = step_and_batches(with_ops(plain, CHAIN, folder), options.steps)
        rates = measured(streams, step, ready, options)
    keep(options.results, rates)


def measured(
    streams: Mapping[str, Iterator], step: Callable, ready: list, options
) -> dict[str, list[float]]:
    """Name -> texts a second in each round."""
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.rounds):
        rates[STEP].append(of_step(step, ready))
        for name, batches in streams.items():
            rates[name].append(of_stream(batches, options.seconds))
        for name, values in rates.items():
            ratio = statistics.median(values) / statistics.median(rates[STEP])
            print(f"{name:16} {statistics.median(values):9.0f} texts/s {ratio:6.1f}", flush=True)
        print()
    return rates


def all_streams(plain: Config, folder: str) -> Iterator[tuple[str, Iterator]]:
    """Each chain's name and its endless batches."""
    corpus = sources.read(plain.data, plain.tasks)
    train, data = corpus.splits["train"], plain.data
    tokenizer = Tokenizer.load(checkpoints.community(plain.model).folder)
    encoded = pipeline.encode(train, tokenizer, data.row_length)
    shape = keys.Shape(data.rows, data.row_length, data.slots)
    yield PLAIN, iter(pipeline.training_batches(encoded, shape, plain.seed))
    parts = tokenizer.word_parts(np.arange(tokenizer.vocabulary_size))
    for name, ops in chains().items():
        views = chain.build(with_ops(plain, ops, folder))
        known = chain.with_knowledge(views, train, parts)
        columns = [tf.constant(train.text)]
        source = pipeline.Source(encoded, columns, tokenizer, known, plain.seed, epochs=8)
        yield name, iter(pipeline.augmented_batches(source, shape))


def chains() -> dict[str, list]:
    files = {"synonym": {"table": "synonyms.tsv"}}
    return {**{name: [{name: files.get(name, {})}] for name in table.OPS}, SEVERAL: CHAIN}


def with_ops(plain: Config, ops: list, folder: str) -> Config:
    """The config with these ops; tables of synonyms lie in `folder`."""
    ops = [
        {name: {**knobs, "table": str(Path(folder, knobs["table"]))} if "table" in knobs else knobs}
        for op in ops
        for name, knobs in op.items()
    ]
    tree = plain.model_dump(mode="json")
    return config.parse({**tree, "data": {**tree["data"], "augment": ops}})


def step_and_batches(chosen: Config, count: int) -> tuple[Callable, list]:
    """The train function of a config and some of its batches."""
    with tempfile.TemporaryDirectory() as workdir:
        ready = prepare(chosen, Path(workdir), "cpu")
    step, batches = ready.model.make_train_function(), list(ready.training_batches().take(count))
    of_step(step, batches[:3])  # compiles
    return step, batches


def of_step(step: Callable, batches: list) -> float:
    """Texts a second of training on batches that lie ready."""
    again = iter(batches)
    began = time.perf_counter()
    for _ in batches:
        float(step(again)["loss"])
    return sum(texts_in(batch) for batch in batches) / (time.perf_counter() - began)


def of_stream(batches: Iterator, seconds: float) -> float:
    """Texts a second of reading, after some that were fetched ahead."""
    for _ in itertools.islice(batches, 400):
        pass
    began, texts = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        texts += sum(texts_in(batch) for batch in itertools.islice(batches, 50))
    return texts / (time.perf_counter() - began)


def texts_in(batch: keys.Batch) -> int:
    return int(np.sum(batch[keys.WEIGHT].numpy() > 0))


def keep(path: Path, rates: Mapping[str, list[float]]) -> None:
    """Texts a second of each round, and the ratio of the medians to the step's."""
    step = statistics.median(rates[STEP])
    document = {
        "texts_per_second": {name: [round(r) for r in values] for name, values in rates.items()},
        "times_the_step": {
            name: round(statistics.median(values) / step, 1) for name, values in rates.items()
        },
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
