"""Tables of the opinion monitor: surges found, false alarms, sentiment, how quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docs.hooks.results import lines, table, tree
from docs.hooks.support_tables import soaked

Line = Mapping[str, Any]


def _parts() -> dict[str, Line]:
    return {line["part"]: line for line in lines("apps_monitor.jsonl")}


def monitor_surges() -> str:
    """Surges found and false alarms on the bench of drawn weeks."""
    names = ("x2", "x3", "x5", "false alarms a week", "flood x4 fires", "flood x15 fires")
    rows = [
        [part.removeprefix("surge, "), *(str(line[name]) for name in names)]
        for part, line in _parts().items()
        if part.startswith("surge, ")
    ]
    return table(["labels", *names], rows)


def monitor_replay() -> str:
    """When an alarm began in the real days of February 2015."""
    line = _parts()["replay"]
    rows = [
        [airline, *("; ".join(line[labels][airline]) or "none" for labels in LABELS)]
        for airline in line[LABELS[0]]
    ]
    return table(["airline", *LABELS], rows)


def monitor_nab() -> str:
    """NAB's score beside the published detectors'."""
    line = _parts()["nab"]
    every = {"tfsocial": line["ours"], **line["published"]}
    names = ("score", "windows", "false alarms")
    rows = [
        [name, *(str(found[one]) for one in names)]
        for name, found in sorted(every.items(), key=lambda one: -one[1]["score"])
    ]
    return table(["detector", "score", "windows of 33", "false alarms a series-week"], rows)


def monitor_load() -> str:
    """How many texts a second, and how soon they show."""
    found = tree("apps_monitor_load.json")
    rows = [row for part, rows_of in ROWS.items() if part in found for row in rows_of(found[part])]
    return table(["", ""], rows)


def _many(found: Line) -> list[list[str]]:
    return [
        [f"{found['texts']:,} texts sent at once: counted in", f"{found['counted in s']} s"],
        ["that is, texts a second", f"{found['texts/s']}"],
    ]


def _soon(found: Line) -> list[list[str]]:
    about = "from a text sent to the topic's count, median / most"
    return [
        [about, f"{found['text to chart, median s']} / {found['most s']} s"],
        ["from 30 negative texts sent to their incident", f"{found['surge to incident s']} s"],
    ]


def _nasty(found: Line) -> list[list[str]]:
    return [[f"{found['strings']:,} nasty strings: answers of 5xx", str(found["5xx"])]]


def _soak(found: Line) -> list[list[str]]:
    return [soaked(found)]


LABELS = ("true labels", "own labels")
ROWS = {"texts": _many, "soon": _soon, "nasty": _nasty, "soak": _soak}
