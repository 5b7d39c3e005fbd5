"""Texts are labelled and counted each once; copies and busy authors are told apart."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter

import pytest
import sqlalchemy as sa

from tests.apps.monitor import by_hand, labelling
from tests.apps.monitor.by_hand import event, reader
from tfsocial.apps.events import EventLog
from tfsocial.apps.monitor.labels import split_label
from tfsocial.apps.monitor.opinions import OPINIONS, Opinions, OtherVersion
from tfsocial.apps.monitor.records import DAY, WIDTH, Rules
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.topics import ByField

AT = 1_424_800_000.0
KILLS = 20


def opinions(engine, version="1-a", **rules) -> Opinions:
    return Opinions(engine, version, reader(version), ByField(), Rules(**rules))


def counted(engine, one: Opinions) -> Counter:
    """What the buckets say, summed over time."""
    with engine.connect() as connection:
        found = one.buckets.counts(connection, 0, 4e9)
    return sum(found.values(), Counter())


def recounted(engine, one: Opinions) -> dict[int, Counter]:
    """The same from the opinions themselves, bucket by bucket."""
    found: dict[int, Counter] = {}
    with engine.connect() as connection:
        rows = connection.execute(sa.select(OPINIONS).where(OPINIONS.c.version == one.version))
        for row in rows:
            bucket = found.setdefault(row.happened // WIDTH * WIDTH, Counter())
            bucket[f"all|{row.sentiment}|{row.topic}"] += 1
            if row.counted:
                bucket[f"counted|{row.sentiment}|{row.topic}"] += 1
    return found


def take(engine, *events, **rules) -> tuple[Opinions, Counter]:
    EventLog(engine).add(events)
    found = opinions(engine, **rules)
    while found.step():
        pass
    return found, counted(engine, found)


def test_texts_are_counted_by_topic_and_sentiment(engine):
    _, found = take(
        engine,
        event("a", AT, "a bad day for all"),
        event("b", AT, "a fine day for us"),
        event("c", AT + WIDTH, "the other one is bad", ["bank", "car"]),
        event("d", AT, "bad, and about nothing", ""),
    )
    assert found == {
        "all|negative|bank": 2,
        "all|neutral|bank": 1,
        "all|negative|car": 1,
        "counted|negative|bank": 2,
        "counted|neutral|bank": 1,
        "counted|negative|car": 1,
    }


def test_copies_count_once_for_alarms_and_their_first_text_is_named(engine):
    first = "the bank has lost all of our money, bad news for everyone"
    reposts = [
        event("b", AT + 60, f"RT @ann: {first}"),
        event("c", AT + 90, f"{first.upper()} https://t.co/xyz"),
        event("d", AT + 95, f"{first}!"),
        event("e", AT + 99, "something else that is bad about the bank"),
    ]
    one, found = take(engine, event("a", AT, first), *reposts)
    assert found["all|negative|bank"] == 5
    assert found["counted|negative|bank"] == 2
    with engine.connect() as connection:
        rows = connection.execute(sa.select(OPINIONS).order_by(OPINIONS.c.number)).all()
    assert [row.copy_of for row in rows] == [1, 1, 1, 1, 5]
    assert one.version == "1-a"


def test_the_same_words_a_fortnight_later_are_no_copy(engine):
    said = "the bank has lost all of our money, bad news for everyone"
    _, found = take(engine, event("a", AT - 14 * DAY, said), event("b", AT, said))
    assert found["counted|negative|bank"] == 2


def test_copies_that_come_in_another_batch_are_copies(engine):
    said = "the bank has lost all of our money, bad news for everyone"
    take(engine, event("a", AT, said))
    _, found = take(engine, event("b", AT + 5, said))
    assert (found["all|negative|bank"], found["counted|negative|bank"]) == (2, 1)


def test_of_one_author_three_negative_texts_a_day_count(engine):
    draw = random.Random(0)
    start = AT // DAY * DAY
    loud = [event(f"l{n}", start + n, by_hand.text(draw, True), author="loud") for n in range(9)]
    others = [event(f"o{n}", start + n, by_hand.text(draw, True), author=f"o{n}") for n in range(4)]
    next_day = event("n", start + DAY, by_hand.text(draw, True), author="loud")
    good = [event(f"g{n}", start + n, by_hand.text(draw), author="loud") for n in range(5)]
    _, found = take(engine, *loud, *others, next_day, *good)
    assert found["all|negative|bank"] == 14
    assert found["counted|negative|bank"] == 3 + 4 + 1
    assert found["counted|neutral|bank"] == 5
    _, again = take(engine, event("l", start + 99, by_hand.text(draw, True), author="loud"))
    assert again["counted|negative|bank"] == 8


def test_what_claims_to_come_from_the_future_happened_as_it_came(engine):
    before = time.time()
    one, _ = take(engine, event("a", before + 10 * DAY, "bad things to come"))
    with engine.connect() as connection:
        (happened,) = connection.execute(sa.select(OPINIONS.c.happened)).scalars()
        assert before - 1 <= happened <= time.time()
        assert one.buckets.closed_before(connection) <= time.time()


def test_doubled_shuffled_and_late_texts_give_the_same_counts(engine):
    events = [*by_hand.quiet(AT, days=1), *by_hand.surge(AT, 20)]
    shuffled = [*events, *events]
    random.Random(1).shuffle(shuffled)
    log = EventLog(engine)
    for start in range(0, len(shuffled), 17):
        log.add(shuffled[start : start + 17])
    one, found = take(engine)
    expected = Counter(
        f"all|{'negative' if 'bad' in one.content['text'] else 'neutral'}|{one.content['topic']}"
        for one in events
    )
    assert Counter({k: v for k, v in found.items() if k.startswith("all")}) == expected
    with engine.connect() as connection:
        assert one.buckets.counts(connection, 0, 4e9) == recounted(engine, one)


def test_another_version_takes_nothing(engine):
    EventLog(engine).add([event("a", AT, "a bad day")])
    one = Opinions(engine, "1-a", reader("2-b"), ByField(), Rules())
    with pytest.raises(OtherVersion, match="2-b"):
        one.step()
    assert not counted(engine, one)


def test_a_new_version_counts_all_anew_and_takes_over_when_it_has_caught_up(engine):
    EventLog(engine).add(by_hand.quiet(AT, days=2))
    said = reader("1-a")
    monitor = Monitor(engine, lambda texts: said(texts), ByField())
    monitor.catch_up()
    assert monitor.state().version == "1-a"
    assert monitor.sentiments("bank") == ["negative", "neutral"]
    said = reader("2-b")
    EventLog(engine).add([event("new", AT, "another bad day", source="wire")])
    while monitor.state().version == "1-a":
        monitor.step()
    monitor.catch_up()
    state = monitor.state()
    assert (state.version, state.recounted, state.waiting) == ("2-b", "", 0)
    assert monitor.sentiments("bank") == ["negative", "positive"]
    assert [version for _, version in monitor.marks()] == ["2-b", "1-a"]
    with engine.connect() as connection:
        assert set(connection.execute(sa.select(OPINIONS.c.version)).scalars()) == {"2-b"}
    said = reader("1-a")  # and back: all anew, nothing twice
    EventLog(engine).add([event("newer", AT, "and another bad one", source="wire")])
    while monitor.state().version == "2-b":
        monitor.step()
    found = counted(engine, opinions(engine))
    assert sum(count for name, count in found.items() if name.startswith("all")) == 2 * 96 + 2


def test_what_was_erased_keeps_its_label_when_history_is_counted_anew(engine):
    said = reader("1-a")
    monitor = Monitor(engine, lambda texts: said(texts), ByField())
    monitor.add([event("a", AT, "a bad day", person="ann"), event("b", AT, "a fine day")])
    monitor.catch_up()
    assert monitor.forget("ann") == 1
    said = reader("2-b")
    monitor.add([event("c", AT, "a fine one, too")])
    while monitor.state().version == "1-a":
        monitor.step()
    assert counted(engine, opinions(engine, "2-b"))["all|negative|bank"] == 1
    shown = monitor.texts("bank", AT - 60, AT + 60, "negative")
    assert [one.text for one in shown] == [""]


def test_who_is_erased_while_their_text_is_read_leaves_nothing(engine):
    reads = reader()
    monitor = Monitor(engine, lambda texts: reads(texts), ByField())
    monitor.add([event("a", AT, "a bad day", person="ann"), event("b", AT, "a bad one")])
    monitor.step()

    def erasing(texts):
        monitor.forget("bob")
        return reader()(texts)

    reads = erasing
    monitor.add([event("c", AT, "a bad day, bob says", person="bob")])
    monitor.catch_up()
    with engine.connect() as connection:
        assert set(connection.execute(sa.select(OPINIONS.c.number)).scalars()) == {1, 2}
    assert monitor.of_person("bob") == []


def test_texts_are_shown_with_their_copies_folded(engine):
    said = "the bank has lost all of our money, bad news for everyone"
    monitor = Monitor(engine, reader(), ByField())
    monitor.add(
        [
            event("a", AT, said, source="wire"),
            event("b", AT + 5, said, source="feed", link="javascript:x()"),
            event("c", AT + 9, "a fine day", source="wire", link="https://example.com/c"),
        ]
    )
    monitor.catch_up()
    latest, copied = monitor.texts("bank", AT - 60, AT + 60)
    assert (latest.text, latest.copies, latest.link) == ("a fine day", 1, "https://example.com/c")
    assert (copied.text, copied.copies, copied.sources) == (said, 2, ["feed", "wire"])
    assert copied.link == ""


@pytest.mark.long
def test_killed_twenty_times_its_counts_equal_a_recount(engine, url):
    events = [*by_hand.quiet(AT, days=20), *by_hand.surge(AT, 60)]
    copies = [event(f"c{n}", AT - n, by_hand.text(random.Random(5), True)) for n in range(300)]
    EventLog(engine).add([*events, *copies])
    source = random.Random(2)
    command = [sys.executable, "-m", labelling.__name__, url]
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.1 + source.random() / 5)
            process.kill()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    one = opinions(engine)
    with engine.connect() as connection:
        assert one.buckets.counts(connection, 0, 4e9) == recounted(engine, one)
    found = counted(engine, one)
    everything = sum(count for name, count in found.items() if name.startswith("all"))
    assert everything == len(events) + len(copies)
    assert found["counted|negative|bank"] == 20 * 48 // 4 + 60 + 1


def test_labels_of_counts_are_read_as_they_were_written():
    assert split_label("all|very/bad|a|b") == ("all", "very/bad", "a|b")
