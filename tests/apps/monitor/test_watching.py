"""Incidents begin, grow and end as the counts say; once each, whatever is killed when."""

from __future__ import annotations

import random
import time

import pytest

from tests.apps.monitor import by_hand
from tests.apps.monitor.by_hand import event, reader
from tfsocial.apps.monitor.detection.settings import Settings
from tfsocial.apps.monitor.records import WIDTH, Rules
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.shown import charted, overview
from tfsocial.apps.monitor.telling import message, summary
from tfsocial.apps.monitor.topics import ByField
from tfsocial.errors import InputError

# Of a log that is played again: its newest text says what time it is.
NOW = 1_424_800_000.0 // WIDTH * WIDTH + 300
THRESHOLD = 1.0


def at_once(quiet):
    """A threshold without the weeks that are drawn for a real one."""
    return Settings(), THRESHOLD


def monitor(engine, *events, **rules) -> Monitor:
    found = Monitor(engine, reader(), ByField(), Rules(**rules), fits=at_once)
    take(found, *events)
    return found


def take(found: Monitor, *events) -> None:
    found.add(events)
    found.catch_up()
    while found.fit_next():
        pass
    found.catch_up()


def kinds(found: Monitor) -> list[tuple[str, str, str]]:
    return sorted((one.kind, one.topic, one.state) for one in found.alarms.all())


@pytest.fixture
def quiet() -> list:
    return by_hand.quiet(NOW, days=8)


def test_quiet_weeks_raise_nothing(engine, quiet):
    found = monitor(engine, *quiet)
    assert kinds(found) == []
    bank, car = overview(found)
    assert (bank.topic, bank.texts, bank.day, bank.share) == ("bank", 48, 12, 0.25)
    assert not bank.learning
    assert 0.2 < bank.expected < 1.0
    assert car.incident is None


def test_a_surge_is_one_incident_of_its_topic_with_its_figures(engine, quiet):
    found = monitor(engine, *quiet, *by_hand.surge(NOW, 40))
    (one,) = found.alarms.all()
    assert (one.kind, one.topic, one.state, one.severity) == ("surge", "bank", "open", "critical")
    assert one.score > one.threshold == THRESHOLD
    assert one.since <= NOW - 3600
    assert one.figures["authors"] >= 20
    assert one.figures["seen"] == one.seen
    assert one.expected < 8
    assert overview(found)[0].incident == one
    take(found, *by_hand.surge(NOW + 60, 3, 0.01, source="more"))
    assert len(found.alarms.all()) == 1


def test_another_program_that_looks_says_nothing_twice(engine, quiet):
    events = [*quiet, *by_hand.surge(NOW, 40)]
    one, other = monitor(engine, *events), monitor(engine)
    assert [each.id for each in one.alarms.all()] == [each.id for each in other.alarms.all()]


def test_copies_of_one_text_and_one_loud_author_are_a_campaign(engine, quiet):
    draw = random.Random(4)
    said = by_hand.text(draw, bad=True)
    copies = [event(f"c{n}", NOW - n, said, person=f"p{n}") for n in range(60)]
    loud = [event(f"l{n}", NOW - n, by_hand.text(draw, True), "car", person="x") for n in range(60)]
    found = monitor(engine, *quiet, *copies, *loud)
    assert kinds(found) == [("campaign", "bank", "open"), ("campaign", "car", "open")]
    bank = next(one for one in found.alarms.all() if one.topic == "bank")
    assert bank.figures["distinct"] < 10 < 60 <= bank.seen


def test_a_flood_of_texts_that_are_not_negative_raises_nothing(engine, quiet):
    draw = random.Random(5)
    flood = [event(f"f{n}", NOW - 30 * n, by_hand.text(draw), person=f"p{n}") for n in range(200)]
    assert kinds(monitor(engine, *quiet, *flood)) == []


