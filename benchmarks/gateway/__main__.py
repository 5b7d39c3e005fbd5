"""The gateway beside other servers and beside its backend alone: rate, latency, start, memory.

    python -m venv PEERS/bentoml
    PEERS/bentoml/bin/pip install -r benchmarks/gateway/requirements-bentoml.txt
    (the same for litserve and ray, and `make triton-env`)
    tfsocial export --model=RUN/model --output=DIR/litert --format=litert   (and openvino)
    python -m benchmarks.gateway --model=VERSION --litert=VERSION --openvino=VERSION \\
        --data=DIR --work=DIR --peers=PEERS

All serve one model, exported; the gateway its fast forms besides. One server runs at a time; each
round starts every server, has 1, 8 and 64 callers ask it, one text of DIR/test.csv a request, and
ends it; every second round goes backwards. Medians go into results/gateway.json. Then the gateway
gets three times the callers that it can serve. A server that is not installed is left out, and
named in the file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.gateway import overload
from benchmarks.gateway.running import NoAnswer, Running, running
from benchmarks.gateway.servers import NEEDS, ROOT, SERVERS, SETTINGS, Answer, Place
from benchmarks.same_weights import commit, machine

RESULTS = ROOT / "benchmarks" / "results" / "gateway.json"
CALLERS = (1, 8, 64)
TEXTS, AT_ONCE = 64, 16  # whose answers are compared
FORMS = ("litert", "openvino")
BESIDE = {"gateway_triton": "triton"}  # what a ratio is to; all others: to the backend alone
OVERLOADED = {"gateway": True, "bare": False}  # whether it understands Request-Timeout
PEERS = {"bentoml": "bentoml", "litserve": "litserve", "ray_serve": "ray"}
OWN = ("tfsocial", "tensorflow", "tensorflow-text", "fastapi", "uvicorn", "grpcio")
Line = dict[str, Any]


def main() -> None:
    options = flags().parse_args()
    place, data = prepared(options)
    rounds, failed = in_rounds(place, data, options)
    found = {
        "machine": machine(),
        "commit": commit(),
        "versions": versions(place, list(rounds)),
        "settings": {name: SETTINGS[name] for name in rounds},
        "left_out": {**dict.fromkeys(absent(place), "not installed"), **failed},
        "model": about(place),
        "seconds": options.seconds,
        "servers": {name: summary(lines) for name, lines in rounds.items()},
        "ratios": ratios(rounds),
        "overload": overloads(list(rounds), place, data, options),
        "rounds": rounds,
    }
    options.results.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a version's folder")
    for form in FORMS:
        parser.add_argument(f"--{form}", type=Path, help=f"the version's folder as {form}")
    parser.add_argument("--data", type=Path, required=True, help="folder of a test.csv with texts")
    parser.add_argument("--work", type=Path, required=True, help="for logs and keys")
    parser.add_argument("--peers", type=Path, default=Path("peers"), help="their environments")
    parser.add_argument("--only", nargs="*", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--warm_up", type=float, default=1.5, help="seconds before each")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser


def prepared(options: argparse.Namespace) -> tuple[Place, Path]:
    """The folder that all servers read: with one version, whatever number that has at its place."""
    work = options.work.absolute()
    base = _numbered(options.model, work / "model")
    versions_of = {form: getattr(options, form, None) for form in FORMS}
    forms = {form: _numbered(one, work / form) for form, one in versions_of.items() if one}
    data = options.data / "test.csv" if options.data.is_dir() else options.data
    # Not resolved: an environment's interpreter is a link.
    return Place(base, work, options.peers.absolute(), forms), data.absolute()


def _numbered(version: Path, base: Path) -> Path:
    base.mkdir(parents=True, exist_ok=True)
    (base / "1").unlink(missing_ok=True)
    (base / "1").symlink_to(version.resolve())
    return base


def absent(place: Place) -> list[str]:
    """Servers that are not installed."""
    needed = {name: need(place) for name, need in NEEDS.items()}
    return [name for name, path in needed.items() if not (path and path.exists())]


# --- the servers in turns ---------------------------------------------------------------------


def in_rounds(
    place: Place, data: Path, options: argparse.Namespace
) -> tuple[dict[str, list[Line]], dict[str, str]]:
    """Lines of each server that answered in every round, and why others did not."""
    names = [name for name in options.only if name not in absent(place)]
    rounds: dict[str, list[Line]] = {name: [] for name in names}
    failed: dict[str, str] = {}
    known = reference(place, data)
    for number in range(options.rounds):
        for name in names if number % 2 == 0 else names[::-1]:
            if name in failed:
                continue
            try:
                line = one_round(name, place, data, known, options)
            except NoAnswer as error:
                failed[name] = str(error)
                print(number, name, error, flush=True)
                continue
            rounds[name].append(line)
            print(number, name, json.dumps(line), flush=True)
    return {name: lines for name, lines in rounds.items() if name not in failed}, failed


def one_round(
    name: str, place: Place, data: Path, known: Mapping[str, Answer], options: argparse.Namespace
) -> Line:
    """What a server does from its start to its end."""
    with running(SERVERS[name](place), data, place.work / f"{name}.log") as server:
        compared = differences(server, known)
        callers = {str(n): server.load(n, options.seconds, options.warm_up) for n in CALLERS}
        memory = server.memory_mb()
    return {
        "start_seconds": server.start_seconds,
        "memory_mb": memory,
        **compared,
        "callers": callers,
    }


def reference(place: Place, data: Path) -> dict[str, Answer]:
    """Text -> what the model itself says."""
    command = [sys.executable, "-m", "benchmarks.gateway.reference", f"--model={place.version}"]
    command += [f"--data={data}", f"--texts={TEXTS}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {line["text"]: line["answer"] for line in map(json.loads, said.splitlines())}


def differences(server: Running, known: Mapping[str, Answer]) -> dict[str, float]:
    """Share of texts with the model's own label, and how far a probability is off at the most.

    Many are asked at once, so that texts of several callers share batches.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(server.ask, known))
    pairs = list(zip(said, known.values(), strict=True))
    same = [next(iter(answer)) == next(iter(own)) for answer, own in pairs]
    apart = [abs(value - own[name]) for answer, own in pairs for name, value in answer.items()]
    return {"same": statistics.mean(same), "largest_difference": max(apart)}


