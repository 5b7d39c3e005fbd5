"""The data report as one HTML page that needs nothing beside it: style and plots stand in it.

Plots are SVG whose black is the page's text colour, so they can be read on light and on dark.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from tfsocial import pages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Facts = Mapping[str, Any]

MOST_ROWS = 20  # of texts that are equal and whose labels are not
NAMED_UP_TO = 60  # labels; beyond, only their counts are drawn
_INK = "#010203"  # stands for the page's text colour until the plot is in the page
_COLOURS = ("#4c8bd6", "#e08a2e", "#3fa66b")  # train, dev, test on light and dark alike


def page(facts: Facts) -> str:
    """Write the whole page."""
    sections = [
        ("Advice", _advice(facts["advice"])),
        ("Rows and lengths", _lengths(facts)),
        *((f"Labels of task {name}", _task(task)) for name, task in facts["tasks"].items()),
        ("Rows that stand twice", _repeats(facts["repeats"])),
        *(
            (f"Labels of task {name} that disagree", _conflicts(one))
            for name, one in facts["conflicts"].items()
        ),
        ("Bad rows", _quarantine(facts["quarantine"])),
        ("Licences", _licences(facts["licences"])),
    ]
    body = "\n".join(f"<h2>{escape(title)}</h2>\n{content}" for title, content in sections)
    return pages.document(f"Data of {facts['name']}", body)


# --- sections --------------------------------------------------------------------------


def _advice(sentences: Sequence[str]) -> str:
    if not sentences:
        return "<p>Nothing to mend was found.</p>"
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<ul class="advice">{items}</ul>'


def _lengths(facts: Facts) -> str:
    lengths = facts["lengths"]
    measures = ("mean", "median", "95 %", "99 %", "longest", "cut", "unknown")
    header = ("split", "files", "rows", "bad", *measures)
    keys = ("median", "p95", "p99", "longest")
    rows = []
    for split, counts in facts["splits"].items():
        one = lengths["splits"][split]
        cut = _Figure(f"{one['cut']} ({one['cut'] / max(counts['rows'], 1):.1%})")
        names = ", ".join(counts["files"])
        tokens = (round(one["mean"], 1), *(one[key] for key in keys))
        unknown = _Figure(f"{one['unknown']:.1%}")
        rows.append((split, names, counts["rows"], counts["bad"], *tokens, cut, unknown))
    note = (
        "Lengths in tokens of M0's vocabulary, special ones counted; <i>cut</i> is longer than "
        f"<code>data.row_length</code> {lengths['row_length']}. The last bar holds all that is "
        "longer. <i>unknown</i> is the share of tokens that its vocabulary has no word for."
    )
    return _wide(header, rows) + f'<p class="note">{note}</p>' + _length_plot(lengths)


def _task(task: Facts) -> str:
    if "labels" not in task:
        keys = ("rows", "mean", "deviation", "lowest", "highest")
        rows = [
            (split, *(_number(numbers.get(key)) for key in keys))
            for split, numbers in task["splits"].items()
        ]
        return _table(("split", *keys), rows)
    labels = sorted(task["labels"].items(), key=lambda item: -item[1].get("train", 0))
    splits = tuple(task["unlabelled"])
    rows = [(label, *counts.values()) for label, counts in labels]
    rows.append(("(no label)", *task["unlabelled"].values()))
    table = (
        f"<details><summary>all {len(labels)} labels</summary>{_table(('label', *splits), rows)}"
    )
    return _label_plot(labels, splits) + table + "</details>"


def _number(value: float | None) -> Any:
    return "" if value is None else round(value, 4)


def _repeats(repeats: Facts) -> str:
    rows = [
        (split, other, counts["equal"], counts["near"])
        for split, others in repeats["table"].items()
        for other, counts in others.items()
    ]
    more = "" if repeats["complete"] else " There are more near pairs than were looked at."
    note = (
        "Equal: the same after NFKC, case folding and folding of white space. Near: not equal, "
        f"{escape(repeats['measure'])} at least {repeats['threshold']:g}.{more} Within one split "
        "<i>equal</i> counts the rows that repeat an earlier one."
    )
    parts = [_table(("rows of", "stand in", "equal", "near"), rows), f'<p class="note">{note}</p>']
    if repeats["equal_across"]:
        shown = _first_of(repeats["equal_across"], repeats["equal_groups"], "texts")
        parts += [f"<h3>Equal across splits{shown}</h3>", _texts(repeats["equal_across"])]
    if repeats["near_across"]:
        pairs = [
            [row | {"similarity": f"{pair['similarity']:.2f}"} for row in pair["rows"]]
            for pair in repeats["near_across"]
        ]
        shown = _first_of(pairs, repeats["near_pairs"], "pairs")
        parts += [f"<h3>Near across splits{shown}</h3>", _texts(pairs, "similarity")]
    return "\n".join(parts)


def _first_of(shown: Sequence[object], count: int, what: str) -> str:
    """Say how many there are, where not all are shown."""
    return f": {len(shown)} of {count:,} {what}" if len(shown) < count else ""


def _conflicts(facts: Facts) -> str:
    if not facts["texts"]:
        return "<p>None.</p>"
    shown = len(facts["groups"])
    first = f", the first {shown:,} below" if shown < facts["texts"] else ""
    count = f"<p>{facts['texts']:,} texts in {facts['rows']:,} rows{first}.</p>"
    return count + _texts([group[:MOST_ROWS] for group in facts["groups"]], "label")


def _texts(groups: Sequence[Sequence[Facts]], beside: str = "") -> str:
    """Show groups of rows with their texts, one body of the table a group."""
    header = ("where", *([beside] if beside else []), "text")
    bodies = [
        [
            (_Where(row["where"]), *([row[beside]] if beside else []), _Text(row["text"]))
            for row in group
        ]
        for group in groups
    ]
    return f'<div class="scroll">{_table(header, *bodies)}</div>'


def _quarantine(reasons: Sequence[Facts]) -> str:
    if not reasons:
        return "<p>None.</p>"
    rows = [(one["rows"], _Where(one["first"]), one["reason"]) for one in reasons]
    return _table(("rows", "first", "reason"), rows)


def _licences(licences: Sequence[Facts]) -> str:
    header = ("what", "name", "licence", "kind", "where that was read", "this run")
    rows = [
        (one["what"], one["name"], one["licence"], one["kind"], one["source"], _verdict(one))
        for one in licences
    ]
    return _wide(header, rows)


def _verdict(licence: Facts) -> str:
    if licence["refused"]:
        return "refused"
    return f"acknowledged: {licence['acknowledged']}" if licence["acknowledged"] else "accepted"


class _Figure(str):
    """A number with what makes it more than one; stands to the right like the others."""


class _Where(str):
    """A file and line, which are not parted."""


class _Text(str):
    """A text, which may be parted anywhere: some have no blanks."""


_NUMBERS = (int, float, _Figure)


def _table(header: Sequence[str], *bodies: Iterable[Sequence[Any]]) -> str:
    """Write a table; cells are escaped here and nowhere else, numbers stand to the right."""
    parts = [list(body) for body in bodies]
    first = next((part[0] for part in parts if part), ())
    numbers = [isinstance(cell, _NUMBERS) for cell in first]
    heads = "".join(
        f"<th{' class=number' if number else ''}>{escape(name)}</th>"
        for name, number in zip(header, [*numbers, *[False] * len(header)], strict=False)
    )
    rows = "".join(f"<tbody>{''.join(map(_table_row, part))}</tbody>" for part in parts)
    return f"<table><thead><tr>{heads}</tr></thead>{rows}</table>"


def _wide(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Wrap a table that may be wider than a narrow page, and is moved under it."""
    return f'<div class="wide">{_table(header, rows)}</div>'


