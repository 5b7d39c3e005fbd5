"""Incidents, as the log tells of them, and what is sent of them to real servers."""

from __future__ import annotations

import email
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

import pytest

from tfsocial.apps.events import EventLog
from tfsocial.apps.monitor import alarms, delivery, incidents
from tfsocial.apps.monitor.alarms import Alarms
from tfsocial.apps.monitor.incidents import Incident
from tfsocial.errors import InputError

AT = 1_424_800_000.0


def incident(topic: str = "bank", since: float = AT, **more) -> Incident:
    values = {
        "id": incidents.name_of("surge", topic, since),
        "kind": "surge",
        "topic": topic,
        "since": since,
        "opened": since + 600,
        "expected": 4.0,
        "seen": 19,
        "severity": "minor",
        "score": 7.5,
        "threshold": 5.0,
        "figures": {"seen": 19, "texts": 30, "distinct": 20, "sources": 3, "authors": 12},
    }
    return Incident(**{**values, **more})


@pytest.fixture
def said(engine) -> Alarms:
    return Alarms(EventLog(engine))


def test_an_incident_is_opened_grows_is_seen_and_ends(said, engine):
    one = incident()
    said.open(one)
    assert said.open_ones() == {("surge", "bank"): one}
    said.grow(one.id, AT + 900, "major", 5.0, seen=40, texts=50)
    said.acknowledge(one.id, AT + 1000, "ann")
    found = said.get(one.id)
    assert (found.severity, found.seen, found.state, found.by) == (
        "major",
        40,
        "acknowledged",
        "ann",
    )
    said.close(one.id, AT + 2000)
    assert said.open_ones() == {}
    assert Alarms(EventLog(engine)).get(one.id) == said.get(one.id)
    assert said.get(one.id).closed == AT + 2000


def test_two_programs_that_see_the_same_say_it_once(said, engine):
    other = Alarms(EventLog(engine))
    for one in (said, other):
        one.open(incident())
        one.close(incident().id, AT + 2000)
    assert len(EventLog(engine).after(alarms.STREAM, 0, 100)) == 2
    assert len(other.all()) == 1


def test_a_false_alarm_raises_what_the_topic_must_exceed(said):
    said.open(incident())
    assert said.raised("bank") == 0.0
    said.call_false(incident().id, AT + 900, "ann")
    assert (said.raised("bank"), said.raised("car")) == (7.5, 0.0)
    assert said.get(incident().id).state == "false"
    assert said.open_ones() == {}
    said.close(incident().id, AT + 1000)
    assert said.get(incident().id).state == "false"


def test_what_cannot_be_done_says_why(said):
    with pytest.raises(InputError, match="there is none of the id 'x'"):
        said.acknowledge("x", AT, "ann")
    said.open(incident())
    said.close(incident().id, AT + 1000)
    with pytest.raises(InputError, match="is over"):
        said.acknowledge(incident().id, AT + 1001, "ann")
    with pytest.raises(InputError, match="at most 30 days"):
        said.snooze("bank", AT, 40 * 86_400, "ann")


def test_those_that_go_on_come_first_the_worst_before_all():
    ones = [
        incident("a", AT, state="closed"),
        incident("b", AT + 1),
        incident("c", AT, severity="critical"),
        incident("d", AT + 9),
    ]
    assert [one.topic for one in alarms.ordered(ones)] == ["c", "d", "b", "a"]


# --- sent ---------------------------------------------------------------------------------


class Hook(http.server.BaseHTTPRequestHandler):
    """A server that keeps what is posted, and refuses the first ones."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(200 if len(self.server.got) > self.server.refuses else 503)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.refuses = [], 0
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def deliveries(engine, *targets) -> delivery.Deliveries:
    def message(event):
        what = event.content["what"]
        return {"summary": f"bank {what}", "at": event.happened} if what != "closed" else None

    return delivery.Deliveries(engine, targets, message)


def test_an_alarm_is_posted_once_and_signed(engine, said, hook):
    target = delivery.Webhook(f"http://127.0.0.1:{hook.server_port}/x?token=secret", "shared")
    assert "secret" not in target.name
    said.open(incident())
    said.acknowledge(incident().id, AT + 900, "ann")
    said.close(incident().id, AT + 1000)
    sends = deliveries(engine, target)
    assert sends.step(time.time()) == 1
    assert deliveries(engine, target).step(time.time() + 9e5) == 0  # another process: all is ticked
    ((headers, body),) = hook.got
    assert json.loads(body) == {"summary": "bank opened", "at": AT + 600}
    signed = hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    assert headers[delivery.SIGNATURE] == f"sha256={signed}"
    assert len(headers["Idempotency-Key"]) == 64


def test_what_is_not_taken_is_tried_again_later_and_later_and_given_up_after_a_day(
    engine, said, hook
):
    hook.refuses = 2
    sends = deliveries(engine, delivery.Webhook(f"http://127.0.0.1:{hook.server_port}/"))
    said.open(incident())
    now = time.time()
    assert [sends.step(now + after) for after in (0, 1, 2.5, 3, 7)] == [0, 0, 0, 0, 1]
    keys = {headers["Idempotency-Key"] for headers, _ in hook.got}
    assert (len(hook.got), len(keys)) == (3, 1)
    hook.refuses = 99
    said.open(incident("car"))
    assert [sends.step(now + after) for after in (10, 86_500, 9e5)] == [0, 0, 0]
    assert len(hook.got) == 5


def test_alarms_by_mail(engine, said):
    from aiosmtpd import controller

    letters = []

    class Box:
        async def handle_DATA(self, server, session, envelope):  # noqa: N802 (its name)
            letters.append((envelope.rcpt_tos, envelope.content))
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = controller.Controller(Box(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        address = f"smtp://127.0.0.1:{port}?from=a@example.com&to=b@example.com,c@example.com"
        said.open(incident())
        sends = deliveries(engine, delivery.target_of("mail", address))
        assert sends.step(time.time()) == 1
    finally:
        server.stop()
    ((to, content),) = letters
    letter = email.message_from_bytes(content)
    assert to == ["b@example.com", "c@example.com"]
    assert letter["Subject"] == "bank opened"
    assert letter["Message-ID"].endswith("@tfsocial>")


def test_a_target_that_is_none_is_refused_without_its_secrets(engine):
    for kind, value in (
        ("webhook", "ftp://me:secret@host/x"),
        ("mail", "smtp://me:secret@host"),
        ("mail", "https://me:secret@host?from=a&to=b"),
    ):
        with pytest.raises(InputError) as caught:
            delivery.target_of(kind, value)
        assert "secret" not in str(caught.value)


def test_a_target_that_is_gone_keeps_the_alarm(engine, said):
    sends = deliveries(engine, delivery.Webhook("http://127.0.0.1:9/"))
    said.open(incident())
    assert sends.step(time.time()) == 0
