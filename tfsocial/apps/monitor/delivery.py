"""What is sent of alarms, by webhook and e-mail: at least once, however often it is killed.

An alarm and that it is to be sent are one transaction; what was sent is ticked off. A target that
does not answer is tried again, at growing distances, for a day. Who gets it twice knows it by its
Idempotency-Key.
"""

from __future__ import annotations

import email.message
import email.utils
import hashlib
import hmac
import json
import logging
import smtplib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import httpx
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tfsocial.apps.consumers import Consumer
from tfsocial.apps.database import writing
from tfsocial.apps.events import EVENTS, TABLES, Event
from tfsocial.apps.monitor.alarms import STREAM
from tfsocial.errors import InputError

DELIVERIES = sa.Table(
    "monitor_deliveries",
    TABLES,
    sa.Column("event", sa.BigInteger(), primary_key=True),
    sa.Column("target", sa.String(200), primary_key=True),
    sa.Column("tries", sa.Integer()),
    sa.Column("next_at", sa.BigInteger()),
    sa.Column("state", sa.String(20)),
    sa.Column("error", sa.String(200)),
)
TOLD = ("opened", "grew", "closed")
PATIENCE = 10.0  # seconds for a target
FIRST, LONGEST, LAST = 2.0, 900.0, 86_400.0  # seconds: pause, longest pause, age given up at
AT_ONCE = 50
SIGNATURE = "X-Tfsocial-Signature"
log = logging.getLogger(__name__)


class Undelivered(Exception):
    """A target did not take what was sent; it may later."""


class Target(Protocol):
    """Where alarms are sent."""

    @property
    def name(self) -> str:
        """Of its own among all targets; no secret is part of it."""
        ...

    def send(self, key: str, message: Mapping[str, Any]) -> None:
        """Send an alarm.

        Raises:
            Undelivered: it was not taken.
        """
        ...


@dataclass(frozen=True)
class Webhook:
    """An address that JSON is posted to.

    Attributes:
        secret: with which the body is signed (HMAC-SHA256, hexadecimal); empty: it is not.
    """

    url: str
    secret: str = ""

    @property
    def name(self) -> str:
        """Its address, without what may be secret in it."""
        at = urlsplit(self.url)
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        return f"{at.scheme}://{at.hostname}:{at.port or ''} ({digest})"

    def send(self, key: str, message: Mapping[str, Any]) -> None:
        """Post an alarm."""
        body = json.dumps(message, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self.secret:
            signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={signature}"
        try:
            reply = httpx.post(self.url, content=body, headers=headers, timeout=PATIENCE)
        except httpx.HTTPError as error:
            raise Undelivered(type(error).__name__) from None
        if not reply.is_success:
            raise Undelivered(f"status {reply.status_code}")


@dataclass(frozen=True)
class Mail:
    """Persons who get alarms by e-mail.

    Attributes:
        server: smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS from the start; with smtp://
            TLS is begun where the server offers it, and always before a password.
        to, sender: addresses.
    """

    server: str
    to: Sequence[str]
    sender: str

    @property
    def name(self) -> str:
        """To whom it goes."""
        digest = hashlib.sha256(" ".join(self.to).encode()).hexdigest()[:8]
        return f"mail to {len(self.to)} ({digest})"

    def send(self, key: str, message: Mapping[str, Any]) -> None:
        """Send an alarm."""
        letter = email.message.EmailMessage()
        letter["Subject"] = " ".join(str(message["summary"]).split())
        letter["From"], letter["To"] = self.sender, ", ".join(self.to)
        letter["Message-ID"] = f"<{key}@tfsocial>"
        letter["Date"] = email.utils.formatdate(message["at"])
        letter.set_content(_letter(message))
        try:
            with self._connected() as server:
                server.send_message(letter)
        except (OSError, smtplib.SMTPException) as error:
            raise Undelivered(type(error).__name__) from None

    def _connected(self) -> smtplib.SMTP:
        at = urlsplit(self.server)
        host = at.hostname or "localhost"
        if at.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, at.port or 465, timeout=PATIENCE)
        else:
            server = smtplib.SMTP(host, at.port or 25, timeout=PATIENCE)
            server.ehlo()
            if server.has_extn("starttls") or at.username:
                server.starttls()
        if at.username:
            server.login(unquote(at.username), unquote(at.password or ""))
        return server