def _table_row(cells: Sequence[Any]) -> str:
    return f"<tr>{''.join(map(_cell, cells))}</tr>"


def _cell(value: Any) -> str:
    kind = " class=number" if isinstance(value, _NUMBERS) else ""
    kind = " class=where" if isinstance(value, _Where) else kind
    kind = " class=text" if isinstance(value, _Text) else kind
    return f"<td{kind}>{escape(str(value))}</td>"


# --- plots -----------------------------------------------------------------------------


def _length_plot(lengths: Facts) -> str:
    """Plot the share of each split's texts by their tokens, the row length as a line."""
    figure, axes = _figure(8.4, 3.0)
    edges = np.array(lengths["edges"])
    for colour, (split, one) in zip(_COLOURS, lengths["splits"].items(), strict=False):
        counts = np.array(one["histogram"])
        share = counts / max(counts.sum(), 1)
        axes.stairs(share, edges, color=colour, label=split, linewidth=1.6)
    axes.axvline(lengths["row_length"], color=_INK, linestyle="--", linewidth=1, label="row_length")
    axes.set(xlabel="tokens", ylabel="share of texts", xlim=(0, None), ylim=(0, None))
    axes.legend(frameon=False, labelcolor=_INK)
    return _svg(figure, "Histogram of text lengths in tokens")


