"""Tables of the recommender: pairs told apart, rankings, what diversity costs, texts, speed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docs.hooks.results import table, tree
from docs.hooks.support_tables import soaked

Line = Mapping[str, Any]
SCORED = "soft, newer"  # the way to score that October chose
MONTHS = {"dev": "October (dev)", "test": "November (test)"}


def _months() -> dict[str, Line]:
    found = tree("apps_recommend.json")
    return {shown: found[name] for name, shown in MONTHS.items()}


def recommend_pairs() -> str:
    """How well a real purchase is told from sampled others, by sets of features."""
    columns = ("AUC", "AUC by user", "AUC of unseen items")
    rows = [
        [month, name, *(f"{one[column]:.1f}" for column in columns)]
        for month, found in _months().items()
        for name, one in found["pairs"].items()
        if "AUC" in one
    ]
    rows += [
        [month, "what text adds", "", _difference(found["pairs"]["what text adds by user"]), ""]
        for month, found in _months().items()
    ]
    return table(["month", "features", *columns], rows)


def recommend_ranking() -> str:
    """Rankings of all items, candidates, newcomers."""
    rows = []
    for month, found in _months().items():
        ranking, new = found["ranking"], found["newcomers"]
        for name in ("all", "all without text", "text alone", "of 300 candidates"):
            one = ranking[name]
            label = f"{name} features" if name != "of 300 candidates" else "all features, of 300"
            rows.append([month, label, f"{one['Recall@20']:.1f}", f"{one['NDCG@20']:.1f}"])
        added = _difference(ranking["what text adds to Recall@20"])
        rows.append([month, "what text adds", added, ""])
        rows += [
            [month, f"purchases among {count} candidates, %", f"{share:.1f}", ""]
            for count, share in ranking["purchases among candidates"].items()
        ]
        picks = f"{new['users']} newcomers, after three picks"
        rows.append([month, picks, f"{new['Recall@20']:.1f}", ""])
        rows.append([month, "the same without picks", f"{new['Recall@20 without picks']:.1f}", ""])
    return table(["month", "", "Recall@20", "NDCG@20"], rows)


def recommend_diversity() -> str:
    """What diversity costs, on November: the settings that lose the least for what they bring."""
    found = tree("apps_recommend.json")["test"]["lists"]
    rows = [
        [
            name,
            f"{one['Recall@20']:.2f}",
            f"{one['lost, %']:.1f}",
            f"{one['distance']:.3f}",
            f"{one['coverage, %']:.1f}",
        ]
        for name, one in found.items()
    ]
    return table(["way, slider, bonus", "Recall@20", "lost, %", "distance", "coverage, %"], rows)


def recommend_text() -> str:
    """What texts alone say, by the vectors that are read of them."""
    names = ("AUC", "by person", "unseen items", "Recall@20 of unseen")
    rows = [
        [month, line["way"], *(f"{line[SCORED][name]:.1f}" for name in names)]
        for split, month in MONTHS.items()
        for line in tree("apps_recommend_text.json")
        if line["split"] == split
    ]
    return table(["month", "vectors", *names], rows)


def recommend_load() -> str:
    """How soon a list is there, and what many requests do."""
    found = tree("apps_recommend_load.json")
    rows = []
    if "lists" in found:
        one = found["lists"]
        for name in ("100 ranked ms", "12 with reasons ms", "purchase to next list ms"):
            rows.append([f"{name.removesuffix(' ms')}, p50 / p99", _pair(one[name])])
        share = 100 * one["items with a reason of one's own"]
        rows.append(["items whose reason names something of the person's", f"{share:.0f} %"])
    if "nasty" in found:
        one = found["nasty"]
        rows.append([f"{one['strings']:,} nasty strings: answers of 5xx", str(one["5xx"])])
    if "soak" in found:
        rows.append(soaked(found["soak"]))
    return table(["", ""], rows)


def recommend_loop() -> str:
    """What becomes of lists that are learnt from, and whether an erased customer can be told."""
    found = tree("apps_recommend_loop.json")
    rows = []
    for name, rounds in found.get("loop", {}).items():
        first, last = (f"{100 * rounds[place]['coverage']:.1f}" for place in (0, -1))
        about = f"coverage of the first lists and after {len(rounds) - 1} rounds, {name}, %"
        rows.append([about, f"{first} / {last}"])
    rows += [
        [f"AUC of telling who was in the log, {name}", f"{value:.3f}"]
        for name, value in found["probe"]["AUC of telling who was in"].items()
    ]
    return table(["", ""], rows)


def _pair(one: Line) -> str:
    return f"{one['p50']:.0f} / {one['p99']:.0f} ms"


def _difference(one: Line) -> str:
    return f"{one['mean']:+.2f} ({one['low']:+.2f} to {one['high']:+.2f})"
