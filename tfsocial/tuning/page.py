"""The report as a page: every trial a line through its values, to its score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from tfsocial import pages
from tfsocial.tuning.space import Choices, Range, Space

if TYPE_CHECKING:
    from tfsocial.tuning.report import Row, Tuned

WIDTH, HEIGHT, TOP, SIDE = 960, 360, 46, 90
SCORE = "dev"
_STYLE = """<style>
.trials path { fill: none; stroke-width: 1.6; opacity: .75; }
.trials path.pruned { stroke: var(--line); stroke-width: 1; stroke-dasharray: 4 3; }
.trials path.best { stroke-width: 3.5; opacity: 1; }
.trials path:hover { stroke-width: 5; opacity: 1; }
.trials line { stroke: var(--ink); } .trials text { fill: var(--ink); font: 12px system-ui; }
.bar { background: #4c8bd6; height: .8rem; display: inline-block; }
</style>"""


def page(tuned: Tuned, space: Space) -> str:
    """Write the whole page."""
    sections = [
        ("", f"<p>{escape(str(tuned).partition(chr(10))[0])}</p>"),
        ("Trials as lines", _parallel(tuned, space)),
        ("What mattered", _importance(tuned.importance)),
        ("Trials", _table(tuned, list(space.keys))),
    ]
    parts = [f"<h2>{title}</h2>\n{html}" if title else html for title, html in sections if html]
    return pages.document(f"Search in {tuned.output.name}", "\n".join([_STYLE, *parts]))


# --- parallel coordinates --------------------------------------------------------------------


def _parallel(tuned: Tuned, space: Space) -> str:
    """Draw each trial as a line from axis to axis, blue where dev is low and orange where high."""
    scored = [row for row in tuned.rows if row.score is not None and row.drawn]
    if not scored:
        return ""
    low, high = _ends([row.score for row in scored if row.score is not None])
    keys = [*space.keys, SCORE]
    places = {key: SIDE + n * (WIDTH - 2 * SIDE) / (len(keys) - 1) for n, key in enumerate(keys)}
    drawn = [
        _line(row, space, places, (low, high), row.number == tuned.best)
        for row in sorted(scored, key=lambda row: (row.state == "complete", row.score))
    ]
    axes = [_axis(places[key], key, *_labels(space.keys[key])) for key in space.keys]
    axes.append(_axis(places[SCORE], SCORE, f"{low:.4g}", f"{high:.4g}"))
    return (
        f'<div class="wide"><svg class="trials" viewBox="0 0 {WIDTH} {HEIGHT + 2 * TOP}" '
        'role="img" aria-label="parallel coordinates of the trials">'
        + "".join([*axes, *drawn])
        + "</svg></div>\n<p class=note>Orange: the highest scores, blue: the lowest; dashed: ended "
        "early. A line's values show when it is pointed at.</p>"
    )


def _ends(scores: Sequence[float]) -> tuple[float, float]:
    low, high = min(scores), max(scores)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _line(
    row: Row, space: Space, places: Mapping[str, float], ends: tuple[float, float], best: bool
) -> str:
    score = ((row.score or 0.0) - ends[0]) / (ends[1] - ends[0])
    heights = {key: height(entry, row.drawn[key]) for key, entry in space.keys.items()}
    points = [
        f"{places[key]:.1f},{_y(value):.1f}" for key, value in [*heights.items(), (SCORE, score)]
    ]
    kind = "pruned" if row.state != "complete" else "best" if best else ""
    colour = "" if kind == "pruned" else f' style="stroke: hsl({210 - 180 * score:.0f} 70% 50%)"'
    values = "\n".join(f"{key} = {value}" for key, value in row.drawn.items())
    about = escape(f"trial {row.number}, {row.state}, dev {row.score:.4f}\n{values}")
    return f'<path class="{kind}"{colour} d="M{" L".join(points)}"><title>{about}</title></path>'


def height(entry: Range | Choices, value: Any) -> float:
    """Place a value on its axis, from 0 at the bottom to 1.

    >>> height(Range(low=1e-5, high=1e-3, log=True), 1e-4), height(Choices(choices=(1, 5, 9)), 9)
    (0.5, 1.0)
    """
    if isinstance(entry, Choices):
        return entry.names.index(value) / (len(entry.names) - 1)
    low, high, at = (
        (math.log(one) if entry.log else one) for one in (entry.low, entry.high, value)
    )
    return round((at - low) / (high - low), 6)


def _y(share: float) -> float:
    return TOP + (1 - share) * HEIGHT


def _labels(entry: Range | Choices) -> tuple[str, ...]:
    if isinstance(entry, Choices):
        return tuple(map(str, entry.names))
    return f"{entry.low:g}", f"{entry.high:g}"


def _axis(x: float, key: str, *labels: str) -> str:
    """Draw an axis, named above by the end of its key, with its values beside it, lowest first."""
    texts = [
        f'<text x="{x + 5:.1f}" y="{_y(n / (len(labels) - 1)) + 4:.1f}">{escape(label)}</text>'
        for n, label in enumerate(labels)
    ]
    name = escape(".".join(key.split(".")[-2:]))
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(1):.1f}" y2="{_y(0):.1f}"/>'
        f'<text x="{x:.1f}" y="{TOP - 22}" text-anchor="middle">{name}<title>{escape(key)}</title>'
        f"</text>{''.join(texts)}"
    )


# --- tables ------------------------------------------------------------------------------------


def _importance(parts: Mapping[str, float]) -> str:
    rows = "".join(
        f'<tr><td class="where">{escape(key)}</td><td class="number">{part:.0%}</td>'
        f'<td><span class="bar" style="width: {12 * part:.2f}rem"></span></td></tr>'
        for key, part in parts.items()
    )
    note = (
        "<p class=note>How much of the difference between good trials and all trials each key "
        "explains (PED-ANOVA); few trials say little.</p>"
    )
    return f"<table><tbody>{rows}</tbody></table>\n{note}" if rows else ""


def _table(tuned: Tuned, keys: Sequence[str]) -> str:
    ordered = sorted(
        tuned.rows, key=lambda row: (row.state != "complete", -(row.score or -math.inf), row.number)
    )
    head = "".join(f"<th>{escape(key)}</th>" for key in ["trial", "state", "dev", "steps", *keys])
    body = "".join(_row(row, keys) for row in ordered)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _row(row: Row, keys: Sequence[str]) -> str:
    score = "" if row.score is None else f"{row.score:.4f}"
    numbers = [str(row.number), row.state, score, str(row.steps)]
    values = [_cell(row.drawn.get(key, "")) for key in keys]
    cells = "".join(f'<td class="number">{escape(cell)}</td>' for cell in [*numbers, *values])
    why = (
        f'<tr><td></td><td colspan="{len(keys) + 3}">{escape(row.why)}</td></tr>' if row.why else ""
    )
    return f"<tr>{cells}</tr>{why}"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