def _label_plot(labels: Sequence[tuple[str, Facts]], splits: Sequence[str]) -> str:
    """Plot the share of each split's rows that a label has, the most frequent in train first."""
    shown = [split for split in splits if any(counts.get(split) for _, counts in labels)]
    if not shown:
        return "<p>No row has a label.</p>"
    named = len(labels) <= NAMED_UP_TO
    figure, axes = _figure(8.4, 1.2 + 0.21 * len(labels) if named else 3.0)
    draw = _named_bars if named else _curves
    draw(axes, labels, shown)
    axes.legend(frameon=False, labelcolor=_INK)
    return _svg(figure, "Share of each label")


def _named_bars(axes: Axes, labels: Sequence[tuple[str, Facts]], splits: Sequence[str]) -> None:
    height = 0.8 / len(splits)
    for number, split in enumerate(splits):
        places = np.arange(len(labels)) + (number - (len(splits) - 1) / 2) * height
        axes.barh(places, _shares(labels, split), height, color=_colour(split), label=split)
    names = [name if len(name) <= 40 else f"{name[:39]}…" for name, _ in labels]
    axes.set_yticks(range(len(labels)), names, fontsize=8, parse_math=False)
    axes.set(xlabel=_SHARE, ylim=(len(labels) - 0.4, -0.6))


def _curves(axes: Axes, labels: Sequence[tuple[str, Facts]], splits: Sequence[str]) -> None:
    for split in splits:
        shares = _shares(labels, split)
        axes.plot(range(1, len(labels) + 1), shares, color=_colour(split), label=split)
    axes.set(xlabel="labels, by their rows in train", ylabel=_SHARE, ylim=(0, None))


_SHARE = "% of the split's labels"


def _shares(labels: Sequence[tuple[str, Facts]], split: str) -> np.ndarray:
    counts = np.array([counts.get(split, 0) for _, counts in labels], np.float64)
    return 100 * counts / max(counts.sum(), 1)


def _colour(split: str) -> str:
    return _COLOURS[("train", "dev", "test").index(split)]


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.patch.set_alpha(0.0)
    axes.tick_params(colors=_INK)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_edgecolor(_INK)
    return figure, axes


def _svg(figure: Figure, title: str) -> str:
    """Turn the figure into an element of the page; letters stay letters."""
    import matplotlib

    stream = io.StringIO()
    letters = matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title})
    with letters, warnings.catch_warnings():
        # room for a script the font lacks is guessed; the page draws it in its own font
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
