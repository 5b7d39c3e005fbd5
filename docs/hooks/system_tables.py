"""Tables of speed, memory, the input pipeline, start-up and the TPU compiler's counts."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from docs.hooks.results import lines, table, tree

TRAINERS = (
    ("tfsocial, packed 4 x 128", "torch", "ours_train_bf16"),
    ("tfsocial, packed 4 x 128, XLA", "torch", "ours_train_fp32"),
    ("Hugging Face Trainer, dynamic padding, batch 32", "torch", "trainer_bf16"),
    ("Hugging Face Trainer, dynamic padding, batch 32", "torch", "trainer_fp32"),
    ("Hugging Face Trainer, `group_by_length`, batch 32", "torch", "trainer_grouped_bf16"),
    ("Hugging Face Trainer, `group_by_length`, batch 32", "torch", "trainer_grouped_fp32"),
    ("script that pads to 128, batch 16", "torch", "classic_fp32"),
    ("KerasHub BertTextClassifier, TensorFlow, 128", "kerashub", "kerashub_tensorflow_fp32"),
    ("KerasHub BertTextClassifier, JAX, 128", "kerashub", "kerashub_jax_bf16"),
)


def timed(day: str, name: str) -> Mapping[str, Any]:
    """Find what benchmarks/speed/run.py measured of one program on one day."""
    summary = tree(f"speed-{day}.json")["summary"]
    return next(one for one in summary if one["name"] == name)


def speed() -> str:
    """Training examples a second, and how many times as fast tfsocial's best is."""
    return _speed(TRAINERS, "examples/s: median (lowest to highest)")


def _speed(asked: tuple[tuple[str, str, str], ...], measure: str) -> str:
    rows = []
    for title, day, name in asked:
        one = timed(day, name)
        ratio = "" if one["ours"] else f"{one['ours_best']:.2g} times"
        rows.append([title, one["precision"], _median(one), ratio])
    return table(["program", "precision", measure, "tfsocial's best is"], rows)


def _median(one: Mapping[str, Any]) -> str:
    median = f"{one['median']:.3g}"
    if one["runs"] == 1:
        return f"{median} (one run, another day)"
    return f"{median} ({one['minimum']:.3g} to {one['maximum']:.3g})"


def preflight() -> str:
    """What the TPU compiler counts for one v5e chip, a text."""
    titles = {
        "tfsocial": "tfsocial, 32 packed rows of 128",
        "padded": "TFBertForSequenceClassification, padded to 128, Keras Adam",
        "kerashub": "KerasHub BertTextClassifier, JAX, padded to 128, Adam",
    }
    counted = {one["peer"]: _a_text(one) for one in lines("preflight.jsonl")}
    ours = counted["tfsocial"]
    rows = [[titles[peer], *_counts(numbers, ours)] for peer, numbers in counted.items()]
    return table(["one text of BANKING77", "FLOPs", "bytes", "compiler's cycles"], rows)


def _a_text(one: Mapping[str, Any]) -> tuple[float, float, float]:
    flops, traffic, cycles = (one[key] / one["examples"] for key in ("flops", "traffic", "cycles"))
    return flops, traffic, cycles


def _counts(numbers: tuple[float, ...], ours: tuple[float, ...]) -> list[str]:
    flops, traffic, cycles = numbers
    words = [f"{flops / 1e9:.2f} G", f"{traffic / 1e6:.1f} MB", f"{cycles:,.0f}"]
    if numbers == ours:
        return words
    times = (f"{other / own:.1f}" for other, own in zip(numbers, ours, strict=True))
    return [f"{word} ({ratio} times)" for word, ratio in zip(words, times, strict=True)]


COMMANDS = {
    "train": "`train`, everything in memory",
    "train cached": "`train` with `data.cache`",
    "train again": "`train` again, tokens in the cache",
    "predict": "`predict`",
    "convert": "`convert`",
    "train, before data.cache held texts and tokens": "`train` as it was before `data.cache`",
}


def memory() -> str:
    """Own memory of a command by rows, and what a row costs from 100,000 rows on."""
    rows = []
    for command, title in COMMANDS.items():
        by_rows = {x["rows"]: x for x in lines("memory.jsonl") if x["command"] == command}
        own = [f"{by_rows[n]['own_mb']:,} MB" if n in by_rows else "" for n in ROWS]
        first, last = min(by_rows), max(by_rows)
        grown = by_rows[last]["own_mb"] - by_rows[first]["own_mb"]
        slope = grown * 1024**2 / (last - first)
        rows.append([title, *own, f"{max(0, slope):.0f} bytes"])
    return table(["", *(f"{n:,} rows" for n in ROWS), "a row costs"], rows)


ROWS = (100_000, 1_000_000, 10_000_000)


def scale() -> str:
    """Milliseconds and memory of a step by its shape."""
    parts = ("step", "forwards", "backwards", "optimizer", "input")
    rows = [
        [
            one["rows"],
            one["row_length"],
            f"{one['examples']:,}",
            *(f"{1000 * one['seconds'][part]:.{int(part == 'input')}f}" for part in parts),
            f"{one['seconds']['layout']:.1f}",
            f"{one['peak']:,.0f}",
        ]
        for one in lines("scale.jsonl")
    ]
    shape = ["rows", "row length", "examples"]
    times = ["step, ms", "forwards", "backwards", "optimizer", "waiting for input"]
    return table([*shape, *times, "layout once, s", "peak MiB"], rows)


def input_pipeline() -> str:
    """Texts a second of the input pipeline beside the step it feeds."""
    measured = tree("input_pipeline.json")
    renamed = {"training step": "training step, batches ready", "no ops": "packed batches, no ops"}
    rows = [
        [
            renamed.get(name, name),
            f"{statistics.median(rounds):,.0f}",
            f"{measured['times_the_step'][name]:,.4g}",
        ]
        for name, rounds in measured["texts_per_second"].items()
    ]
    return table(["", "texts/s, median of three rounds", "times the step"], rows)


def batch() -> str:
    """What `batch-predict` took, by model: lines, texts asked, time, memory, core-hours."""
    rows = [
        [
            one["note"],
            f"{one['lines']:,}",
            f"{one['counts']['distinct']:,}",
            f"{one['cpu_seconds']:,.0f} s",
            f"{one['seconds']:,.0f} s",
            f"{one['peak_rss_mb']:,} MB",
            f"{one['cost']['billion']['core_hours']:,.0f}",
        ]
        for one in tree("batch.json").values()
    ]
    header = [
        "model",
        "lines",
        "texts asked",
        "CPU",
        "wall",
        "peak memory",
        "core-hours for 1e9 lines",
    ]
    return table(header, rows)


def startup() -> str:
    """What `predict` on a tiny SavedModel costs before its first answer, before and after."""
    measured = tree("startup.json")
    rows = [
        [
            label,
            *(f"{one[key]['median']:.1f} s" for key in ("wall", "cpu")),
            f"{one['rss_mb']['median']:.0f} MB",
            f"{one['modules']:,}",
        ]
        for label, one in measured.items()
    ]
    return table(["", "wall", "CPU", "peak memory", "Python modules"], rows)
