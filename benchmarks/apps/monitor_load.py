"""The opinion monitor under way: how many texts, how soon they show, whether anything breaks it.

    python -m benchmarks.apps.monitor_load texts|soon|nasty|soak --model=DIR --work=DIR

DIR of --model is what `tfsocial export` wrote; any format. The server is `tfsocial monitor` with
the demo's three weeks of headlines, SQLite, a process of its own. A soak lasts --minutes, 30.

* `texts`: 10,000 headlines of the demo, each with the end of another, as quick as they are
  taken; from the first one sent to the last one counted. Who sends them is on the same machine.
* `soon`: one headline after the other, each until the topic's count on its page has grown; then 30
  negative ones on one topic within a second, until its incident is there.
* `nasty`: the strings of customer service's bench, as texts, keys, names, paths and forms.
* `soak`: 20 texts a second, pages that are looked at; memory of the server each half minute.

Goes into results/apps_monitor_load.json.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from benchmarks.apps.started import Started, measure_parts, soaked, started
from benchmarks.apps.support_load import nasty_strings
from tfsocial.api.run import demo_of

RESULTS = Path(__file__).resolve().parents[1] / "results" / "apps_monitor_load.json"
TEXTS, AT_ONCE, SURGE, ASKED = 10_000, 500, 30, 30
EVERY = 30.0
Line = dict[str, Any]


@dataclass
class Server:
    """`tfsocial monitor` in a process of its own."""

    one: Started
    address: str
    programs: str
    staff: str

    def client(self, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        limits = httpx.Limits(keepalive_expiry=2.0)
        return httpx.Client(base_url=self.address, headers=headers, timeout=60, limits=limits)


@contextlib.contextmanager
def serving(model: Path, work: Path) -> Iterator[Server]:
    """The monitor, once it has labelled the demo's headlines and knows what is quiet."""
    state = work / f"state-{time.time_ns()}"
    flags = [f"--state={state}", f"--model={model}", "--demo"]
    with started("monitor", flags, work / "server.log") as one:
        keys = one.word("key: "), one.word("staff's key: ")
        server = Server(one, one.word("callers: "), *keys)
        with server.client(server.staff) as see:
            settled(see)
            while not see.get("/monitor/incidents").json():  # the demo's own surge
                time.sleep(0.5)
        yield server


def settled(see: httpx.Client) -> None:
    """Wait until no text waits for a label."""
    while True:
        state = see.get("/monitor/state").json()
        if state["version"] and not state["waiting"]:
            return
        time.sleep(0.1)


def headlines(label: str = "", word: str = "") -> list[str]:
    """The demo's headlines."""
    with (demo_of("monitor") / "stream.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        row["text"]
        for row in rows
        if label in ("", row["label"]) and word.lower() in row["text"].lower()
    ]


