"""Tables of which texts to label."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from docs.hooks.results import lines, mean_range, table, tree

STRATEGIES = ("random", "entropy", "margin", "badge", "typi_clust", "typi_margin", "auto")
SCORES = ("precision", "recall")
FEW = 300  # labels
HALVES = (("banking77", 77), ("banking77", 154), ("clinc150", 150), ("clinc150", 300))
COUNTED = {"clinc150": 600, "banking77": 308}  # labels of the table; of other sets the last budget


def strategies() -> str:
    """Balanced accuracy of a regression on what each strategy chose, two budgets a set."""
    found: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines("selection.jsonl"):
        if line["by"] == "regression":
            budgets = line["budgets"]
            last = COUNTED.get(line["set"].partition(",")[0], budgets[-1])
            for budget in (budgets[0], last):
                score = 100 * line["balanced_accuracy"][budgets.index(budget)]
                found[line["set"], budget][line["strategy"]].append(score)
    rows = [
        [f"{name}, {budget} labels", *(_mean(scores[one]) for one in STRATEGIES)]
        for (name, budget), scores in found.items()
    ]
    return table(["set", *STRATEGIES], rows)


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else ""


def with_recipe() -> str:
    """Accuracy of the recipe for few labels on texts chosen at random and by `auto`."""
    found: dict[tuple[str, int], dict[str, dict[int, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for line in lines("selection.jsonl"):
        if line["by"] == "recipe":
            (scores,) = line["test"].values()
            key = line["set"], line["budgets"][0]
            found[key][line["strategy"]][line["seed"]] = 100 * scores["accuracy"]
    rows = []
    for (name, budget), by in found.items():
        both = sorted(by["random"].keys() & by["auto"].keys())
        if both:
            gains = [by["auto"][seed] - by["random"][seed] for seed in both]
            shown = [mean_range([by[one][seed] for seed in both]) for one in ("random", "auto")]
            rows.append([f"{name}, {budget} labels", *shown, mean_range(gains, count=False)])
    return table(["set", "at random", "by auto", "difference"], rows)


def half_of_the_labels() -> str:
    """Compare what `auto` chose with twice as many labels drawn at random."""
    found: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for line in lines("selection.jsonl"):
        if line["by"] == "regression":
            for budget, score in zip(line["budgets"], line["balanced_accuracy"], strict=True):
                found[line["set"], line["strategy"], budget].append(100 * score)
    rows = []
    for name, few in HALVES:
        own, chance = found[name, "auto", few], found[name, "random", 2 * few]
        rows.append([name, str(few), mean_range(own), str(2 * few), mean_range(chance)])
    return table(["set", "labels", "by auto", "labels", "at random"], rows)


def label_errors() -> str:
    """How many planted errors the page brings back."""
    found = tree("labelling.json")["errors"]
    ways = {"the least likely labels": "", "confident learning": "confident_learning_"}
    rows = [
        [title, *(mean_range(100 * one[f"{prefix}{score}"] for one in found) for score in SCORES)]
        for title, prefix in ways.items()
    ]
    return table(["suspected", *SCORES], rows)


def learning_curves() -> str:
    """What the learning curve expected at the next round, beside what came."""
    by: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in tree("labelling.json")["curves"]:
        few = line["labels"][0] < FEW
        by[f"{line['strategy']}, {'below' if few else 'from'} {FEW} labels on"].append(line)
    rows = []
    for title, some in sorted(by.items()):
        off = [100 * abs(one["expected"] - one["came"]) for one in some]
        gain = [100 * abs(one["gain_expected"] - one["gain_came"]) for one in some]
        held = [100 * (one["band"][0] <= one["came"] <= one["band"][1]) for one in some]
        within = 100 * sum(value <= 1.5 for value in off) / len(off)
        shown = [
            f"{statistics.median(off):.1f}",
            f"{within:.0f} %",
            f"{statistics.mean(held):.0f} %",
        ]
        rows.append([title, str(len(some)), *shown, f"{statistics.median(gain):.1f}"])
    header = ["labels chosen by", "cases", "off, median", "within 1.5", "in the band"]
    return table([*header, "gain off, median"], rows)
