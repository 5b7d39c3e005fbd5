"""Callers that each ask a server over HTTP, wait for the answer and ask again: a closed loop.

    python benchmarks/gateway/load.py --url=URL --body='{"texts": ["TEXT"]}' --data=DIR/test.csv \
        --callers=8 --seconds=5

Each request has one text of the file where the body says TEXT. One thread with epoll, standard
library alone, requests made beforehand: it shares the cores with what it measures, so it says how
much of them it used. What was answered within the time is counted, in one line of JSON.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import itertools
import json
import random
import re
import select
import socket
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DRAIN = 15.0  # seconds at the end for answers that are on their way; they are not counted
AGAIN = 0.1  # seconds before a lost connection is made again
READ = 1 << 16
LENGTH = re.compile(rb"^content-length: *(\d+)", re.M | re.I)
CHUNKED = re.compile(rb"^transfer-encoding: *chunked", re.M | re.I)
RETRY = re.compile(rb"^retry-after: *(\d+)", re.M | re.I)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--body", required=True, help="JSON with a string TEXT")
    parser.add_argument("--header", action="append", default=[], help="NAME: VALUE")
    parser.add_argument("--data", type=Path, required=True, help="csv with a column text")
    parser.add_argument("--callers", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm_up", type=float, default=1.0, help="seconds before them")
    parser.add_argument("--patience", type=float, help="seconds; a later answer is late, not good")
    parser.add_argument("--obey_retry_after", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    at = urlsplit(options.url)
    texts = read_texts(options.data, options.seed)
    asked = requests(texts, options.body, at.netloc, at.path, options.header)
    began = time.perf_counter() + options.warm_up
    found = Found(began, began + options.seconds)
    assert at.hostname
    load = Load((at.hostname, at.port or 80), asked, found, options.obey_retry_after)
    spent = time.process_time()
    load.run(options.callers)
    print(json.dumps(found.summary(options.patience, time.process_time() - spent)))


def read_texts(path: Path, seed: int) -> list[str]:
    """All texts of a csv file, in an order of chance."""
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    random.Random(seed).shuffle(texts)
    return texts


def requests(
    texts: Sequence[str], body: str, host: str, path: str, headers: Sequence[str]
) -> list[bytes]:
    """A request for each text, as it goes over the line."""
    fixed = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", *headers]
    head = "\r\n".join(fixed).encode()
    made = []
    for text in texts:
        content = body.replace('"TEXT"', json.dumps(text)).encode()
        made.append(head + b"\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
    return made


@dataclass
class Found:
    """What came back between two times of `time.perf_counter`.

    Attributes:
        seconds: of each good answer.
        statuses: of all others; `connection` where there was none.
        heard: answers at any time.
        before, last: when the last good answer came before the time, and within it.
    """

    begin: float
    end: float
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    heard: int = 0
    before: float = 0.0
    last: float = 0.0

    def see(self, status: str, now: float, seconds: float) -> None:
        self.heard += 1
        if status == "200" and now < self.begin:
            self.before = now
        if not self.begin <= now < self.end:
            return
        if status == "200":
            self.last = now
            self.seconds.append(seconds)
        else:
            self.statuses[status] += 1

    @property
    def length(self) -> float:
        """Seconds between two good answers, nearly all of the time; else all of it.

        Batches answer many callers at once: a time that begins and ends anywhere would have one
        batch more or less by chance.
        """
        whole = self.end - self.begin
        between = self.last - self.before
        return between if 0.8 * whole < between < 1.2 * whole else whole

    def summary(self, patience: float | None, cpu: float) -> dict:
        """Requests a second, milliseconds, errors; with patience, answers in time a second.

        Args:
            cpu: seconds that all this took of a processor.
        """
        length, good = self.length, sorted(self.seconds)
        line = {
            "requests_per_second": round(len(good) / length, 2),
            "p50_ms": milliseconds(good, 0.5),
            "p99_ms": milliseconds(good, 0.99),
            "answers": len(good),
            "errors": dict(self.statuses),
            "load_cpu_ms": round(1e3 * cpu / max(1, self.heard), 4),
        }
        if patience is not None:
            in_time = sum(one <= patience for one in good)
            line["in_time_per_second"] = round(in_time / length, 2)
        return line


def milliseconds(ordered: Sequence[float], share: float) -> float | None:
    """A quantile of ordered seconds.

    >>> milliseconds([0.001, 0.002, 0.003], 0.5)
    2.0
    """
    if not ordered:
        return None
    if share == 0.5:
        return round(1e3 * statistics.median(ordered), 3)
    return round(1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)


class Caller:
    """One connection, and what is asked over it."""

    def __init__(self, address: tuple[str, int]):
        self._address = address
        self.since = 0.0
        self._heard = b""
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(self._address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> None:
        self._heard, self.since = b"", time.perf_counter()
        self.socket.sendall(request)

    def hear(self) -> bytes | None:
        """The head of the answer when it is whole; None: more is to come.

        Raises:
            OSError: the connection is lost.
        """
        piece = self.socket.recv(READ)
        if not piece:
            raise ConnectionResetError
        self._heard += piece
        return whole(self._heard)


def whole(answer: bytes) -> bytes | None:
    r"""The head of an answer that is whole.

    >>> whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    b'HTTP/1.1 200 OK\r\nContent-Length: 2'
    >>> whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
    """
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return None
    if CHUNKED.search(head):
        return head if body.endswith(b"0\r\n\r\n") else None
    length = LENGTH.search(head)
    return head if len(body) >= (int(length[1]) if length else 0) else None


class Load:
    """All callers at once.

    Args:
        obedient: whether a caller that is refused waits as long as the answer says.
    """

    def __init__(
        self, address: tuple[str, int], requests: Sequence[bytes], found: Found, obedient: bool
    ):
        self._address, self._found, self._obedient = address, found, obedient
        self._requests: Iterator[bytes] = itertools.cycle(requests)
        self._poll = select.epoll()
        self._waiting: dict[int, Caller] = {}  # by their sockets' numbers
        self._pausing: list[tuple[float, int, Caller]] = []  # until when, a number, who
        self._numbers = itertools.count()

    def run(self, callers: int) -> None:
        """Ask until the end, and hear what was asked."""
        for _ in range(callers):
            self._ask(Caller(self._address))
        while self._waiting or self._pausing:
            for number, _ in self._poll.poll(self._until_next()):
                self._hear(self._waiting[number])
            now = time.perf_counter()
            while self._pausing and self._pausing[0][0] <= now:
                self._again(heapq.heappop(self._pausing)[2])
            if now > self._found.end + DRAIN:
                self._found.statuses["unanswered"] += len(self._waiting)
                return

    def _until_next(self) -> float:
        now = time.perf_counter()
        return max(0.0, min(self._pausing[0][0] - now if self._pausing else 1.0, 1.0))

    def _ask(self, caller: Caller) -> None:
        if time.perf_counter() >= self._found.end:
            return
        number = caller.socket.fileno()
        if number not in self._waiting:
            self._poll.register(number, select.EPOLLIN)
            self._waiting[number] = caller
        try:
            caller.ask(next(self._requests))
        except OSError:
            self._lost(caller)

    def _hear(self, caller: Caller) -> None:
        try:
            head = caller.hear()
        except OSError:
            self._lost(caller)
            return
        if head is None:
            return
        now = time.perf_counter()
        status = head[9:12].decode()
        self._found.see(status, now, now - caller.since)
        told = RETRY.search(head) if self._obedient else None
        if told and status != "200":
            self._pause(caller, float(told[1]))
        elif now < self._found.end:
            self._ask(caller)
        else:
            self._forget(caller)

    def _lost(self, caller: Caller) -> None:
        now = time.perf_counter()
        self._found.see("connection", now, now - caller.since)
        self._pause(caller, AGAIN, lost=True)

    def _pause(self, caller: Caller, seconds: float, lost: bool = False) -> None:
        self._forget(caller)
        if lost:
            caller.socket.close()
        until = time.perf_counter() + seconds
        if until < self._found.end:
            heapq.heappush(self._pausing, (until, next(self._numbers), caller))

    def _again(self, caller: Caller) -> None:
        try:
            if caller.socket.fileno() < 0:
                caller.connect()
        except OSError:
            self._lost(caller)
        else:
            self._ask(caller)

    def _forget(self, caller: Caller) -> None:
        number = caller.socket.fileno()
        if self._waiting.pop(number, None):
            self._poll.unregister(number)


if __name__ == "__main__":
    main()
