"""Reads what callers send: texts as lines of JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsocial.apps.events import Event
from tfsocial.apps.monitor import contents
from tfsocial.apps.monitor.opinions import STREAM
from tfsocial.apps.sources.messages import events_of
from tfsocial.apps.sources.tables import rows_of
from tfsocial.errors import InputError

MOST = 10_000  # lines of a request


def of_lines(body: bytes) -> list[Event]:
    """Read texts, one object a line: text, and key, time, person, author, source, topic, link.

    Raises:
        InputError: a line is none; names its number.
    """
    now = time.time()
    found: list[Event] = []
    for event in events_of(body, STREAM, "line", now):
        contents.check(event.content, f"line {len(found) + 1}")
        found.append(event)
        if len(found) > MOST:
            raise InputError(f"body: has above {MOST} lines; send it in parts")
    if not found:
        raise InputError("body: has no lines; send one JSON object a line")
    return found


def read_labelled(path: Path) -> list[tuple[str, str]]:
    """Read texts whose sentiment is known: columns text and label.

    Raises:
        InputError: it cannot be read, or a line of it; names the line.
    """
    return [_labelled(row, where) for where, row in rows_of(path, ("text", "label"))]


def _labelled(row: Mapping[str, Any], where: str) -> tuple[str, str]:
    text, label = (row.get(name) for name in ("text", "label"))
    if not isinstance(text, str) or not isinstance(label, str):
        raise InputError(f"{where}: text or label is not there, or is no text")
    if not text.strip() or not label.strip():
        raise InputError(f"{where}: text or label is empty")
    return text, label.strip()
