"""Deeds: each derived once, however often it is killed; a program has no more of a voice."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.apps.recommend.a_shop import DAY, deed
from tfsocial.apps.events import EventLog
from tfsocial.apps.recommend.history import STREAM, History, recount

KILLS = 20


def test_each_deed_counts_once_and_who_is_erased_is_gone(engine):
    log, history = EventLog(engine), History(engine)
    log.add([deed("ann", "a", at=5.0), deed("ann", "a", at=9.0), deed("bob", "a", at=5.0)])
    assert history.catch_up() == 3
    assert history.catch_up() == 0
    assert history.counts() == {("a", "bought"): 3}
    assert [one.happened for one in history.of_person("ann")] == [5.0, 9.0]
    assert [(person, one.item) for _, person, one in history.after(0)] == [
        ("ann", "a"),
        ("bob", "a"),
    ]
    gone = []

    def derived(connection):
        gone.append(history.forget(connection, "ann"))
        return ()

    log.forget("ann", derived)
    assert gone == [2]
    assert history.of_person("ann") == []
    assert history.counts() == {("a", "bought"): 1} == recount(log.after(STREAM, 0, 10))


def test_who_is_erased_before_the_deeds_were_derived_is_never_derived(engine):
    log, history = EventLog(engine), History(engine)
    log.add([deed("ann", "a", at=5.0), deed("bob", "b", at=5.0)])
    log.forget("ann")
    history.catch_up()
    assert history.counts() == {("b", "bought"): 1}


def test_a_program_that_clicks_has_no_more_of_a_voice_than_a_person(engine):
    log, history = EventLog(engine), History(engine, clicks_a_day=5)
    log.add(deed("bot", "a", "clicked", at=DAY + n) for n in range(50))
    log.add(deed("bot", f"x{n}", "clicked", at=DAY + n) for n in range(50))
    log.add(deed("bot", f"x{n}", "clicked", at=2 * DAY + n) for n in range(10, 12))
    log.add([deed("ann", "a", "clicked", at=DAY)])
    history.catch_up()
    counted = [(person, one.item) for _, person, one in history.after(0)]
    assert counted.count(("bot", "a")) == counted.count(("ann", "a")) == 1
    assert sum(person == "bot" for person, _ in counted) == 5 + 2
    assert history.counts()["a", "clicked"] == 51


def test_what_claims_to_come_from_the_future_happened_when_it_came(engine):
    log, history = EventLog(engine), History(engine)
    log.add([deed("ann", "a", at=9e9)])
    (event,) = log.after(STREAM, 0, 1)
    history.catch_up()
    (one,) = history.of_person("ann")
    assert one.happened == pytest.approx(event.arrived)


@pytest.mark.long
def test_killed_twenty_times_the_counts_equal_a_recount(url, engine):
    log = EventLog(engine)
    for part in range(10):
        log.add(
            deed(f"p{n % 97}", f"i{n % 31}", ("bought", "clicked")[n % 2], at=DAY + n)
            for n in range(part * 600, part * 600 + 600)
        )
    program = (
        "import sys; from tfsocial.apps.database import open_database; "
        "from tfsocial.apps.recommend.history import History; "
        "print('ready', flush=True); History(open_database(sys.argv[1])).catch_up()"
    )
    for kill in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(0.02 + 0.01 * kill)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
    history = History(engine)
    history.catch_up()
    events = log.after(STREAM, 0, 10_000)
    assert len(events) == 6000
    assert history.counts() == recount(events)
