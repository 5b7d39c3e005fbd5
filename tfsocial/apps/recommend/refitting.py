"""Fit a ranking on what the database has, measure it, and put it in use."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from tfsocial.apps.events import EventLog
from tfsocial.apps.recommend.ground import catalog_of, columns_of
from tfsocial.apps.recommend.history import History
from tfsocial.apps.recommend.items import Item
from tfsocial.apps.recommend.measuring import HELD_OUT, measure
from tfsocial.apps.recommend.ranking import fitting
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import Deeds
from tfsocial.apps.recommend.ranking.settings import Settings
from tfsocial.apps.recommend.rankings import Fitted, Rankings
from tfsocial.apps.recommend.service import FORGOTTEN
from tfsocial.apps.recommend.shelf import Shelf
from tfsocial.apps.recommend.simulating import Loop, simulate
from tfsocial.apps.recommend.vectors import VECTORS, in_rows, read_vectors
from tfsocial.errors import InputError


def refit(
    engine: Engine,
    folder: Path,
    measured: bool = True,
    rounds: int = 0,
    settings: Settings | None = None,
    now: float | None = None,
) -> Fitted:
    """Fit a ranking, and make lists by it from now on.

    Rankings that know somebody who was erased since are deleted.

    Args:
        folder: of the rankings.
        measured: whether it is found out how it does on the last weeks, which takes a second fit.
        rounds: of learning from its own lists that are simulated, a fit each; 0: none.
        now: seconds since 1970; None: the clock's.

    Raises:
        InputError: there is too little to learn from.
        OSError: the disk is full, or may not be written.
    """
    log, at = EventLog(engine), time.time() if now is None else now
    rankings = Rankings(log, folder)
    try:
        deeds, catalog = known(engine)
        if not len(deeds):
            raise InputError("deeds: there are none of known items; send some to /recommend/deeds")
        model = fitting.fit(deeds, catalog, at, settings)
        report = measure(deeds, catalog, settings) if measured else {}
        if rounds:
            loop = simulate(
                deeds, catalog, deeds.time[-1] - HELD_OUT, Loop(rounds=rounds), settings
            )
            report["rounds"] = [asdict(one) for one in loop]
        return rankings.put(model, at, report)
    finally:  # also if there is too little to learn from now
        _drop_those_who_know(log, rankings)


def known(engine: Engine) -> tuple[Deeds, Catalog]:
    """Read what the database knows: deeds that count, and all items with their vectors."""
    history = History(engine)
    history.catch_up()
    catalog = _catalog(engine)
    return _deeds(history, catalog), catalog


def _drop_those_who_know(log: EventLog, rankings: Rankings) -> None:
    """Delete the rankings that were fitted on somebody who was erased since."""
    erased = log.latest(FORGOTTEN, 1)
    for one in rankings.all():
        if erased and one.at <= erased[0].happened:
            rankings.drop(one.number)


def offered(engine: Engine) -> list[Item]:
    """Read the items that the database knows, withdrawn or not."""
    shelf = Shelf(EventLog(engine))
    shelf.refresh()
    return list(shelf.shown.items.values())


def _catalog(engine: Engine) -> Catalog:
    items = offered(engine)
    return catalog_of(items, in_rows(items, read_vectors(engine, _version(engine))))


def _version(engine: Engine) -> str:
    """Name the version of the model that has read most texts; empty: none has read any."""
    count = sa.func.count()
    chosen = sa.select(VECTORS.c.version).group_by(VECTORS.c.version).order_by(count.desc())
    with engine.connect() as connection:
        return connection.execute(chosen.limit(1)).scalar() or ""


def _deeds(history: History, catalog: Catalog) -> Deeds:
    persons: dict[str, int] = {}
    known = [
        (persons.setdefault(person, len(persons)), deed)
        for _, person, deed in history.after(0)
        if deed.item in catalog.position
    ]
    return columns_of(known, catalog)
