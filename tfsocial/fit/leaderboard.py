"""What `fit` tried and took: as text, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from tfsocial import files, pages

NAME = "leaderboard"


@dataclass(frozen=True)
class Row:
    """A candidate.

    Attributes:
        score: mean over the parts it was scored on; None where it failed.
        lowest, highest: of the parts.
        parts: how many.
        seconds: of one training in the mean.
        megabytes: of its model.
        why: it failed.
    """

    name: str
    about: str
    score: float | None
    lowest: float | None
    highest: float | None
    parts: int
    seconds: float
    megabytes: float | None
    why: str = ""


@dataclass(frozen=True)
class Fit:
    """What came of it; prints as the leaderboard.

    Attributes:
        metric: that scores are of.
        scored_on: what they were scored on, in words.
        rows: the best first.
        winner: name of the candidate that was taken.
        members: trainings of it on all there is.
        together: way -> score of several trainings alone and together, where that was tried.
        way: that was taken.
        models: folders of the model; of an ensemble several.
        served: folder of the exported version.
        test: task -> metric -> value, of the file that --test names.
        notes: sentences.
    """

    output: Path
    metric: str
    scored_on: str
    rows: Sequence[Row]
    winner: str
    members: int
    together: Mapping[str, float]
    way: str
    models: Sequence[Path]
    served: Path
    test: Mapping[str, Mapping[str, float]]
    minutes: float
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def write(self) -> None:
        """Write leaderboard.json, .txt and .html."""
        values = {
            **asdict(self),
            "output": str(self.output),
            "models": [str(model) for model in self.models],
            "served": str(self.served),
        }
        texts = {
            "json": json.dumps(values, indent=1, ensure_ascii=False) + "\n",
            "txt": f"{self}\n",
            "html": _page(self),
        }
        for suffix, text in texts.items():
            files.write_text(self.output / f"{NAME}.{suffix}", text)


def _lines(fit: Fit) -> list[str]:
    wide = max(len(row.name) for row in fit.rows)
    lines = [f"{fit.metric} on {fit.scored_on}", ""]
    for row in fit.rows:
        mark = "*" if row.name == fit.winner else " "
        lines.append(f"{mark} {row.name:<{wide}}  {_scores(row)}  {row.about}".rstrip())
    if fit.together:
        parts = ", ".join(f"{way} {100 * score:.2f}" for way, score in fit.together.items())
        lines += ["", f"several trainings of {fit.winner}: {parts}"]
    lines += ["", f"model: {fit.winner}, {_taken(fit)}: {', '.join(map(str, fit.models))}"]
    lines.append(f"served: {fit.served}")
    for task, numbers in fit.test.items():
        shown = ", ".join(
            f"{name} {value:.4g}" for name, value in numbers.items() if name != "count"
        )
        lines.append(f"test: {task}: {shown}")
    return [*lines, f"minutes: {fit.minutes:.1f}", *([""] if fit.notes else []), *fit.notes]


def _taken(fit: Fit) -> str:
    return fit.way if fit.members == 1 else f"{fit.way} of {fit.members} trainings"


def _scores(row: Row) -> str:
    if row.score is None or row.lowest is None or row.highest is None:
        return f"failed: {row.why}" if row.why else "was not tried: no time"
    size = f"{row.megabytes:.0f} MB" if row.megabytes else ""
    spread = f"({100 * row.lowest:.2f} to {100 * row.highest:.2f}, {row.parts})"
    return f"{100 * row.score:6.2f} {spread:<23} {row.seconds:5.0f} s  {size:>6}"


# --- the page ----------------------------------------------------------------------------------

_STYLE = """<style>
.range { position: relative; height: 1.1rem; width: 16rem; background: var(--soft); }
.range i { position: absolute; top: .35rem; height: .4rem; background: #4c8bd6; opacity: .5; }
.range b { position: absolute; top: .1rem; height: .9rem; width: 3px; background: #e08a2e; }
tr.winner td { font-weight: 600; }
</style>"""


def _page(fit: Fit) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("", fit.metric, "", "parts", "s", "MB", "what"))
    rows = "".join(_row(row, fit) for row in fit.rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    after = "".join(f"<p>{escape(line)}</p>" for line in _lines(fit)[len(fit.rows) + 2 :] if line)
    body = f'{_STYLE}<p>On {escape(fit.scored_on)}.</p><div class="wide">{table}</div>{after}'
    return pages.document(f"Leaderboard of {fit.output.name}", body)


def _row(row: Row, fit: Fit) -> str:
    kind = ' class="winner"' if row.name == fit.winner else ""
    if row.score is None:
        said = escape(row.why or "not tried: no time")
        return f'<tr{kind}><td>{escape(row.name)}</td><td colspan="6">{said}</td></tr>'
    size = "" if row.megabytes is None else f"{row.megabytes:.0f}"
    numbers = "".join(
        f'<td class="number">{cell}</td>' for cell in (str(row.parts), f"{row.seconds:.0f}", size)
    )
    return (
        f'<tr{kind}><td>{escape(row.name)}</td><td class="number">{100 * row.score:.2f}</td>'
        f"<td>{_range(row, fit)}</td>{numbers}<td>{escape(row.about)}</td></tr>"
    )


def _range(row: Row, fit: Fit) -> str:
    """Draw where the parts' scores lie, on one scale for all candidates."""
    ends = [one for each in fit.rows for one in (each.lowest, each.highest) if one is not None]
    low, high = min(ends), max(ends)
    wide = (high - low) or 1.0
    left, right, mean = (
        100 * ((at or 0.0) - low) / wide for at in (row.lowest, row.highest, row.score)
    )
    return (
        f'<div class="range"><i style="left:{left:.1f}%;width:{max(0.5, right - left):.1f}%"></i>'
        f'<b style="left:{mean:.1f}%"></b></div>'
    )
