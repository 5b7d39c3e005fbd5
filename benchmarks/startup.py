"""What it takes to answer five lines with a SavedModel: seconds, memory, and what was imported.

    python -m benchmarks.startup --model=DIR [--runs=5] [--key=NAME --note=TEXT]

`python -m tfsocial predict` runs in a process of its own each time, with a text file of five
lines: start-up is all there is. One more run says which of the heavy packages were imported, and
how many modules. --key keeps the figures under that name in results/startup.json; `cpu` holds where
other jobs run beside it, `wall` does not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.same_weights import commit, machine, versions

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "startup.json"
LINES = (
    "where is my order",
    "I want my money back",
    "the parcel never came",
    "how do I change my address?",
    "what is the capital of France",
)
HEAVY = (
    *("transformers", "sklearn", "scipy", "tfsocial.training", "tf_keras", "h5py", "pydantic"),
    "matplotlib",
)
PREDICT = [sys.executable, "-m", "tfsocial", "predict"]
# The same in a process that says at its end what it has imported.
IMPORTED = """
import json, sys
from tfsocial import __main__
code = __main__.main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a SavedModel")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--key", help="to keep the figures under")
    parser.add_argument("--note", default="", help="kept with them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "lines.txt"
        source.write_text("\n".join(LINES) + "\n", "utf-8")
        given = [f"--input={source}", f"--output={Path(folder) / 'answers.jsonl'}"]
        flags = ["predict", f"--model={options.model.resolve()}", *given]
        runs = [measured([*PREDICT, *flags[1:]]) for _ in range(options.runs)]
        modules = imported(flags)
    about = {"machine": machine(), "versions": versions(), "commit": commit(), "note": options.note}
    found = {
        **about,
        "runs": options.runs,
        **{name: spread([run[name] for run in runs]) for name in runs[0]},
        "modules": len(modules),
        "imported": {name: name in modules for name in HEAVY},
    }
    print(json.dumps(found, indent=2))
    if options.key:
        kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        RESULTS.write_text(json.dumps({**kept, options.key: found}, indent=2) + "\n", "utf-8")


def measured(command: Sequence[str]) -> dict[str, float]:
    """Seconds on the clock and of the processor, and the most memory held, of one run.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=HERE.parent, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "user": usage.ru_utime,
        "rss_mb": usage.ru_maxrss / 1024,
    }


def imported(flags: Sequence[str]) -> list[str]:
    """Every module that is there when `predict` has answered."""
    command = [sys.executable, "-c", IMPORTED, *flags]
    asked = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
    return json.loads(asked.stdout.splitlines()[-1])


def spread(values: Sequence[float]) -> dict[str, float]:
    """
    >>> spread([3.0, 1.0, 2.004])
    {'min': 1.0, 'median': 2.0, 'max': 3.0}
    """
    found = {"min": min(values), "median": statistics.median(values), "max": max(values)}
    return {name: round(value, 2) for name, value in found.items()}


if __name__ == "__main__":
    main()
