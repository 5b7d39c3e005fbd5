"""Rows that cannot be used: written down with file, line and reason, and never too many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tfsocial.data.examples import Counts
from tfsocial.data.reading.rows import BadRow
from tfsocial.errors import InputError
from tfsocial.files import replacing


def check_bad_rows(
    place: str,
    counts: Counts,
    rows: Sequence[BadRow],
    allowed: float,
    quarantine: Path | None = None,
) -> None:
    """Let a split through that has few bad rows.

    Raises:
        InputError: more than the fraction `allowed` of its rows are bad, or all.
    """
    if counts.usable and counts.quarantined <= allowed * counts.read:
        return
    first = rows[0]
    limit = (
        f"more than data.max_bad_fraction={allowed:g} allows" if counts.usable else "none is left"
    )
    listing = f"; all of them are in {quarantine}" if quarantine is not None else ""
    raise InputError(
        f"{place}: {counts.quarantined} of {counts.read} rows are bad, {limit}; "
        f"the first is {first.file}:{first.line}: {first.reason}{listing}; "
        "mend the rows or raise data.max_bad_fraction"
    )


def write_quarantine(path: Path, rows: Iterable[BadRow]) -> None:
    """Write all bad rows or keep the former file, never half; no bad rows is an empty file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(quarantine_line(row))


def quarantine_line(row: BadRow) -> str:
    """Write a bad row as a line of jsonl."""
    shown = row.raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    values = {
        "file": row.file,
        "line": row.line,
        "reason": row.reason,
        "row": shown.rstrip("\r\n"),
    }
    return json.dumps(values, ensure_ascii=False) + "\n"
