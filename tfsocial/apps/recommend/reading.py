"""Files and requests with items, and with what persons did."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from tfsocial.apps.events import Event
from tfsocial.apps.recommend import history, items
from tfsocial.apps.recommend.items import Item
from tfsocial.apps.sources.members import seconds, word
from tfsocial.apps.sources.messages import events_of
from tfsocial.apps.sources.tables import Row, rows_of, rows_of_body
from tfsocial.errors import InputError

MOST = 20_000  # lines of a request
OWN = ("person", "item", "kind", "time", "key", "quantity", "list")


def read_items(path: Path) -> list[Item]:
    """Read items: .jsonl or .csv with the fields of `Item`; in a table tags have | between them.

    One that does not say since when it is sold has always been.

    Raises:
        InputError: the file cannot be read, a row is no item, or two have one id.
    """
    return _items(rows_of(path), str(path), 0.0)


def items_of_body(body: bytes) -> list[Item]:
    """Read items that a caller sent, one object a line.

    Raises:
        InputError: a line is none; names its number.
    """
    return _items(rows_of_body("body", body), "body", None)


def _items(rows: Iterable[Row], name: str, since: float | None) -> list[Item]:
    found: dict[str, Item] = {}
    for where, row in rows:
        item = items.of_row(row, where, since)
        if item.id in found:
            raise InputError(f"{where}: id: {item.id!r} stood before; give each item its own")
        found[item.id] = item
    if not found:
        raise InputError(f"{name}: holds no item")
    return list(found.values())


def read_deeds(path: Path) -> list[Event]:
    """Read what persons did: person, item, time, and maybe kind (else bought), quantity, key.

    Read again it is the same deeds: one without a key goes by its person, item, kind and time.

    Raises:
        InputError: the file cannot be read, or a row is no deed; names the line.
    """
    return [_deed(row, where) for where, row in rows_of(path, ("person", "item", "time"))]


def deeds_of_body(body: bytes) -> list[Event]:
    """Read what a caller sent of what persons did, one object a line.

    Raises:
        InputError: a line is no deed; names its number.
    """
    found: list[Event] = []
    for event in events_of(body, history.STREAM, "line", time.time()):
        found.append(history.checked(event, f"line {len(found) + 1}"))
        if len(found) > MOST:
            raise InputError(f"body: has above {MOST} lines; send it in parts")
    if not found:
        raise InputError("body: has no lines; send one JSON object a line")
    return found


def _deed(row: dict, where: str) -> Event:
    if unknown := sorted(set(row) - set(OWN)):
        raise InputError(f"{where}: {unknown[0]}: is no member of a deed; leave it out")
    for name in ("person", "item", "time"):
        if name not in row:
            raise InputError(f"{where}: {name}: is not there")
    content = {name: row[name] for name in ("item", "list") if row.get(name)}
    content["kind"] = row.get("kind") or "bought"
    if row.get("quantity"):
        content["quantity"] = _number(row["quantity"], where)
    person, happened = (
        word(row["person"], f"{where}: person"),
        seconds(row["time"], f"{where}: time"),
    )
    key = row.get("key") or f"{person} {content['kind']} {content.get('item')} {happened}"
    event = Event(history.STREAM, word(key, f"{where}: key"), happened, content, person)
    return history.checked(event, where)


def _number(value: object, where: str) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise InputError(f"{where}: quantity: {str(value)[:40]!r} is no number") from None