def target_of(kind: str, value: str, secret: str = "") -> Target:
    """Read a target from a flag.

    Args:
        kind: webhook (value: its address) or mail (value: SERVER?from=ADDRESS&to=ADDRESS,ADDRESS).

    Raises:
        InputError: it is none.
    """
    at = urlsplit(value)
    if kind == "webhook":
        if at.scheme not in ("http", "https") or not at.hostname:
            raise InputError(f"--webhook: {_shown(value)} is no address; write https://HOST/PATH")
        return Webhook(value, secret)
    said = dict(part.partition("=")[::2] for part in at.query.split("&"))
    if at.scheme not in ("smtp", "smtps") or not at.hostname or not {"from", "to"} <= set(said):
        raise InputError(
            f"--mail: {_shown(value)} is none; write "
            "smtps://USER:PASSWORD@HOST?from=ADDRESS&to=ADDRESS,ADDRESS"
        )
    to = [one for one in unquote(said["to"]).split(",") if one]
    return Mail(value.partition("?")[0], to, unquote(said["from"]))


class Deliveries:
    """Sends alarms to targets.

    Args:
        message: makes of an event of the alarms' stream what is sent; None: nothing is.
    """

    def __init__(
        self,
        engine: Engine,
        targets: Sequence[Target],
        message: Callable[[Event], Mapping[str, Any] | None],
    ):
        self._engine, self._message = engine, message
        self._targets = {target.name: target for target in targets}
        self._consumer = Consumer(engine, STREAM, "monitor deliveries", _nothing, self._write)

    def step(self, now: float) -> int:
        """Take in new alarms, and send what is due; gives how many were sent."""
        self._consumer.catch_up()
        return sum(self._deliver(row, now) for row in self._due(now))

    def _write(self, connection: Connection, events: Sequence[Event], _: None) -> None:
        rows = [
            {"event": event.number, "target": name, "tries": 0, "next_at": 0, "state": "due"}
            for event in events
            if event.content["what"] in TOLD
            for name in self._targets
        ]
        if rows:
            connection.execute(sa.insert(DELIVERIES), [{**row, "error": ""} for row in rows])

    def _due(self, now: float) -> Sequence[sa.Row]:
        table = DELIVERIES.c
        chosen = (
            sa.select(table.event, table.target, table.tries, EVENTS)
            .join(EVENTS, EVENTS.c.number == table.event)
            .where(table.state == "due", table.next_at <= now, table.target.in_(self._targets))
            .order_by(table.event)
            .limit(AT_ONCE)
        )
        with self._engine.connect() as connection:
            return connection.execute(chosen).all()

    def _deliver(self, row: sa.Row, now: float) -> bool:
        event = Event(
            row.stream, row.key, row.happened / 1e6, json.loads(row.content), number=row.number
        )
        message = self._message(event)
        if message is None:
            self._tick(row, "passed over")
            return False
        try:
            self._targets[row.target].send(event.key, message)
        except Undelivered as error:
            given_up = now - row.arrived / 1e6 > LAST
            pause = min(FIRST * 2**row.tries, LONGEST)
            self._tick(row, "given up" if given_up else "due", int(now + pause), str(error))
            log.warning("an alarm was not taken by %s (%s)", row.target, error)
            return False
        self._tick(row, "sent")
        return True

    def _tick(self, row: sa.Row, state: str, next_at: int = 0, error: str = "") -> None:
        table = DELIVERIES.c
        chosen = sa.update(DELIVERIES).where(table.event == row.event, table.target == row.target)
        values = {"state": state, "tries": row.tries + 1, "next_at": next_at, "error": error[:200]}
        with writing(self._engine) as connection:
            connection.execute(chosen.values(**values))


def _nothing(_: Sequence[Event]) -> None:
    return None


def _letter(message: Mapping[str, Any]) -> str:
    lines = [str(message["summary"]), ""]
    lines += [f"{name}: {value}" for name, value in message.items() if name != "summary"]
    return "\n".join(lines) + "\n"


def _shown(value: str) -> str:
    at = urlsplit(value)
    return f"{at.scheme}://{at.hostname or ''}" if at.scheme else "what was given"
