"""Tables of the recipe for few labels on sets that it was not chosen on."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from docs.hooks.results import lines, mean_range, names, scores, table

LEFT_OUT, ASIDE = "few_shot_left_out.jsonl", "few_shot_kept_aside.jsonl"
# Not chosen among: what every choice is compared with.
BESIDE = ("L", "frozen")


def candidates() -> str:
    """Every candidate on every set, dev."""
    sets, ways = _sets(LEFT_OUT), _ways(LEFT_OUT)
    rows = [[one, *(_mean(LEFT_OUT, one, way) for way in ways)] for one in sets]
    return table(["set", *ways], rows)


def left_out() -> str:
    """What is chosen on all sets but one, on that one: by the mean gain over L on the others."""
    rows = []
    for one in _sets(LEFT_OUT):
        chosen = _chosen([other for other in _sets(LEFT_OUT) if other != one])
        values = scores(LEFT_OUT, f"{one}: {chosen}")
        best = max(_best_beside(one), key=lambda way: statistics.mean(_of(one, way).values()))
        apart = statistics.mean(values.values()) - statistics.mean(_of(one, best).values())
        rows.append([one, chosen, mean_range(values.values()), f"{apart:+.1f} over {best}"])
    return table(
        ["left out", "chosen on the others", "its score", "the better of L and frozen"], rows
    )


def kept_aside() -> str:
    """The recipe on sets on which nothing was chosen, test."""
    ways = _ways(ASIDE)
    rows = [
        [one, *(mean_range(scores(ASIDE, f"{one}: {way}").values()) for way in ways)]
        for one in _sets(ASIDE)
    ]
    return table(["set", *ways], rows)


def _sets(file: str) -> list[str]:
    return list(dict.fromkeys(line["name"].partition(": ")[0] for line in lines(file)))


def _ways(file: str) -> list[str]:
    return names(file, _sets(file)[0]) if file == ASIDE else _all_ways(file)


def _all_ways(file: str) -> list[str]:
    return list(dict.fromkeys(way for one in _sets(file) for way in names(file, one)))


def _mean(file: str, one: str, way: str) -> str:
    if way not in names(file, one):
        return "not run"
    values = scores(file, f"{one}: {way}").values()
    return f"{statistics.mean(values):.1f}" + (f" ({len(values)})" if len(values) > 1 else "")


def _of(one: str, way: str) -> Mapping[int, float]:
    return scores(LEFT_OUT, f"{one}: {way}")


def _best_beside(one: str) -> list[str]:
    return [way for way in BESIDE if way in names(LEFT_OUT, one)]


def _chosen(others: Sequence[str]) -> str:
    """Choose the candidate with the highest mean gain over L on some sets, draw by draw."""
    ways = [way for way in _all_ways(LEFT_OUT) if way not in BESIDE]

    def gain(way: str) -> float:
        return statistics.mean(
            statistics.mean(values[draw] - plain[draw] for draw in values.keys() & plain.keys())
            for one in others
            for values, plain in [(_of(one, way), _of(one, "L"))]
        )

    return max(ways, key=gain)
