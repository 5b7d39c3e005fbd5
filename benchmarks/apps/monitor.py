"""Opinion monitor: surges found, minutes and false alarms, on drawn and on real counts.

    python -m benchmarks.apps.monitor --data=DIR --bench=FILE [--predictions=CSV] [--only PART ...]

DIR of --data holds airline_opinion and nab_tickers, FILE of --bench is what surges are measured
by. Parts:

* `surge, true labels`, `surge, own labels`: at one false alarm a week over all topics, thresholds
  by the bench; own labels are drawn by the confusion of the predictions;
* `asked and observed`: false alarms of thresholds that the detector chooses itself from four quiet
  weeks, over the 22 weeks after them;
* `floods`: a flood of neutral texts, with and without the share of them that is read as negative;
* `replay`: 21 to 24 Feb 2015 after the four quiet days before, first alarm of each day in -08:00;
* `nab`: mentions of tickers, thresholds from five and scored on the other five, and swapped.

Goes into results/apps_monitor.jsonl, a line for each part.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.apps import monitor_nab
from benchmarks.same_weights import commit
from tfsocial.apps.monitor.detection import fitting, thresholds
from tfsocial.apps.monitor.detection.scan import scan
from tfsocial.apps.monitor.detection.settings import Settings

RESULTS = Path(__file__).resolve().parents[1] / "results" / "apps_monitor.jsonl"
QUIET = 28  # days that the detector learns from
FITTED_ON = 99  # seed of the stream for it, which nothing else is measured on
SEEDS = range(100, 104)
PER_WEEK = (1.0, 0.1)  # false alarms over all topics
ZONE = timezone(timedelta(hours=-8))
BEGIN, DAYS = datetime(2015, 2, 17, tzinfo=ZONE), 8
QUIET_DAYS = 4
Line = dict[str, Any]
Detector = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Given:
    """What parts measure with.

    Attributes:
        bench: the module that defines the measure; rate: its hourly rates.
        rows: of the predictions, or of the data where there are none.
        confusion: P(predicted | true) by airline, [5, 3, 3]; None without predictions.
    """

    data: Path
    bench: ModuleType
    rate: np.ndarray
    rows: Sequence[dict[str, str]]
    confusion: np.ndarray | None

    def phase(self, bins: int) -> np.ndarray:
        """Give the hour of each bin."""
        hours: np.ndarray = np.arange(bins) // self.bench.BINS % 24
        return hours

    def leaks(self) -> np.ndarray:
        """Give the leak of a flood of neutral texts, by airline."""
        if self.confusion is None:
            return np.zeros(len(self.bench.AIRLINES))
        neutral = np.eye(3)[1]
        return np.array([leak(one, neutral) for one in self.confusion])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--predictions", type=Path, help="text,label,airline,timestamp,predicted")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    given = read(options.data, options.bench, options.predictions)
    for part in options.only:
        line = {"part": part, **PARTS[part](given)}
        print(json.dumps(line), flush=True)
        if "skipped" not in line:
            write(options.results, line | {"commit": commit()})


def write(path: Path, line: Line) -> None:
    """Put a part's line in the place of its last one."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    kept = [one for one in map(json.loads, lines) if one["part"] != line["part"]]
    text = "".join(json.dumps(one) + "\n" for one in [*kept, line])
    path.write_text(text, "utf-8")


def read(data: Path, bench: Path, predictions: Path | None) -> Given:
    spec = importlib.util.spec_from_file_location("surge_bench", bench)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{bench}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    airlines = data / "airline_opinion"
    own = predictions and predictions.exists()
    files = [predictions] if own else [airlines / f"{s}.csv" for s in ("train", "dev", "test")]
    rows = [row for file in files if file for row in monitor_nab.rows(file)]
    rows = [row for row in rows if row["airline"] in module.AIRLINES]
    found = confusions(rows, module) if own else None
    return Given(data, module, module.rates(airlines), rows, found)


