"""Tables of what it costs to answer: every form of a model, and peers with the same weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from docs.hooks.results import lines, table, tree

Line = Mapping[str, Any]

SET = "banking77"  # whose forms are timed
NAMES = {
    "saved_model": "tfsocial, SavedModel, float32",
    "openvino": "tfsocial, OpenVINO, bfloat16",
    "litert": "tfsocial, LiteRT, int8",
    "small": "tfsocial, compressed",
    "pipeline": "`transformers.pipeline`",
    "encode": "sentence-transformers `encode`",
    "onnx": "ONNX Runtime, float32",
    "onnx_int8": "ONNX Runtime, int8",
    "setfit_onnx": "SetFit's ONNX export, ONNX Runtime",
}
CALLS = ("1x8", "8x8", "32x8", "1x64", "8x64", "32x64")


def _of_set(name: str) -> dict[str, Line]:
    found = {line["name"]: line for line in lines("serving.jsonl") if line["set"] == name}
    return {one: found[one] for one in NAMES if one in found}


def _score(line: Line) -> float:
    return line.get("accuracy", line.get("macro_f1"))


def serving() -> str:
    """Size, throughput, score of each form on one set, and ratios to two of the peers."""
    of_set = _of_set(SET)
    rows = [
        [
            NAMES[name],
            f"{line['megabytes']:.1f} MB",
            f"{line['texts_per_second']:,.0f}",
            *(f"{_times(line, of_set[peer]):.2g}" for peer in ("pipeline", "encode")),
            f"{100 * _score(line):.2f}",
            f"{100 * line['same']:.1f} %",
            f"{line['peak_rss_mb']:,} MB",
        ]
        for name, line in of_set.items()
    ]
    header = ["form", "on disk", "texts/s", "times pipeline", "times encode", "accuracy", "same"]
    return table([*header, "memory"], rows)


def _times(line: Line, peer: Line) -> float:
    return line["texts_per_second"] / peer["texts_per_second"]


def latency() -> str:
    """Milliseconds of a call, by texts at once and tokens of each."""
    rows = [
        [NAMES[name], *(_milliseconds(line[call]) for call in CALLS)]
        for name, line in _of_set(SET).items()
    ]
    header = ["form", *("{} of {} tokens".format(*call.split("x")) for call in CALLS)]
    return table(header, rows)


def _milliseconds(found: Mapping[str, float]) -> str:
    return f"{found['p50']:.3g} ({found['p99']:.3g})"


def bfloat16() -> str:
    """What bfloat16 does to answers and times through TensorFlow's session."""
    rows = [
        [
            name,
            f"{100 * found['same']:.2f} %",
            f"{found['largest_difference']:.3f}",
            f"{found['least_cosine']:.4f}",
            " -> ".join(f"{one:.0f} ms" for one in found["milliseconds_of_32"]),
        ]
        for name, found in tree("bfloat16.json").items()
    ]
    header = ["set", "same answers", "a probability moves at most", "least cosine", "32 texts"]
    return table(header, rows)


def sets() -> str:
    """Score and sameness of the forms on every set."""
    names = list(dict.fromkeys(line["set"] for line in lines("serving.jsonl")))
    shown = [name for name in NAMES if name not in ("pipeline", "encode", "onnx", "setfit_onnx")]
    by_set = {name: _of_set(name) for name in names}
    rows = [[name, *_cells(found, shown)] for name, found in by_set.items()]
    return table(["set", *(NAMES[name] for name in shown)], rows)


def _cells(found: Mapping[str, Line], shown: Sequence[str]) -> list[str]:
    return [
        f"{100 * _score(found[name]):.2f}; {100 * found[name]['same']:.1f} %"
        if name in found
        else ""
        for name in shown
    ]
