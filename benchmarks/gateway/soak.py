"""The gateway for ten minutes, and a tenant beside a greedy one.

    python -m benchmarks.gateway.soak --model=VERSION --data=DIR --work=DIR

Memory of the gateway's own process and of the model's are read every twenty seconds while 16
callers ask. Then one caller of another tenant asks alone, beside 64 callers of the greedy tenant,
and beside them when that has a quota: a fifth of the tokens that it had without.
Goes into results/gateway_soak.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.gateway import overload, tree
from benchmarks.gateway.__main__ import about, prepared
from benchmarks.gateway.running import Running, running
from benchmarks.gateway.servers import (
    NAME,
    PLAIN,
    ROOT,
    Command,
    Place,
    Server,
    key_of,
    of_task,
    ports,
)
from benchmarks.same_weights import commit, machine

RESULTS = ROOT / "benchmarks" / "results" / "gateway_soak.json"
CALLERS, GREEDY = 16, 64
EVERY = 20.0  # seconds between two readings
SECONDS, WARM_UP, ROUNDS = 8.0, 2.0, 3  # of each measurement of two tenants
SHARE = 0.2  # of the greedy tenant's tokens, its quota
Line = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a version's folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of a test.csv with texts")
    parser.add_argument("--work", type=Path, required=True, help="for logs and keys")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.peers = options.work
    place, data = prepared(options)
    with both(place, data, None) as (greedy, other, operators):
        soak = soaked(greedy, 60 * options.minutes)
        alone = [quiet(other) for _ in range(ROUNDS)]
        beside = [together(greedy, other) for _ in range(ROUNDS)]
        tokens = SHARE * tokens_per_second(greedy, operators)
    with both(place, data, round(tokens)) as (greedy, other, _):
        limited = [together(greedy, other) for _ in range(ROUNDS)]
    found = {
        "machine": machine(),
        "commit": commit(),
        "model": about(place),
        "soak": soak,
        "tenants": {
            "alone": overload.merged(alone),
            "beside": overload.merged([one for one, _ in beside]),
            "beside, quota": overload.merged([one for one, _ in limited]),
        },
        "greedy": {
            "no quota": overload.merged([one for _, one in beside]),
            "quota": overload.merged([one for _, one in limited]),
        },
        "quota": f"{round(tokens)} tokens a second",
    }
    options.results.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


@contextmanager
def both(place: Place, data: Path, quota: int | None) -> Iterator[tuple[Running, Running, str]]:
    """A gateway as the greedy tenant asks it, as another does, and where its operators look.

    Args:
        quota: tokens a second of the greedy tenant; None: none.
    """
    port, admin = ports(2)
    state = place.work / "state-soak"
    access = {"keys": str(state / "keys.jsonl"), "secret": str(state / "secret")}
    quotas = {"greedy": {"tokens": quota, "per": "second"}} if quota else {}
    values = {
        "models": {NAME: {"folder": str(place.base)}},
        "listen": {"port": port, "admin_port": admin},
        "access": access,
        "quotas": {"tenants": quotas},
    }
    config = place.work / "soak.yaml"
    config.write_text(json.dumps(values), "utf-8")  # JSON is YAML
    headers = [
        (f"Authorization: Bearer {key_of(state, tenant)}",) for tenant in ("greedy", "other")
    ]
    command = Command([sys.executable, "-m", "tfsocial", "serve", f"--config={config}"])
    url = f"http://127.0.0.1:{port}/v1/classify"
    server = Server([command], url, PLAIN, of_task, headers[0])
    with running(server, data, place.work / "soak.log") as first:
        second = dataclasses.replace(server, headers=headers[1])
        yield first, dataclasses.replace(first, server=second), f"http://127.0.0.1:{admin}"


def soaked(server: Running, seconds: float) -> Line:
    """What so many seconds of load do to memory."""
    readings: list[Line] = []
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(server.load, CALLERS, seconds, WARM_UP)
        began = time.monotonic()
        while not load.done():
            readings.append({"seconds": round(time.monotonic() - began), **memory(server)})
            print("soak", readings[-1], flush=True)
            time.sleep(EVERY)
    return {"callers": CALLERS, **load.result(), "readings": readings}


def memory(server: Running) -> Line:
    """Memory of the process that callers reach, and of the others, MB."""
    front = server.processes[-1].pid
    processes = server.tree()
    own = [one for one in processes if one.pid == front]
    rest = [one for one in processes if one.pid != front]
    return {"gateway_mb": round(tree.pss_mb(own), 1), "model_mb": round(tree.pss_mb(rest), 1)}


def quiet(other: Running) -> Line:
    return other.load(1, SECONDS, WARM_UP)


def together(greedy: Running, other: Running) -> tuple[Line, Line]:
    """One caller of the other tenant, and the greedy one's callers around it."""
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(greedy.load, GREEDY, SECONDS + 4, WARM_UP)
        time.sleep(1.0)
        one = quiet(other)
        print("other", one, flush=True)
        return one, flood.result()


def tokens_per_second(greedy: Running, operators: str) -> float:
    """What the gateway counts for the greedy tenant's answers, with nobody beside."""
    before, began = counted(operators), time.monotonic()
    greedy.load(GREEDY, SECONDS, 0.0)
    return (counted(operators) - before) / (time.monotonic() - began)


def counted(url: str) -> float:
    """Tokens of the greedy tenant so far, by the gateway's own numbers."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith("tfsocial_tokens_total")]
    return sum(float(line.rpartition("}")[2].split()[0]) for line in found if "greedy" in line)


if __name__ == "__main__":
    main()
