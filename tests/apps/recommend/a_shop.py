"""A small shop with red and blue things, and a reader of texts that sees colours alone."""

from __future__ import annotations

import json
import time

import numpy as np

from tfsocial.apps.events import Event
from tfsocial.apps.recommend import history
from tfsocial.apps.recommend.items import Item
from tfsocial.apps.recommend.ranking.settings import Settings

DAY = 86_400.0
COLOURS = ("red", "blue")
# Small enough to be fitted in a moment.
SETTINGS = Settings(
    ease_penalty=5.0, als_factors=4, states=2, rounds=20, leaves=7, least=5, neighbours=5
)


def embed(texts) -> tuple[str, np.ndarray]:
    """Give vectors: the colour, and a little that is each text's own."""
    found = np.zeros((len(texts), 8), np.float32)
    for row, text in enumerate(texts):
        draw = np.random.default_rng(list(text.encode()))
        found[row] = draw.normal(0, 0.15, 8)
        found[row, [colour in text for colour in COLOURS].index(True) if has(text) else 7] += 1
    return "v1", found / np.linalg.norm(found, axis=1, keepdims=True)


def has(text: str) -> bool:
    """Say whether a text names a colour."""
    return any(colour in text for colour in COLOURS)


def items(count: int = 40) -> list[Item]:
    """Give things; those with even numbers are red."""
    return [
        Item(f"i{n}", f"{COLOURS[n % 2]} thing {n // 2}", price=2.0 + n % 3, since=0.0)
        for n in range(count)
    ]


def deed(person: str, item: str, kind: str = "bought", at: float | None = None, **more) -> Event:
    """Give a deed as it comes in; one of the same words is the same deed."""
    happened = time.time() if at is None else at
    content = {"kind": kind, "item": item, **more}
    key = f"{person} {item} {kind} {happened}"
    return history.checked(Event(history.STREAM, key, happened, content, person), "deed")


def past(now: float, persons: int = 60, each: int = 12, count: int = 40) -> list[Event]:
    """Give purchases of four months: each person mostly buys things of one colour."""
    draw = np.random.default_rng(3)
    found = []
    for one in range(persons):
        for _ in range(each):
            colour = one % 2 if draw.random() < 0.9 else int(draw.integers(2))
            item = 2 * int(draw.integers(count // 2)) + colour
            found.append(deed(f"p{one}", f"i{item}", at=now - 120 * DAY * draw.random()))
    return found


def lines(*values) -> bytes:
    """Write NDJSON."""
    return b"\n".join(json.dumps(value).encode() for value in values)
