"""What comes from outside is in the log once, from real servers, whatever is killed when."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import json
import os
import threading
import time

import debian_servers
import nats
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.apps.events import EventLog
from tfsocial.apps.sources.contract import Batch, SourceGone
from tfsocial.apps.sources.feed import Feed, entries, plain
from tfsocial.apps.sources.file_tail import FileTail
from tfsocial.apps.sources.messages import Fields, event_of, events_of
from tfsocial.apps.sources.nats_jetstream import JetStream
from tfsocial.apps.sources.pump import Pump
from tfsocial.apps.sources.redis_streams import RedisStream
from tfsocial.errors import InputError

STREAM = "opinions"
PATIENCE = 60  # seconds until a test gives up


def messages(numbers) -> list[bytes]:
    return [json.dumps({"text": f"number {n}", "time": n}).encode() for n in numbers]


def texts(log: EventLog) -> list[str]:
    return [event.content["text"] for event in log.after(STREAM, 0, 100_000)]


def wait_for(log: EventLog, count: int) -> list[str]:
    deadline = time.monotonic() + PATIENCE
    while len(found := texts(log)) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


class Reading:
    """Reads a source in the background until the block ends."""

    def __init__(self, log: EventLog, *sources):
        self._pump = Pump(log, sources)

    def __enter__(self):
        self._pump.start()

    def __exit__(self, *_):
        self._pump.stop(PATIENCE)


class KilledBefore:
    """A source whose reader dies after so many batches: they are in the log, nobody was told."""

    def __init__(self, source):
        self._source, self.name = source, source.name

    def batches(self, position, stop):
        for batch in self._source.batches(position, stop):
            stop.set()
            yield Batch(batch.events, "")


# --- messages ------------------------------------------------------------------------------------


def test_a_message_becomes_an_event():
    message = '{"id": 7, "when": "2015-02-24 11:35", "who": "ann", "text": "late", "more": [1]}'
    found = event_of(message, STREAM, "a:1", 0.0, Fields("id", "when", "who"))
    assert (found.key, found.happened, found.person) == ("7", 1424777700.0, "ann")
    assert found.content == {"text": "late", "more": [1]}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"text": "\xff"}', "a:1: is not UTF-8 (byte 11)"),
        (b"[1]", "a:1: is no JSON object"),
        (b'{"text": NaN}', "a:1: is no JSON (NaN is no value of JSON)"),
        (b"{", "a:1: is no JSON"),
        (b"[" * 100_000, "a:1: is no JSON"),
        (b'{"time": "yesterday"}', "a:1: time: 'yesterday' is no time"),
        (b'{"time": -1}', "is no time"),
        (b'{"time": 1e999}', "is no time"),
        (b'{"time": 1' + b"0" * 400 + b"}", "is no time"),
        (b'{"key": [1]}', "a:1: key: is neither a text nor a whole number"),
        (b'{"person": true}', "a:1: person: is neither"),
        (b" " * (1 << 20) + b"{}", "is above 1048576 bytes"),
    ],
)
def test_what_is_no_event_is_refused_by_its_place(line, why):
    with pytest.raises(InputError) as error:
        event_of(line, STREAM, "a:1", 0.0)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_lines_are_named_by_their_number():
    body = b'{"n": 1, "key": "a"}\n\n{"n": 2}\n'
    found, again = ([*events_of(body, STREAM, "body", 5.0)] for _ in range(2))
    assert [(event.content["n"], event.happened) for event in found] == [(1, 5.0), (2, 5.0)]
    assert found[0].key == again[0].key == "a"
    assert found[1].key != again[1].key, "another line 3, sent later, is not the same event"
    with pytest.raises(InputError, match="body:2: is no JSON"):
        list(events_of(b"{}\nno\n", STREAM, "body", 5.0))


@given(st.binary(max_size=200))
def test_no_bytes_are_a_fault(body):
    with contextlib.suppress(InputError):
        event_of(body, STREAM, "a:1", 0.0)


# --- files ---------------------------------------------------------------------------------------


def append(path, lines, end=b"\n"):
    with path.open("ab") as file:
        file.write(b"\n".join(lines) + end)


def test_a_file_is_read_as_it_grows_and_a_half_line_waits(engine, tmp_path):
    log, path = EventLog(engine), tmp_path / "opinions.jsonl"
    append(path, messages([1, 2]))
    with Reading(log, FileTail(str(path), STREAM)):
        wait_for(log, 2)
        append(path, messages([3]), end=b"")
        append(path, [b""])
        assert wait_for(log, 3) == ["number 1", "number 2", "number 3"]


def test_a_file_that_comes_later_is_waited_for(engine, tmp_path):
    log, path = EventLog(engine), tmp_path / "opinions.jsonl"
    with Reading(log, FileTail(str(path), STREAM)):
        time.sleep(0.1)
        append(path, messages([1]))
        wait_for(log, 1)


def test_a_new_file_of_the_name_is_read_and_the_old_one_to_its_end(engine, tmp_path):
    log, path = EventLog(engine), tmp_path / "opinions.jsonl"
    append(path, messages([1]))
    with Reading(log, FileTail(str(path), STREAM)):
        wait_for(log, 1)
        path.rename(tmp_path / "opinions.jsonl.1")
        append(tmp_path / "opinions.jsonl.1", messages([2]))
        append(path, messages([3, 4]))
        assert wait_for(log, 4) == [f"number {n}" for n in (1, 2, 3, 4)]
        os.truncate(path, 0)
        append(path, messages([5]))
        wait_for(log, 5)


def test_after_a_restart_a_file_goes_on_where_it_was(engine, tmp_path):
    log, path = EventLog(engine), tmp_path / "opinions.jsonl"
    append(path, messages(range(700)))
    with Reading(log, FileTail(str(path), STREAM)):
        wait_for(log, 700)
    source = FileTail(str(path), STREAM)
    append(path, messages([700]))
    (first, *_) = source.batches(log.position(source.name), once())
    assert [event.content["text"] for event in first.events] == ["number 700"]


def test_a_file_read_twice_is_in_the_log_once(engine, tmp_path):
    log, path = EventLog(engine), tmp_path / "opinions.jsonl"
    append(path, messages(range(10)))
    for _ in range(2):  # as if the position were lost
        for batch in FileTail(str(path), STREAM).batches("", once()):
            log.add(batch.events)
    assert len(texts(log)) == 10


def test_another_file_under_the_same_number_is_read_from_its_start(tmp_path):
    path = tmp_path / "opinions.jsonl"
    append(path, messages([1, 2]))
    (batch, *_) = FileTail(str(path), STREAM).batches("", once())
    path.write_bytes(b"\n".join(messages([7, 8, 9])) + b"\n")
    (again, *_) = FileTail(str(path), STREAM).batches(batch.position, once())
    assert [event.content["text"] for event in again.events] == [f"number {n}" for n in (7, 8, 9)]


def test_a_broken_line_is_named_and_the_rest_read(engine, tmp_path, caplog):
    log, path = EventLog(engine), tmp_path / "opinions.jsonl"
    append(path, [*messages([1]), b"no", b"\xff", *messages([2])])
    with Reading(log, FileTail(str(path), STREAM)):
        wait_for(log, 2)
    assert f"left out: {path}, byte {len(messages([1])[0]) + 1}: is no JSON" in caplog.text


class once(threading.Event):  # noqa: N801 - reads as what it does
    """Stops a source after the batch that it has."""

    def is_set(self) -> bool:
        before = super().is_set()
        self.set()
        return before


# --- feeds ---------------------------------------------------------------------------------------

RSS = """<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss version="2.0"><channel><title>News</title>
<item><guid>b</guid><title>Rates &amp; rents</title><link>http://a/b</link>
<description>&lt;p&gt;They &lt;b&gt;rise&lt;/b&gt; &amp;x;&lt;/p&gt;
&lt;script&gt;x()&lt;/script&gt;</description>
<pubDate>Tue, 24 Feb 2015 11:35:00 -0800</pubDate></item>
<item><guid isPermaLink="false">a</guid><title>我的卡</title>
<pubDate>Mon, 23 Feb 2015 11:35:00 GMT</pubDate></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>
<entry><id>urn:1</id><title>one</title><updated>2015-02-24T19:35:00Z</updated>
<summary>late</summary></entry></feed>"""


def test_entries_of_rss_and_atom_are_events():
    """An entity is left as it stands; it would name a file."""
    older, newer = entries(RSS.encode(), STREAM, "http://a/feed")
    assert older.content == {"title": "我的卡", "text": "", "link": ""}
    assert newer.content == {"title": "Rates & rents", "text": "They rise &x", "link": "http://a/b"}
    assert newer.happened == 1424806500.0
    assert older.key == "http://a/feed\na"
    (one,) = entries(ATOM.encode(), STREAM, "http://a/feed")
    assert (one.content["text"], one.happened) == ("late", 1424806500.0)
    with pytest.raises(SourceGone, match="neither RSS nor Atom"):
        entries(b"<html></html>", STREAM, "http://a/feed")


@given(st.text(max_size=100))
def test_what_is_left_of_markup_has_no_tags(text):
    assert "<b>" not in plain(f"<b>{text}</b>").replace(text, "")


def test_a_feed_is_asked_whether_there_is_news(engine):
    asked = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers.get("If-None-Match"))
            known = self.headers.get("If-None-Match") == '"1"'
            self.send_response(500 if len(asked) == 1 else 304 if known else 200)
            self.send_header("ETag", '"1"')
            self.end_headers()
            if len(asked) > 1 and not known:
                self.wfile.write(RSS.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log = EventLog(engine)
    with Reading(log, Feed(f"http://127.0.0.1:{server.server_port}/", STREAM, every=0.05)):
        wait_for(log, 2)
        deadline = time.monotonic() + PATIENCE
        while len(asked) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    server.shutdown()
    server.server_close()
    assert asked[:4] == [None, None, '"1"', '"1"']
    assert len(texts(log)) == 2


# --- servers -------------------------------------------------------------------------------------


def nats_run(url: str, action):
    async def run():
        connection = await nats.connect(url)
        try:
            return await action(connection.jetstream())
        finally:
            await connection.close()

    return asyncio.run(run())


def publish(url: str, numbers, bodies=None):
    async def action(stream):
        for body in bodies or messages(numbers):
            await stream.publish("opinions.air", body)

    nats_run(url, action)


def test_nats_messages_are_kept_once_and_acknowledged(engine, nats_address):
    log = EventLog(engine)
    nats_run(nats_address, lambda stream: stream.add_stream(name="O", subjects=["opinions.*"]))
    publish(nats_address, range(5))
    source = JetStream(nats_address, "opinions.*", STREAM)
    with Reading(log, KilledBefore(source)):
        wait_for(log, 5)
    publish(nats_address, range(5, 8), [b"no", *messages(range(5, 8))])
    nats_run(nats_address, lambda stream: _redeliver_soon(stream))
    with Reading(log, source):
        assert wait_for(log, 8) == [f"number {n}" for n in range(8)]
        deadline = time.monotonic() + PATIENCE
        while _left(nats_address):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert len(texts(log)) == 8


async def _redeliver_soon(stream):
    """The server would wait 30 s for who was killed."""
    about = await stream.consumer_info("O", "tfsocial")
    about.config.ack_wait = 1
    await stream.add_consumer("O", about.config)


def _left(url: str) -> int:
    about = nats_run(url, lambda stream: stream.consumer_info("O", "tfsocial"))
    return about.num_pending + about.num_ack_pending


def test_a_nats_server_that_comes_back_is_read_on(engine, unused_port, tmp_path):
    log = EventLog(engine)
    source = JetStream(f"nats://127.0.0.1:{unused_port}", "opinions.*", STREAM)
    with Reading(log, source):
        for start in (0, 3):
            with debian_servers.nats(tmp_path, unused_port) as url:
                if start == 0:
                    add = {"name": "O", "subjects": ["opinions.*"]}
                    nats_run(url, lambda stream, add=add: stream.add_stream(**add))
                publish(url, range(start, start + 3))
                wait_for(log, start + 3)
    assert texts(log) == [f"number {n}" for n in range(6)]


def test_redis_entries_are_kept_once_and_acknowledged(engine, redis_address):
    log, client = EventLog(engine), redis.Redis.from_url(redis_address)
    source = RedisStream(redis_address, "opinions", STREAM)
    for body in messages(range(5)):
        client.xadd("opinions", {"json": body})
    with Reading(log, KilledBefore(source)):
        wait_for(log, 5)
    assert client.xpending("opinions", "tfsocial")["pending"] == 5
    client.xadd("opinions", {"text": "number 5", "time": "2015-02-24"})
    client.xadd("opinions", {"json": "no"})
    client.xadd("opinions", {"text": b"\xff"})
    with Reading(log, source):
        assert wait_for(log, 6) == [f"number {n}" for n in range(6)]
        deadline = time.monotonic() + PATIENCE
        while client.xpending("opinions", "tfsocial")["pending"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert log.after(STREAM, 5, 1)[0].happened == 1424736000.0
    client.close()


def test_a_redis_that_comes_back_is_read_on(engine, unused_port, tmp_path):
    log = EventLog(engine)
    with Reading(log, RedisStream(f"redis://127.0.0.1:{unused_port}/0", "opinions", STREAM)):
        for start in (0, 3):
            with debian_servers.redis(tmp_path, unused_port) as url:
                client = redis.Redis.from_url(url)
                for body in messages(range(start, start + 3)):
                    client.xadd("opinions", {"json": body})
                client.close()
                wait_for(log, start + 3)
    assert texts(log) == [f"number {n}" for n in range(6)]


# --- the pump ------------------------------------------------------------------------------------


def test_a_source_that_fails_is_taken_up_again(engine, monkeypatch, caplog):
    monkeypatch.setattr("tfsocial.apps.sources.pump.PAUSE", 0.01)
    tries = []

    class Failing:
        name = "failing"

        def batches(self, position, stop):
            tries.append(position)
            yield Batch([event_of(messages([1])[0], STREAM, "a", 0.0)], "after one")
            raise SourceGone("no route") if len(tries) == 1 else ZeroDivisionError

    log = EventLog(engine)
    with Reading(log, Failing()):
        deadline = time.monotonic() + PATIENCE
        while len(tries) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert tries[:3] == ["", "after one", "after one"]
    assert len(texts(log)) == 1
    assert "failing: not to be reached (no route)" in caplog.text


def test_two_sources_of_one_name_are_refused(engine):
    sources = [FileTail("a", STREAM), FileTail("a", "other")]
    with pytest.raises(InputError, match="'file:a' stands twice"):
        Pump(EventLog(engine), sources)
