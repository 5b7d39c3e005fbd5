"""What scaling gateways up and down is worth on a bursty day: SIMULATED, from measured times.

    python -m benchmarks.elastic [--model=VERSION] [--price=0.05]

Measured once, with --model: the seconds of one process with one thread for batches of the help
desk's texts, as CPU time, which neighbours on the machine hardly change. All else is simulated by
`tfsocial.serving.gateway.elastic`: three days of arrivals, made from seeds, for numbers of
gateways that stay and for the rule of Kubernetes' autoscaler on several metrics. --price is that of
a core for an hour. Without --model the times are those of the results file before.
results/elastic.json.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import platform
import statistics
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tfsocial.serving.gateway import tokens
from tfsocial.serving.gateway.backends.worker import WorkerBackend
from tfsocial.serving.gateway.elastic import hpa
from tfsocial.serving.gateway.elastic.hpa import Behavior, Rules
from tfsocial.serving.gateway.elastic.simulation import Fleet, Policy, Result, simulate
from tfsocial.serving.gateway.elastic.traces import DAY, Arrivals, Shape, bursty

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "elastic.json"
TEXTS = HERE.parent / "tfsocial" / "demo" / "test.csv"
SEEDS = range(3)
SIZES = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128)  # texts of a batch
REPEATS = 15
ROW_LENGTH = 128  # tokens that the model reads of a text
SHAPE = Shape(rate=16.0, height=1.5)
FLEET = Fleet()
# As in deploy/kubernetes/gateway: a test compares.
BEHAVIOR = Behavior(2, 12, hpa.UP, Rules(300.0, (hpa.Policy("pods", 1, 60.0),)))
HPA = {"waiting_tokens": 256.0, "busy_tokens": 512.0}
KEDA = {"tokens": 512.0}
FIXED = (1, 2, 4, 6, 8, 12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="exported version; left out, the times before")
    parser.add_argument("--price", type=float, default=0.05, help="of a core for an hour")
    options = parser.parse_args()
    if options.model:
        measured = {"machine": platform.machine(), "curve": asyncio.run(measure(options.model))}
    else:
        measured = json.loads(RESULTS.read_text("utf-8"))["measured"]
    curve = [(one["tokens"], one["cpu_seconds"]) for one in measured["curve"]]
    days = [bursty(seed, DAY, SHAPE, lengths()) for seed in SEEDS]
    found: dict[str, Any] = {
        "measured": measured,
        "price_of_a_core_hour": options.price,
        "simulated": {"day": about(days), "policies": []},
    }
    for policy, of_it, fleet in policies():
        results = [simulate(day, curve, of_it, fleet) for day in days]
        line = {
            "policy": policy,
            "startup": fleet.startup,
            "days": [row(result, options.price) for result in results],
        }
        found["simulated"]["policies"].append(line)
        print(line["policy"], line["days"][0], flush=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def policies() -> Iterator[tuple[str, Policy, Fleet]]:
    """Name, policy, and the gateways it is for."""
    for count in FIXED:
        yield f"always {count}", Policy(begin=count), FLEET
    for target in (0.5, 0.7):
        scaled = Policy({"busy_share": target}, BEHAVIOR, 2)
        yield f"busy share {target:.0%}", scaled, FLEET
    for target in (256.0, 1024.0, 2048.0):
        scaled = Policy({"tokens": target}, BEHAVIOR, 2)
        yield f"tokens {target:.0f}", scaled, FLEET
    yield "waiting tokens 256 or busy tokens 512 (HPA)", Policy(HPA, BEHAVIOR, 2), FLEET
    for startup in (30.0, 10.0, 120.0):
        scaled = Policy(KEDA, BEHAVIOR, 2)
        yield "tokens 512 (KEDA)", scaled, replace(FLEET, startup=startup)


def row(result: Result, price: float) -> dict[str, Any]:
    """What one simulated day came to."""
    paid = [count for _, _, count in result.replicas]
    return {
        "replicas_mean": round(result.replica_hours / 24, 2),
        "replicas_most": max(paid),
        "wait_p50": round(result.wait[0], 4),
        "wait_p95": round(result.wait[1], 4),
        "answer_p50": round(result.answer[0], 4),
        "answer_p95": round(result.answer[1], 4),
        "answer_p99": round(result.answer[2], 4),
        "refused": round(result.refused, 5),
        "late": round(result.late, 5),
        "texts": result.texts,
        "replica_hours": round(result.replica_hours, 2),
        "cost_of_a_million_texts": round(result.cost_of_a_million(price), 4),
    }


def about(days: list[Arrivals]) -> dict[str, Any]:
    """What the days are like, and what all gateways have."""
    return {
        "seeds": list(SEEDS),
        "shape": asdict(SHAPE),
        "requests": [len(day.times) for day in days],
        "texts": [int(day.texts.sum()) for day in days],
        "tokens": [int(day.tokens.sum()) for day in days],
        "fleet": asdict(FLEET),
    }


# --- measured --------------------------------------------------------------------------------


async def measure(version: Path) -> list[dict[str, float]]:
    """Time batches of several sizes with one process of one thread; medians of `REPEATS`."""
    backend = WorkerBackend(version, processes=1, threads=1)
    await backend.start()
    try:
        return [await timed(backend, size) for size in SIZES]
    finally:
        await backend.stop()


async def timed(backend: WorkerBackend, size: int) -> dict[str, float]:
    """Time a batch of so many texts: CPU seconds of the process, and seconds by the clock."""
    loop, (process,) = asyncio.get_running_loop(), backend.processes
    batch = [(text,) for text in texts()[:size]]
    cpu, wall = [], []
    for _ in range(REPEATS + 2):
        before, began = cpu_seconds(process), loop.time()
        await backend(batch, 60.0)
        wall.append(loop.time() - began)
        cpu.append(cpu_seconds(process) - before)
    return {
        "texts": size,
        "tokens": sum(tokens.estimate(text, ROW_LENGTH) for text in batch),
        "cpu_seconds": round(statistics.median(cpu[2:]), 5),
        "wall_seconds": round(statistics.median(wall[2:]), 5),
    }


def cpu_seconds(process: int) -> float:
    """Seconds that a process's threads ran, by the kernel's count."""
    tasks = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def texts() -> list[str]:
    with TEXTS.open(encoding="utf-8", newline="") as file:
        return [line["text"] for line in csv.DictReader(file)]


def lengths() -> list[int]:
    """Tokens of the help desk's texts."""
    return [tokens.estimate((text,), ROW_LENGTH) for text in texts()]


if __name__ == "__main__":
    main()
