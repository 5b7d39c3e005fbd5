"""Texts as they may come, as messages, and what the monitor on one machine counts of them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.apps.monitor import by_hand
from tests.apps.monitor.by_hand import event
from tfsocial.apps import events as event_log
from tfsocial.apps.database import open_database
from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.monitor.opinions import Opinions
from tfsocial.apps.monitor.records import DAY, WIDTH, Rules
from tfsocial.apps.monitor.topics import ByField

AT = 1_424_800_000.0
START = AT // WIDTH * WIDTH
NOW = AT + 3 * DAY
SAID = "the bank has lost all of our money, bad news for everyone"


def message(one: Event) -> dict:
    person = {"person": one.person} if one.person else {}
    return {"key": one.key, "time": one.happened, **person, **one.content}


def a_few_days() -> list[Event]:
    """Texts as they may come: doubled, shuffled, late, copied, of a loud author, of the future."""
    draw = random.Random(3)
    copies = [event(f"c{n}", AT - 400 * n, f"RT @ann: {SAID}{'!' * (n % 3)}") for n in range(12)]
    long_ago = event("before", AT - 9 * DAY, SAID)
    day = AT // DAY * DAY
    loud = [event(f"l{n}", day + n, by_hand.text(draw, True), author="loud") for n in range(7)]
    both = event("both", AT, by_hand.text(draw, True), ["bank", "car"], author="loud")
    nothing = event("nothing", AT, by_hand.text(draw, True), "")
    future = event("future", NOW + DAY, by_hand.text(draw))
    edge = [event(f"e{n}", START + n * WIDTH, by_hand.text(draw)) for n in range(3)]
    found = [*by_hand.quiet(AT, days=1, a_day=24), *by_hand.surge(AT, 20), *copies, *loud, *edge]
    found += [both, nothing, future, long_ago]
    doubled = [replace(one, happened=one.happened + 50) for one in draw.sample(found, 15)]
    draw.shuffle(found)
    for one in doubled:  # which comes first is taken
        found.insert(draw.randrange(len(found)), one)
    return found


def counted_here(events: list[Event], folder: Path) -> dict[int, Counter]:
    """Count events by the monitor on one machine, to which they come at NOW."""
    engine = open_database(f"sqlite:///{folder / 'events.db'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_log.time, "time", lambda: NOW)
        EventLog(engine).add(events)
    one = Opinions(engine, "1-a", by_hand.reader(), ByField(), Rules())
    while one.step():
        pass
    with engine.connect() as connection:
        found = one.buckets.counts(connection, 0, 4e9)
    engine.dispose()
    return found