def test_a_surge_ends_and_the_next_one_is_another_incident(engine, quiet):
    found = monitor(engine, *quiet, *by_hand.surge(NOW, 40))
    later = NOW + 2 * 86_400
    more = [
        event(
            f"q{n}", NOW + (n + 1) * 1800, by_hand.text(random.Random(n), n % 4 == 0), source="wire"
        )
        for n in range(96)
    ]
    take(found, *more)
    assert kinds(found) == [("surge", "bank", "closed")]
    again = [
        event(f"t{n}", later + n, by_hand.text(random.Random(999 + n), True)) for n in range(40)
    ]
    take(found, *again)
    assert kinds(found) == [("surge", "bank", "closed"), ("surge", "bank", "open")]


def test_the_same_does_not_alarm_again_once_it_was_called_false(engine, quiet):
    events = [*quiet, *by_hand.surge(NOW, 40)]
    found = monitor(engine, *events)
    (one,) = found.alarms.all()
    found.call_false(one.id, "ann")
    found.watching.look()
    assert kinds(found) == [("surge", "bank", "false")]
    assert found.looks()["bank"].threshold == one.score > THRESHOLD
    assert found.looks()["car"].threshold == THRESHOLD


def test_a_source_that_falls_silent_is_said_and_that_it_is_back(engine, quiet):
    feed = [
        event(f"x{n}", NOW - n * 900, by_hand.text(random.Random(n)), "car", source="feed")
        for n in range(48, 8 * 96)
    ]
    found = monitor(engine, *quiet, *feed)
    (one,) = found.alarms.all()
    assert (one.kind, one.topic) == ("silence", "feed")
    assert 30 < one.expected < 60
    assert "nothing since" in summary(one)
    take(found, event("back", NOW + 5, "here again", "car", source="feed"))
    assert kinds(found) == [("silence", "feed", "closed")]


def test_late_texts_correct_the_bucket_they_belong_to(engine, quiet):
    found = monitor(engine, *quiet)
    before = charted(found, "bank", 24)
    late = [event(f"late{n}", NOW - 10 * 3600, by_hand.text(random.Random(n))) for n in range(5)]
    take(found, *late)
    after = charted(found, "bank", 24)
    grown = [new - old for old, new in zip(before["all"], after["all"], strict=True)]
    assert sorted(grown)[-2:] == [0, 5]


def test_with_too_little_history_nothing_is_said(engine):
    found = monitor(engine, *by_hand.quiet(NOW, days=1), *by_hand.surge(NOW, 40))
    assert kinds(found) == []
    assert overview(found)[0].learning


def test_counts_shown_as_they_were_and_of_no_topic(engine, quiet):
    found = monitor(engine, *quiet, *by_hand.surge(NOW, 40))
    now = charted(found, "bank", 6)
    then = charted(found, "bank", 6, until=NOW - 6 * 3600)
    assert sum(now["negative"]) > 40 > sum(then["negative"])
    assert then["start"][-1] < now["start"][0] + 1800
    assert all(low <= high for low, high in zip(now["low"], now["high"], strict=True))
    with pytest.raises(InputError, match="nothing is known of 'none'; topics: bank, car"):
        charted(found, "none", 6)


def test_what_is_sent_of_an_incident_names_counts_and_no_text(engine, quiet):
    found = monitor(engine, *quiet, *by_hand.surge(NOW, 40))
    opened = found.log.after("alarms", 0, 10)[0]
    sent = message(found, opened)
    assert sent["summary"].startswith("bank: surge, critical: expected ")
    assert (sent["topic"], sent["what"], sent["seen"]) == (
        "bank",
        "opened",
        found.alarms.all()[0].seen,
    )
    assert not any(word in str(sent) for word in by_hand.WORDS)
    found.snooze("bank", 3600, "ann")
    assert message(found, opened) is None


def test_live_texts_go_by_the_clock(engine):
    now = time.time()
    found = monitor(engine, *by_hand.quiet(now - 3600, days=4))
    assert abs(found.now - now) < 60
