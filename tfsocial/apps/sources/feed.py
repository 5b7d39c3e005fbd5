"""Entries of an RSS or Atom feed, asked for again and again."""

from __future__ import annotations

import calendar
import html.parser
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx

from tfsocial import extras
from tfsocial.apps.events import Event
from tfsocial.apps.sources.contract import Batch, SourceGone

EVERY = 300.0  # seconds
MOST = 10 << 20  # bytes of a feed
VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
PATIENCE = 20.0  # seconds for each part of an answer


class Feed:
    """A feed by its address.

    Args:
        stream: that its events go to; each has title, text and link.
        every: seconds from one look to the next.
    """

    def __init__(self, url: str, stream: str, every: float = EVERY):
        self.name = f"feed:{url}"
        self._url, self._stream, self._every = url, stream, every

    def batches(self, position: str, stop: threading.Event) -> Iterator[Batch]:
        """Give the entries of each edition of the feed; a position is its validators.

        Raises:
            SourceGone: it does not answer, or not with a feed.
        """
        known: dict[str, str] = json.loads(position) if position else {}
        with httpx.Client(timeout=PATIENCE, follow_redirects=True) as client:
            while not stop.is_set():
                body, known = self._fetch(client, known)
                if body:
                    events = entries(body, self._stream, self._url)
                    yield Batch(events, json.dumps(known))
                stop.wait(self._every)

    def _fetch(self, client: httpx.Client, known: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        """Ask for what is new: nothing where the server says that nothing is."""
        asked = {VALIDATORS[name]: value for name, value in known.items()}
        try:
            with client.stream("GET", self._url, headers=asked) as reply:
                if reply.status_code == httpx.codes.NOT_MODIFIED:
                    return b"", known
                reply.raise_for_status()
                body = b""
                for part in reply.iter_bytes():
                    body += part
                    if len(body) > MOST:
                        raise SourceGone(f"the feed is above {MOST} bytes")
        except httpx.HTTPError as error:
            raise SourceGone(str(error) or type(error).__name__) from None
        return body, {name: reply.headers[name] for name in VALIDATORS if name in reply.headers}


def entries(body: bytes, stream: str, url: str) -> list[Event]:
    """Read a feed's entries, the oldest first.

    Raises:
        SourceGone: it is no feed.
    """
    feedparser = extras.library("feedparser", "feedparser", "apps", url)
    found = feedparser.parse(body)
    if not found.version:
        raise SourceGone(f"what it sends is neither RSS nor Atom ({found.get('bozo_exception')})")
    events = [_event(entry, stream, url) for entry in found.entries]
    return sorted(events, key=lambda event: event.happened)


def _event(entry: Any, stream: str, url: str) -> Event:
    moment = entry.get("published_parsed") or entry.get("updated_parsed")
    title, text = plain(entry.get("title", "")), plain(entry.get("summary", ""))
    link = entry.get("link", "")
    key = entry.get("id") or link or f"{title}\n{text}"
    happened = calendar.timegm(moment) if moment else time.time()
    return Event(stream, f"{url}\n{key}", happened, {"title": title, "text": text, "link": link})


def plain(markup: str) -> str:
    """Leave the text of HTML.

    >>> plain("<p>It's <b>late</b> &amp; cold</p><script>x()</script><p>again")
    "It's late & cold again"
    """
    reader = _Texts()
    reader.feed(markup)
    reader.close()
    return " ".join(" ".join(reader.parts).split())


class _Texts(html.parser.HTMLParser):
    SILENT = frozenset({"script", "style"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent += tag in self.SILENT

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self.SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