def leak(confusion: np.ndarray, counts: np.ndarray) -> float:
    """Give texts wrongly counted as negative for each text counted as something else.

    Args:
        confusion: P(predicted | true), [3, 3], negative first.
        counts: true counts, or shares, of the labels that a flood may be of, [3].

    >>> one = np.array([[0.9, 0.1, 0.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    >>> round(leak(one, np.array([5, 1, 0])), 3)
    0.333
    """
    wrong = counts[1:] @ confusion[1:, 0]
    return float(wrong / max(counts[1:].sum() - wrong, 1e-9))


def confusions(rows: Sequence[dict[str, str]], bench: ModuleType) -> np.ndarray:
    """Count the predictions of each airline: P(predicted | true), [5, 3, 3]."""
    counts = np.zeros((len(bench.AIRLINES), 3, 3))
    for row in rows:
        labels = [bench.LABELS.index(row[column]) for column in ("label", "predicted")]
        counts[(bench.AIRLINES.index(row["airline"]), *labels)] += 1
    return counts / counts.sum(2, keepdims=True)


# --- the bench ------------------------------------------------------------------------------


def seen(given: Given, counts: np.ndarray, seed: int, own: bool) -> np.ndarray:
    if not own:
        return counts
    found: np.ndarray = given.bench.observe(counts, given.confusion, seed)
    return found