def varied(texts: list[str], count: int, draw: random.Random) -> list[str]:
    """So many texts, each the begin of one and the end of another; hardly any two are copies."""
    both = [(draw.choice(texts).split(), draw.choice(texts).split()) for _ in range(count)]
    return [" ".join(one[: len(one) // 2] + other[len(other) // 2 :]) for one, other in both]


def body(texts: list[str], **more: str) -> bytes:
    """Lines of JSON."""
    lines = [
        json.dumps({"text": text, "key": f"{time.time_ns()} {n}", "author": f"a{n}", **more})
        for n, text in enumerate(texts)
    ]
    return "\n".join(lines).encode()


def many(server: Server, _: argparse.Namespace) -> Line:
    texts = varied(headlines(), TEXTS, random.Random(0))
    with server.client(server.programs) as send, server.client(server.staff) as see:
        begun = time.perf_counter()
        for start in range(0, len(texts), AT_ONCE):
            send.post(
                "/monitor/texts", content=body(texts[start : start + AT_ONCE])
            ).raise_for_status()
        sent = time.perf_counter() - begun
        settled(see)
        counted = time.perf_counter() - begun
    return {
        "texts": TEXTS,
        "taken in s": round(sent, 1),
        "counted in s": round(counted, 1),
        "texts/s": round(TEXTS / counted, 1),
    }


def soon(server: Server, _: argparse.Namespace) -> Line:
    draw = random.Random(1)
    shown = []
    with server.client(server.programs) as send, server.client(server.staff) as see:

        def count(topic: str) -> int:
            return int(sum(see.get(f"/monitor/topics/{topic}?hours=1").json()["all"]))

        for one in varied(headlines(word="steel"), ASKED, draw):
            text = f"Steel: {one}"
            before, begun = count("metals"), time.perf_counter()
            send.post("/monitor/texts", content=body([text])).raise_for_status()
            while count("metals") <= before:
                time.sleep(0.05)
            shown.append(time.perf_counter() - begun)
        known = {one["id"] for one in see.get("/monitor/incidents").json()}
        surge = [f"Oil: {one}" for one in varied(headlines("negative", "oil"), SURGE, draw)]
        begun = time.perf_counter()
        send.post("/monitor/texts", content=body(surge)).raise_for_status()
        while not {one["id"] for one in see.get("/monitor/incidents").json()} - known:
            if time.perf_counter() - begun > 120:
                raise SystemExit("no incident after two minutes")
            time.sleep(0.05)
        alarm = time.perf_counter() - begun
    return {
        "text to chart, median s": round(float(np.median(shown)), 2),
        "most s": round(max(shown), 2),
        "surge to incident s": round(alarm, 2),
    }


def nasty(server: Server, _: argparse.Namespace) -> Line:
    statuses: Counter[int] = Counter()
    strings = list(nasty_strings())
    with server.client(server.programs) as send, server.client(server.staff) as see:
        for number, text in enumerate(strings):
            one = {"text": text, "key": text, "author": text, "source": text, "topic": text}
            calls = (
                lambda one=one: send.post("/monitor/texts", content=json.dumps(one).encode()),
                lambda text=text: see.get(
                    f"/monitor/topics/{quote(text, safe='', errors='replace')}"
                ),
                lambda text=text: see.get("/monitor/on", params={"topic": text}),
                lambda text=text: see.post("/monitor/snooze", json={"topic": text, "seconds": 1}),
                lambda text=text: see.post("/monitor/sign-in", data={"name": text, "key": text}),
            )
            with contextlib.suppress(UnicodeEncodeError, httpx.InvalidURL):
                statuses[calls[number % len(calls)]().status_code] += 1
        settled(see)
    return {
        "strings": len(strings),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "5xx": sum(count for status, count in statuses.items() if status >= 500),
    }


def soak(server: Server, options: argparse.Namespace) -> Line:
    until, draw = time.monotonic() + 60 * options.minutes, random.Random(2)
    memory: list[tuple[float, float]] = []
    statuses: Counter[int] = Counter()
    begun, due = time.monotonic(), 0.0
    with server.client(server.programs) as send, server.client(server.staff) as see:
        form = {"name": "soak", "key": server.staff}
        with httpx.Client(base_url=server.address, timeout=60) as page:
            page.post("/monitor/sign-in", data=form)
            while (now := time.monotonic()) < until:
                texts = varied(headlines(), 20, draw)
                statuses[send.post("/monitor/texts", content=body(texts)).status_code] += 1
                for path in ("/monitor/board", "/monitor/on?topic=banks&hours=24"):
                    statuses[page.get(path).status_code] += 1
                if now >= due:
                    memory.append((round(now - begun), server.one.memory_mb()))
                    due = now + EVERY
                time.sleep(max(0.0, 1.0 - (time.monotonic() - now)))
        settled(see)
    return soaked(options.minutes, statuses, memory)


PARTS = {"texts": many, "soon": soon, "nasty": nasty, "soak": soak}


if __name__ == "__main__":
    measure_parts(__doc__, PARTS, serving, RESULTS)
