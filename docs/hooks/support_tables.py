"""Tables of customer service: what is found, how sure that is, and what it withstands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docs.hooks.results import lines, table, tree

Line = Mapping[str, Any]
MODELS = {"M0": "M0", "run": "tuned"}


def support_found() -> str:
    """Which share of test is found first, by the way that the base is made."""
    header = ["base", "encoder", "fitted on", "by", "hit@1", "hit@5", "MRR", "the encoder alone"]
    rows = [
        [
            line["way"],
            MODELS[line["model"]],
            _fitted_on(line),
            _parts(line["weights"]),
            *(f"{line[name]:.1f}" for name in ("hit@1", "hit@5", "MRR")),
            f"{line['encoder alone']['hit@1']:.1f} / {line['encoder alone']['MRR']:.1f}",
        ]
        for line in lines("apps_support.jsonl")
    ]
    return table(header, rows)


def support_sure() -> str:
    """How well it knows what it does not know, and whether a stated precision holds."""
    header = ["base", "encoder", "fitted on", "unknown: AUROC", "caught while 95 % pass"]
    header += ["answerable at 95 %", "at 98 %", "stated 95 %: right, answered", "stated 98 %"]
    rows = []
    for line in lines("apps_support.jsonl"):
        rows.append(
            [
                line["way"],
                MODELS[line["model"]],
                _fitted_on(line),
                _number(line.get("unknown AUROC")),
                _number(line.get("unknown caught at 95 % passing")),
                *(_number(line[f"answerable at {one} %"]) for one in (95, 98)),
                *(", ".join(map(_number, line[f"stated {one} %"])) for one in (95, 98)),
            ]
        )
    return table(header, rows)


def support_load() -> str:
    """What a message takes, a new question, and a great many of both."""
    found = tree("apps_support_load.json")
    quick, nasty, soak = found["latency"], found["nasty"], found["soak"]
    message, embed, new = quick["a message"], quick["embed alone"], quick["a new question"]
    rows = [
        [f"a message, {quick['known']:,} questions known, p50 / p99", _pair(message)],
        ["reading the text alone (`/v1/embed`), p50 / p99", _pair(embed)],
        [
            "a new question is found after, median / most of ten",
            "{median} / {most} s".format(**new["found after s"]),
        ],
        [
            "asked meanwhile, without an answer",
            f"{new['asked meanwhile']}, {new['without an answer']}",
        ],
        [f"{nasty['strings']:,} nasty strings: answers of 5xx", str(nasty["5xx"])],
        soaked(soak),
        ["answers other than 200 meanwhile", str(_others(soak["statuses"]))],
    ]
    return table(["", ""], rows)


def soaked(found: Line) -> list[str]:
    """Say what memory was early in a soak, after its first fifth, and late."""
    memory = found["memory MB"]
    fifth = max(1, len(memory) // 5)
    early, late = (
        sum(value for _, value in part) / len(part)
        for part in (memory[fifth : 2 * fifth], memory[-fifth:])
    )
    about = f"{found['minutes']:g} minutes, {found['requests']:,} requests: memory early / late"
    return [about, f"{early:.0f} / {late:.0f} MB"]


def _others(statuses: Mapping[str, int]) -> int:
    return sum(count for status, count in statuses.items() if status != "200")


def _pair(found: Line) -> str:
    return f"{found['p50 ms']:g} / {found['p99 ms']:g} ms"


def _fitted_on(line: Line) -> str:
    return "dev and train" if line["train"] else "dev"


def _parts(weights: list[float]) -> str:
    names = ("question", "answers", "passage", "words", "classifier", "phrasing")
    return ", ".join(
        f"{name} {weight:.2f}" for name, weight in zip(names, weights, strict=True) if weight
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
