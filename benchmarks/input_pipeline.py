"""Whether augmentation ever makes the training step wait: texts a second of both.

    python -m benchmarks.input_pipeline --data=DIR [--config=configs/banking77.yaml] [--rounds=3]

The stream of packed batches without ops, with each op alone at its defaults, and with a chain of
several; beside it the training step on batches that lie ready, with the vocabulary the chain
needs, and the same step fed by the chain's stream, with which it then shares the cores. All in
turns in one process, the median of the rounds. The last column says how many times as fast as the
step a stream is: below 1 it would be the bottleneck.
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
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfsocial import config
from tfsocial.checkpoints import community
from tfsocial.config import Config
from tfsocial.data.augment import chain, table
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.data.pipeline.augmented import AugmentedSplit, augmented_batches
from tfsocial.data.pipeline.batches import training_batches
from tfsocial.data.pipeline.tokenized_split import tokenize_split
from tfsocial.data.reading.splits import read_splits
from tfsocial.runs.prepare import prepare
from tfsocial.text import batch as keys
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training import devices

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
STEP, FED, PLAIN, SEVERAL = "training step", "step, fed by six", "no ops", "a chain of six"


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
        training = training_of(with_ops(plain, CHAIN, folder), options.steps)
        rates = measured(streams, training, options)
    keep(options.results, rates)


class Training(NamedTuple):
    """A train function, the stream of its run, and batches of it that lie ready.

    Both are endless iterators of datasets: for another one of Python's the step is traced anew.
    """

    step: Callable
    stream: Iterator
    ready: Iterator
    steps: int
    texts: int  # in so many ready batches


def measured(
    streams: Mapping[str, Iterator], training: Training, options
) -> dict[str, list[float]]:
    """Name -> texts a second in each round."""
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.rounds):
        for name, rate in of_steps(training).items():
            rates[name].append(rate)
        for name, batches in streams.items():
            rates[name].append(of_stream(batches, options.seconds))
        for name, values in rates.items():
            ratio = statistics.median(values) / statistics.median(rates[STEP])
            print(f"{name:16} {statistics.median(values):9.0f} texts/s {ratio:6.1f}", flush=True)
        print()
    return rates


def all_streams(plain: Config, folder: str) -> Iterator[tuple[str, Iterator]]:
    """Each chain's name and its endless batches."""
    corpus = read_splits(plain.data, plain.tasks)
    train, data = corpus.splits["train"], plain.data
    tokenizer = Tokenizer.load(community.of_config(plain.model).folder)
    encoded = tokenize_split(train, tokenizer, data.row_length)
    shape = keys.Shape(data.rows, data.row_length, data.slots)
    yield PLAIN, iter(training_batches(encoded, shape, plain.seed))
    parts = tokenizer.word_parts(np.arange(tokenizer.vocabulary_size))
    paraphrases = Paraphrases.of({text: [f"{text} again", text.upper()] for text in train.text})
    for name, ops in chains().items():
        views = chain.build(with_ops(plain, ops, folder).data, plain.seed)
        known = chain.with_knowledge(views, train, parts, paraphrases)
        columns = [tf.constant(train.text)]
        source = AugmentedSplit(encoded, columns, tokenizer, known, plain.seed, epochs=8)
        yield name, iter(augmented_batches(source, shape))


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
    given = {"translator": "pairs", "file": "pairs.csv", "cache": folder}  # named, never read
    translator = given if any("back_translation" in op for op in ops) else None
    data = {**tree["data"], "augment": ops, "back_translation": translator}
    return config.parse({**tree, "data": data})


def training_of(chosen: Config, count: int) -> Training:
    """The training of a config, compiled, and so many of its batches."""
    with tempfile.TemporaryDirectory() as workdir:
        ready = prepare(chosen, Path(workdir), devices.choose("cpu", chosen.training))
    batches = ready.training_batches()
    step = ready.model.make_train_function()
    taken = list(batches.take(count))
    stacked = {key: tf.stack([batch[key] for batch in taken]) for key in taken[0]}
    lying = tf.data.Dataset.from_tensor_slices(stacked).repeat()
    texts = sum(texts_in(batch) for batch in taken)
    training = Training(step, iter(batches), iter(lying), count, texts)
    of_steps(training)  # compiles
    return training


def of_steps(training: Training) -> dict[str, float]:
    """Texts a second of training on batches that lie ready, and fed by the stream; in turns.

    A batch of the stream has about as many texts as one that lies ready.
    """
    batches_of, seconds = {STEP: training.ready, FED: training.stream}, defaultdict(float)
    for _, (name, batches) in itertools.product(range(training.steps), batches_of.items()):
        began = time.perf_counter()
        float(training.step(batches)["loss"])
        seconds[name] += time.perf_counter() - began
    return {name: training.texts / taken for name, taken in seconds.items()}


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
