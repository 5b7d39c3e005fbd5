"""How every contestant of the serving benchmark is asked; standard library and numpy alone.

A contestant gives `answer(texts) -> float [n, labels]`, probabilities in the order of the model's
labels. It is asked the same texts in the same order: one, eight, 32 at once of 8 and of 64 tokens,
then all of a labelled file. What it prints is one line of JSON; the probabilities go into a file.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

# Six words that are a token each, so eight tokens with [CLS] and [SEP].
WORDS = ["where", "is", "my", "new", "card", "now"]
TOKENS = (8, 64)
CALLS = {1: 300, 8: 100, 32: 40}  # texts at once -> how often
Answer = Callable[[Sequence[str]], np.ndarray]


def flags(description: str) -> argparse.ArgumentParser:
    """The flags that all contestants understand."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="csv with a column text")
    parser.add_argument("--probabilities", type=Path, required=True, help="npy file to write")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--score_only", action="store_true")
    return parser


def hold_to_threads(threads: int) -> None:
    """Gives the process so many cores; before a framework is imported."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
        os.environ[variable] = str(threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def text_of(tokens: int, number: int) -> str:
    """A text of so many tokens, another one for each number."""
    return " ".join(WORDS[(number + place) % len(WORDS)] for place in range(tokens - 2))


def measure(
    answer: Answer, options: argparse.Namespace, megabytes: float, packages: Sequence[str]
) -> None:
    """Asks, and prints the line.

    Args:
        megabytes: of what the contestant needs on disk.
        packages: distributions whose versions belong beside the numbers.
    """
    with options.data.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    line: dict = {"megabytes": round(megabytes, 1)}
    if not options.score_only:
        for tokens in TOKENS:
            for at_once, calls in CALLS.items():
                found = latencies(answer, tokens, at_once, calls)
                line[f"{at_once}x{tokens}"] = found
    answer(texts[:512])
    began = time.perf_counter()
    probabilities = answer(texts)
    line["texts_per_second"] = round(len(texts) / (time.perf_counter() - began), 1)
    np.save(options.probabilities, probabilities.astype(np.float32))
    line["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    line["threads"] = options.threads
    line["versions"] = {name: metadata.version(name) for name in packages}
    print(json.dumps(line), flush=True)


def latencies(answer: Answer, tokens: int, at_once: int, calls: int) -> dict[str, float]:
    """Milliseconds of a call: median and 99th of a hundred."""
    taken = []
    for call in range(calls + 10):
        texts = [text_of(tokens, call + number) for number in range(at_once)]
        began = time.perf_counter()
        answer(texts)
        taken.append(1e3 * (time.perf_counter() - began))
    p50, p99 = np.quantile(taken[10:], [0.5, 0.99])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}
