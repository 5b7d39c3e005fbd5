"""online_retail as a catalogue, a log and pairs that are to be told apart.

Of interactions.csv.gz only the first purchase of each pair is used: the other columns are totals of
all time, which nobody knew on the day that a ranking is asked for.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import Deeds
from tfsocial.apps.recommend.ranking.person import Person, persons

Vectors = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Pairs:
    """Of a file of the set: users, items, and whether the one bought the other."""

    users: np.ndarray
    items: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Month:
    """A state, and what was bought after it.

    Attributes:
        at: seconds since 1970; the state is what was known then.
        pairs: real first purchases after it, and sampled others.
        wanted: what each user bought first after it.
    """

    name: str
    at: float
    pairs: Pairs
    wanted: dict[int, Person]


@dataclass(frozen=True)
class Data:
    """The set: everything that can be bought, and all first purchases."""

    catalog: Catalog
    deeds: Deeds
    dev: Month
    test: Month


def seconds(text: str) -> float:
    """Read a date, with a time or without, as seconds since 1970."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def read(folder: Path, vectors: Vectors) -> Data:
    """Read the set.

    Args:
        vectors: of texts, float32 [n, d].
    """
    with (folder / "items.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = tuple(row["text"] for row in rows)
    found = np.array(vectors(texts), np.float32)
    catalog = Catalog(
        tuple(row["item_id"] for row in rows),
        texts,
        np.array([row["median_price_gbp"] for row in rows], np.float32),
        np.array([seconds(row["first_seen"]) for row in rows]),
        found / np.linalg.norm(found, axis=1, keepdims=True),
    )
    bought = list(_rows(folder / "interactions.csv.gz"))
    deeds = Deeds.of(
        [int(row["user_id"]) for row in bought],
        [catalog.position[row["item_id"]] for row in bought],
        [seconds(row["first_ts"]) for row in bought],
    )
    october, november = seconds("2011-10-01"), seconds("2011-11-01")
    return Data(
        catalog,
        deeds,
        Month("dev", october, _pairs(folder, "dev", catalog), _wanted(deeds, october, november)),
        Month("test", november, _pairs(folder, "test", catalog), _wanted(deeds, november, np.inf)),
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _pairs(folder: Path, split: str, catalog: Catalog) -> Pairs:
    rows = list(_rows(folder / f"ctr_{split}.csv.gz"))
    return Pairs(
        np.array([int(row["user_id"]) for row in rows]),
        np.array([catalog.position[row["item_id"]] for row in rows]),
        np.array([int(row["label"]) for row in rows]),
    )


def _wanted(deeds: Deeds, begin: float, end: float) -> dict[int, Person]:
    return persons(deeds.since(begin).before(end))
