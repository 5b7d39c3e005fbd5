"""The log keeps each event once, in the order of coming, and forgets a person for good."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfsocial.apps.database import open_database
from tfsocial.apps.events import Event, EventLog
from tfsocial.errors import InputError


def event(key: str, stream: str = "opinions", **more) -> Event:
    return Event(stream, key, happened=1.5, **more)


def test_an_event_comes_back_as_it_was(engine):
    log = EventLog(engine)
    text = 'Ünïcode \x00 🙂 "quoted" 我的卡'
    assert log.add([event("a", content={"text": text, "n": 1}, person="ann")]) == 1
    (found,) = log.after("opinions", 0, 10)
    assert (found.content, found.person) == ({"text": text, "n": 1}, "ann")
    assert (found.happened, found.number) == (1.5, 1)
    assert found.arrived > 1.7e9
    assert log.after("opinions", found.number, 10) == []


def test_a_key_known_already_adds_nothing_also_within_one_call(engine):
    log = EventLog(engine)
    assert log.add([event("a"), event("b"), event("a", content={"other": 1})]) == 2
    assert log.add([event("b"), event("c")]) == 1
    assert log.add([event("a", stream="elsewhere")]) == 1
    assert len(log.after("opinions", 0, 10)) == 3
    assert log.after("opinions", 0, 10)[0].content == {}


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.lists(st.integers(0, 20)), max_size=6))
def test_however_often_it_is_sent_it_is_there_once(engine, batches):
    log, stream = EventLog(engine), str(hash(str(batches)))
    added = sum(log.add(event(str(key), stream) for key in batch) for batch in batches)
    every = {key for batch in batches for key in batch}
    assert added == len(log.after(stream, 0, 1000)) == len(every)


def test_who_reads_by_numbers_misses_nothing_that_others_write(engine):
    """Four writers at once; a reader that only ever asks for what is after its last number."""
    log, each = EventLog(engine), 25
    writers = [
        threading.Thread(target=lambda w=w: [log.add([event(f"{w}-{n}")]) for n in range(each)])
        for w in range(4)
    ]
    for writer in writers:
        writer.start()
    seen, last = 0, 0
    while seen < 4 * each:
        alive = any(writer.is_alive() for writer in writers)
        found = log.after("opinions", last, 7)
        seen, last = seen + len(found), found[-1].number if found else last
        assert alive or found
    for writer in writers:
        writer.join()
    assert len(log.after("opinions", 0, 1000)) == seen


def test_what_a_person_said_can_be_had_and_erased(engine, url):
    log = EventLog(engine)
    log.add(event(f"{who}-{n}", content={"text": f"secret of {who} {n}"}, person=who)
            for who in ("ann", "bob") for n in range(3))  # fmt: skip
    assert [one.content["text"] for one in log.of_person("ann")] == [
        f"secret of ann {n}" for n in range(3)
    ]
    assert log.forget("ann") == 3
    assert log.of_person("ann") == []
    found = log.after("opinions", 0, 10)
    assert len(found) == 6
    assert [one.content for one in found[:3]] == [{}] * 3
    assert log.add([event("ann-0", content={"text": "again"}, person="ann")]) == 0
    assert [one.person for one in log.of_person("bob")] == ["bob"] * 3
    with pytest.raises(ValueError, match="no person"):
        log.forget("")

    def fails(connection):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        log.forget("bob", fails)
    assert len(log.of_person("bob")) == 3, "what is derived from it goes with it, or nothing does"
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        engine.dispose()
        for ending in ("", "-wal"):
            try:
                with open(path + ending, "rb") as file:
                    assert b"secret of ann" not in file.read()
            except FileNotFoundError:
                assert ending
        with open(path, "rb") as file:
            assert b"secret of bob" in file.read()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"content": {"n": float("nan")}}, "content: is no JSON"),
        ({"content": {"n": object()}}, "content: is no JSON"),
        ({"person": "p" * 201}, "person: has above 200"),
        ({"person": "a\0b"}, "NUL"),
        ({"stream": "s" * 101}, "stream: has above 100"),
    ],
)
def test_what_cannot_be_kept_is_named_and_nothing_else_of_the_call_kept(engine, wrong, why):
    log = EventLog(engine)
    with pytest.raises(InputError, match=why) as error:
        log.add([event("good"), event("bad", **wrong)])
    assert "event 'bad'" in str(error.value)
    assert log.after("opinions", 0, 10) == []


def test_tables_are_made_once_and_those_of_a_newer_version_are_refused(url, engine):
    EventLog(engine).add([event("a")])
    open_database(url).dispose()
    assert len(EventLog(engine).after("opinions", 0, 10)) == 1
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="newer version"):
        open_database(url)


def test_the_tables_are_those_that_the_code_names(engine):
    from tfsocial.apps.consumers import TABLES

    for table in TABLES.sorted_tables:
        there = {one["name"] for one in sa.inspect(engine).get_columns(table.name)}
        assert there == set(table.columns.keys())


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("nonsense", "is no address"),
        ("mysql://a:hidden@b/c", r"database=mysql://\*\*\*@b/c: is no address"),
        ("mssql+pyodbc://a:hidden@b/c?x=hidden", "mssql"),
        ("a:hidden@b/c", "is no address"),
        ("postgresql+psycopg://a:hidden@b:port/c", "is no address"),
        ("sqlite:////no/such/folder/x.db", "unable to open"),
        ("postgresql+psycopg://a:hidden@127.0.0.1:1/x", "cannot be used"),
    ],
)
def test_a_wrong_address_is_one_sentence_without_a_password(address, why):
    with pytest.raises(InputError, match=why) as error:
        open_database(address)
    assert "\n" not in str(error.value)
    assert "hidden" not in str(error.value)