def fitted(given: Given, own: bool) -> list[Settings]:
    """Fit each airline on four quiet weeks that nothing is measured on."""
    counts, _ = given.bench.stream(given.rate, FITTED_ON, weeks=QUIET // 7)
    counts = seen(given, counts, 1, own)
    leaks = given.leaks() if own else np.zeros(len(counts))
    phase = given.phase(counts.shape[2])
    return [
        fitting.fit(one[0], one.sum(0), phase, Settings(leak=float(leak)))
        for one, leak in zip(counts, leaks, strict=True)
    ]


def detector(given: Given, settings: Sequence[Settings]) -> Detector:
    def scores(counts: np.ndarray) -> np.ndarray:
        phase = given.phase(counts.shape[2])
        pairs = zip(counts, settings, strict=True)
        return np.stack([scan(one[0], one.sum(0), phase, its).score for one, its in pairs])

    return scores


def surges(given: Given, own: bool) -> Line:
    """Measure by the bench, at one false alarm a week."""
    if own and given.confusion is None:
        return {"skipped": "no --predictions"}
    settings = fitted(given, own)
    used = given.confusion if own else None
    found: Line = given.bench.measure(given.rate, detector(given, settings), used)
    return found | {"coupling": [one.coupling for one in settings]}


def asked_and_observed(given: Given) -> Line:
    """Choose thresholds from the first four weeks and count alarms in the 22 after them."""
    counted: dict[tuple[str, float], list[int]] = {}
    names = ["true labels"] + ["own labels"] * (given.confusion is not None)
    weeks = given.bench.WEEKS - QUIET // 7
    for name in names:
        settings = fitted(given, name == "own labels")
        for seed in SEEDS:
            quiet, _ = given.bench.stream(given.rate, seed)
            counts = seen(given, quiet, seed, name == "own labels")
            scores = detector(given, settings)(counts)
            limits = own_thresholds(given, counts, settings)
            for rate, limit in zip(PER_WEEK, limits, strict=True):
                alarms = given.bench.alarms(scores - limit[:, None])
                counted.setdefault((name, rate), []).append(len(alarms))
    return {
        f"{name}, {rate:g} a week asked": {
            "observed": round(float(np.mean(values)) / weeks, 3),
            "by seed": [round(value / weeks, 3) for value in values],
        }
        for (name, rate), values in counted.items()
    }


def own_thresholds(given: Given, counts: np.ndarray, settings: Sequence[Settings]) -> np.ndarray:
    """Give those of `PER_WEEK` by airline, [rates, 5], from the first four weeks."""
    first = slice(0, QUIET * given.bench.DAY)
    phase = given.phase(counts.shape[2])[first]
    found = []
    for one, its in zip(counts, settings, strict=True):
        known = one[0, first], one[:, first].sum(0), phase, its
        drawn, own = thresholds.simulated(*known, 0), thresholds.own_scores(*known, 0)
        rates = [rate / len(counts) for rate in PER_WEEK]
        found.append([thresholds.chosen(drawn, own, rate, its) for rate in rates])
    return np.array(found).T


def floods(given: Given) -> Line:
    """Flood the neutrals of own labels, with the leak known and with it left out."""
    if given.confusion is None:
        return {"skipped": "no --predictions"}
    found: Line = {}
    settings = fitted(given, own=True)
    for name, used in (
        ("leak known", settings),
        ("leak left out", [replace(one, leak=0.0) for one in settings]),
    ):
        scores = detector(given, used)
        quiet, _ = given.bench.stream(given.rate, 1)
        limit = given.bench.thresholds(scores(seen(given, quiet, 5, own=True)), 1.0)
        for factor in (4, 15):
            counts, events = given.bench.stream(given.rate, 30, flood=factor)
            score = scores(seen(given, counts, 8, own=True)) - limit
            fires = ~np.isnan(given.bench.found(score, events, 4 * given.bench.BINS))
            found[f"{name}, x{factor} fires"] = f"{100 * fires.mean():.1f} %"
    return found


# --- what happened in February 2015 ---------------------------------------------------------


def replay(given: Given) -> Line:
    """Learn from 17 to 20 Feb and give the first alarm of each day, by labels and airline.

    The four days are scored by the season that they make together, as if they had been before.
    """
    columns = {"true labels": "label"}
    if given.confusion is not None:
        columns["own labels"] = "predicted"
    return {name: replayed(given, column) for name, column in columns.items()}


def replayed(given: Given, column: str) -> Line:
    leaks = given.leaks() if column == "predicted" else np.zeros(5)
    found: Line = {}
    pairs = zip(given.bench.AIRLINES, real_counts(given, column), leaks, strict=True)
    for airline, counts, leak in pairs:
        quiet = QUIET_DAYS * given.bench.DAY
        settings, phase = Settings(leak=float(leak)), given.phase(counts.shape[1] + quiet)
        limit = thresholds.threshold(
            counts[0, :quiet], counts[:, :quiet].sum(0), phase[:quiet], PER_WEEK[0] / 5, settings
        )
        again = np.concatenate([counts[:, :quiet], counts], 1)
        score = scan(again[0], again.sum(0), phase, settings).score[quiet:]
        found[airline] = first_of_days(np.flatnonzero(score > limit), given.bench.DAY)
    return found


def real_counts(given: Given, column: str) -> np.ndarray:
    """Count texts by airline, label and bin from 17 Feb on: int [5, 3, bins]."""
    bench = given.bench
    counts = np.zeros((len(bench.AIRLINES), 3, DAYS * bench.DAY), int)
    for row in given.rows:
        when = datetime.fromisoformat(row["timestamp"].replace(" ", "T", 1).replace(" ", ""))
        place = int((when - BEGIN).total_seconds() // (86400 / bench.DAY))
        if 0 <= place < counts.shape[2]:
            which = bench.AIRLINES.index(row["airline"]), bench.LABELS.index(row[column])
            counts[(*which, place)] += 1
    return counts


def first_of_days(places: np.ndarray, day: int) -> list[str]:
    """Give the end of the first bin of each day, as "22 06:30"."""
    firsts = np.unique(places // day, return_index=True)[1]
    ends = [BEGIN + timedelta(days=float((places[one] + 1) / day)) for one in firsts]
    return [f"{end:%d %H:%M}" for end in ends]


def nab(given: Given) -> Line:
    return monitor_nab.measured(given.data / "nab_tickers")


PARTS: dict[str, Callable[[Given], Line]] = {
    "surge, true labels": partial(surges, own=False),
    "surge, own labels": partial(surges, own=True),
    "asked and observed": asked_and_observed,
    "floods": floods,
    "replay": replay,
    "nab": nab,
}


if __name__ == "__main__":
    main()
