"""Tables of the gateway beside other servers and beside what it stands before, and under load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docs.hooks.results import table, tree

FILE, SOAK = "gateway.json", "gateway_soak.json"
NAMES = {
    "bare": "the backend alone: FastAPI, a call a request",
    "gateway": "tfsocial serve",
    "gateway_mask": "tfsocial serve `--mask`",
    "gateway_litert": "tfsocial serve, LiteRT (int8)",
    "gateway_openvino": "tfsocial serve, OpenVINO (bfloat16)",
    "triton": "Triton",
    "gateway_triton": "tfsocial serve before Triton",
    "bentoml": "BentoML",
    "litserve": "LitServe",
    "ray_serve": "Ray Serve",
}
PACKAGES = {
    "triton": "triton",
    "bentoml": "bentoml",
    "litserve": "litserve",
    "ray_serve": "ray",
    "bare": "fastapi",
}
CALLERS = ("1", "8", "64")
KINDS = {
    "patient": "all wait",
    "refused_ask_at_once": "refused ones ask again at once",
    "refused_come_later": "refused ones come when they are told",
}
TENANTS = {
    "alone": "nobody else",
    "beside": "beside 64 callers of another tenant",
    "beside, quota": "the same, and that tenant has a quota",
}
# What was aimed at, against what the gateway stands before.
P50 = 1.0  # milliseconds more
RATE = 0.9  # of its rate
PACKING = 2.0  # times its rate, with 64 callers and a backend that makes no batches
Line = Mapping[str, Any]


def servers() -> str:
    """Requests a second and milliseconds by callers, start and memory of each server."""
    found = tree(FILE)
    rows = [
        [
            _named(name),
            *(_rate(line["callers"][callers]) for callers in CALLERS),
            f"{line['start_seconds']:.1f} s",
            f"{line['memory_mb']:,.0f} MB",
        ]
        for name, line in found["servers"].items()
    ]
    heads = [f"{callers} caller{'s' * (callers != '1')}" for callers in CALLERS]
    return table(["server", *heads, "start", "memory"], rows)


def _named(name: str) -> str:
    version = tree(FILE)["versions"].get(PACKAGES.get(name, ""))
    return f"{NAMES[name]}, {version}" if version and name != "bare" else NAMES[name]


def _rate(line: Line) -> str:
    return f"{line['requests_per_second']:.0f}/s, {line['p50_ms']:.1f} ({line['p99_ms']:.0f}) ms"


def settings() -> str:
    """How each server is set, and the labels and probabilities it gives beside the model's own."""
    found = tree(FILE)
    rows = [
        [
            NAMES[name],
            found["settings"][name],
            f"{100 * line['same']:.0f} %",
            f"{line['largest_difference']:.0e}",
        ]
        for name, line in found["servers"].items()
    ]
    return table(["server", "settings", "same labels", "a probability differs at most"], rows)


def beside() -> str:
    """What each costs or gains beside what it stands before, and processor time a request."""
    found = tree(FILE)
    rows = [
        [
            NAMES[name],
            NAMES[line["to"]].partition(":")[0],
            f"{line['callers']['1']['p50_more_ms']:+.1f} ms",
            *(f"{line['callers'][callers]['throughput']:.2f}" for callers in CALLERS),
            *(f"{found['servers'][name]['callers'][n]['cpu_ms']:.1f} ms" for n in ("1", "64")),
        ]
        for name, line in found["ratios"].items()
    ]
    rates = [f"times its rate, {callers}" for callers in CALLERS]
    return table(["server", "beside", "p50, 1 caller", *rates, "CPU, 1", "CPU, 64"], rows)


def aims() -> str:
    """What was aimed at, and what came of it."""
    ratios = tree(FILE)["ratios"]
    rows = [row for name in ("gateway", "gateway_triton") for row in _costs(ratios[name])]
    packed = ratios["gateway"]["callers"]["64"]["throughput"]
    what = "batches across 64 callers: times the rate of the backend alone"
    rows.append(_aim(what, f"≥ {PACKING:g}", f"{packed:.2f}", packed >= PACKING))
    return table(["what", "aim", "measured", "reached"], rows)


def _costs(line: Line) -> list[list[str]]:
    to = NAMES[line["to"]].partition(":")[0]
    more = line["callers"]["1"]["p50_more_ms"]
    rates = {callers: line["callers"][callers]["throughput"] for callers in CALLERS}
    first = _aim(f"p50 beside {to}, 1 caller", f"≤ {P50:g} ms more", f"{more:.1f} ms", more <= P50)
    return [
        first,
        *(
            _aim(f"rate beside {to}, {callers}", f"≥ {RATE:g} times", f"{rate:.2f}", rate >= RATE)
            for callers, rate in rates.items()
        ),
    ]


def _aim(what: str, aim: str, measured: str, reached: bool) -> list[str]:
    return [what, aim, measured, "yes" if reached else "**no**"]


def overload() -> str:
    """Good answers with three times the callers that the gateway can serve, beside its own peak."""
    found = tree(FILE)["overload"]
    rows = [
        [
            NAMES[name].partition(":")[0],
            KINDS[kind],
            f"{line['requests_per_second']:.0f}/s",
            f"{100 * line['of_peak']:.0f} %",
            f"{100 * line['in_time_of_peak']:.0f} %",
            "" if line["p50_ms"] is None else f"{line['p50_ms']:.0f} ({line['p99_ms']:.0f}) ms",
            f"{sum(line['errors'].values()):,}",
        ]
        for name in ("gateway", "bare")
        for kind, line in found.get(name, {}).items()
    ]
    header = ["server", "callers", "answers", "of its peak", "in time, of its peak"]
    return table([*header, "p50 (p99)", "refused, all rounds"], rows)


def overload_at(name: str) -> str:
    """Write a number of the overload: peak, saturated_at, callers, or patience in milliseconds."""
    value = tree(FILE)["overload"]["at"][name]
    return f"{1e3 * value:.0f}" if name == "patience" else f"{value:.0f}"


def soak() -> str:
    """Memory while callers ask for minutes: at first, after a minute, then every two minutes."""
    found = tree(SOAK)["soak"]
    readings = found["readings"]
    marks = [0, 60, *range(120, int(readings[-1]["seconds"]) + 1, 120)]
    rows = []
    for mark in marks:
        one = min(readings, key=lambda reading: abs(reading["seconds"] - mark))
        memory = [f"{one[name]:.1f} MB" for name in ("gateway_mb", "model_mb")]
        rows.append([f"{mark / 60:.0f} min", *memory])
    return table(["after", "the gateway's own process", "the model's process"], rows)


def tenants() -> str:
    """One caller of a tenant alone, and beside 64 callers of another."""
    found = tree(SOAK)
    rows = []
    for name, greedy in (("alone", None), ("beside", "no quota"), ("beside, quota", "quota")):
        one = found["tenants"][name]
        theirs = f"{found['greedy'][greedy]['requests_per_second']:.0f}/s" if greedy else ""
        times = f"{one['p50_ms']:.0f} ms", f"{one['p99_ms']:.0f} ms"
        rows.append([TENANTS[name], *times, f"{one['requests_per_second']:.0f}/s", theirs])
    return table(["", "p50", "p99", "its answers", "the greedy one's"], rows)


def greedy_quota() -> str:
    """Write the quota of the greedy tenant."""
    return tree(SOAK)["quota"]