def overloads(
    names: Sequence[str], place: Place, data: Path, options: argparse.Namespace
) -> dict[str, Any]:
    """The gateway's saturation; it and the backend alone with three times as many callers."""
    if "gateway" not in names:
        return {}
    found: dict[str, Any] = {}
    for name, tells in OVERLOADED.items():
        if name not in names:
            continue
        with running(SERVERS[name](place), data, place.work / f"{name}.log") as server:
            if "at" not in found:
                found["at"] = overload.saturation(server, options.seconds, options.warm_up)
            lines = [
                overload.overloaded(server, found["at"], tells, options.seconds, options.warm_up)
                for _ in range(options.rounds)
            ]
        found[name] = {kind: overload.merged([line[kind] for line in lines]) for kind in lines[0]}
        print("overload", name, json.dumps(found[name]), flush=True)
    return found


# --- what is kept -----------------------------------------------------------------------------


def summary(rounds: Sequence[Line]) -> Line:
    """Medians over the rounds; of differences the largest."""
    return {
        "start_seconds": statistics.median(line["start_seconds"] for line in rounds),
        "memory_mb": statistics.median(line["memory_mb"] for line in rounds),
        "same": min(line["same"] for line in rounds),
        "largest_difference": max(line["largest_difference"] for line in rounds),
        "callers": {
            n: overload.merged([line["callers"][n] for line in rounds])
            for n in rounds[0]["callers"]
        },
    }


def ratios(rounds: Mapping[str, Sequence[Line]]) -> dict[str, Line]:
    """Each server beside what it is to be compared with: median over rounds of ratios of a round.

    `p50_more_ms` is a difference.
    """
    found = {}
    for name, lines in rounds.items():
        other = BESIDE.get(name, "bare")
        if other not in rounds or name == other:
            continue
        pairs = list(zip(lines, rounds[other], strict=True))
        by_callers = {
            n: beside([(a["callers"][n], b["callers"][n]) for a, b in pairs])
            for n in lines[0]["callers"]
        }
        found[name] = {"to": other, "callers": by_callers}
    return found


def beside(pairs: Sequence[tuple[Line, Line]]) -> Line:
    """
    >>> one, other = ({"requests_per_second": r, "p50_ms": p} for r, p in ((200, 9), (100, 8)))
    >>> beside([(one, other)])
    {'throughput': 2.0, 'p50_more_ms': 1}
    """
    rate, p50 = "requests_per_second", "p50_ms"
    return {
        "throughput": round(statistics.median(one[rate] / other[rate] for one, other in pairs), 3),
        "p50_more_ms": round(statistics.median(one[p50] - other[p50] for one, other in pairs), 3),
    }


def about(place: Place) -> Line:
    """What the model is."""
    manifest = json.loads((place.version / "manifest.json").read_text("utf-8"))
    ((_, spec),) = manifest["model"]["tasks"].items()
    weights = place.version / "variables" / "variables.data-00000-of-00001"
    return {
        "labels": len(spec["labels"]),
        "weights_mb": round(weights.stat().st_size / 1e6, 1),
        "reference": bool(manifest.get("reference")),  # of drift, which is looked for then
    }


def versions(place: Place, names: Sequence[str]) -> dict[str, str]:
    found = {name: metadata.version(name) for name in OWN}
    for name in set(names) & set(PEERS):
        asked = f"from importlib.metadata import version; print(version({PEERS[name]!r}))"
        command = [str(place.python(PEERS[name])), "-c", asked]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found[PEERS[name]] = said.strip()
    if "triton" in names:
        found["triton"] = "2.51"  # of nvidia-pytriton 0.7.0
    return dict(sorted(found.items()))


if __name__ == "__main__":
    main()
