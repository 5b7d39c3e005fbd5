"""Each event is taken once, also when the program is killed at any moment."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter

import pytest
import sqlalchemy as sa

from tests.apps import counting
from tfsocial.apps.consumers import Consumer
from tfsocial.apps.events import Event, EventLog

NAMES = ("good", "bad", "neither")
KILLS = 20


def filled(engine, count: int) -> Counter:
    """Fills a log with events; how many there are of each label."""
    source = random.Random(0)
    drawn = [source.choice(NAMES) for _ in range(count)]
    counting.make(engine, NAMES)
    events = (Event("opinions", str(n), n, {"label": label}) for n, label in enumerate(drawn))
    assert EventLog(engine).add(events) == count
    return Counter(drawn)


def counts(engine) -> Counter:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(counting.COUNTS)).all()
    return Counter({row.label: row.number for row in rows})


@pytest.mark.long
def test_killed_twenty_times_it_has_counted_each_event_once(engine, url):
    expected = filled(engine, 12_000)
    source, before = random.Random(1), 0
    command = [sys.executable, counting.__file__, url]
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.2 + source.random() / 10)
            process.kill()
        now = counts(engine).total()
        assert before <= now
        before = now
    assert before > 0
    subprocess.run(command, check=True)
    assert counts(engine) == expected


def test_two_processes_of_one_name_take_no_event_twice(engine, url):
    expected = filled(engine, 2_000)
    command = [sys.executable, counting.__file__, url]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    for one in both:
        assert one.wait() == 0
    counting.consumer(engine).catch_up()  # whoever lost a race may have ended early
    assert counts(engine) == expected


def test_what_fails_is_undone_and_taken_again(engine):
    EventLog(engine).add(Event("opinions", str(n), n, {"label": "good"}) for n in range(20))
    counting.make(engine, NAMES)
    reader = counting.consumer(engine)
    assert reader.step() == 7
    failing = counting.consumer(engine)
    failing._write = lambda *given: (counting.write(*given), 1 / 0)
    with pytest.raises(ZeroDivisionError):
        failing.step()
    assert counts(engine)["good"] == 7
    assert reader.catch_up() == 13
    assert reader.catch_up() == 0
    assert counts(engine)["good"] == 20


def test_what_was_computed_ahead_is_written_in_its_turn(engine):
    """Also when another process takes it first, or a fault comes between."""
    expected = filled(engine, 100)
    faults, written = [OSError("no model")], []

    def compute(events):
        if events[0].number == 18 and faults:
            raise faults.pop()
        return counting.labels(events)

    def write(connection, events, labels):
        written.append([event.number for event in events])
        counting.write(connection, events, labels)

    reader = Consumer(engine, "opinions", "counts", compute, write, most=10, ahead=True)
    assert reader.step() == 10
    assert counting.consumer(engine).step() == 7
    with pytest.raises(OSError, match="no model"):
        reader.step()
    assert reader.catch_up() > 0
    assert counts(engine) == expected
    numbers = [number for batch in written for number in batch]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 100 - 7


def test_a_consumer_that_starts_anew_takes_all_again(engine):
    log = EventLog(engine)
    log.add(Event("opinions", str(n), n, {"label": "bad"}) for n in range(10))
    counting.make(engine, NAMES)
    reader = counting.consumer(engine)
    assert reader.catch_up() == 10
    reader.start_anew()
    assert reader.catch_up() == 10
    log.add([Event("other", "x", 0, {"label": "bad"})])
    assert reader.step() == 0
