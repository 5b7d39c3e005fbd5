"""What `tfsocial batch-predict` takes for a million lines on this machine, and what that costs.

    make batch-env
    python -m benchmarks.batch --model=DIR --key=NAME [--data=FOLDER] [--lines=1000000]

Ten txt files are written to a temporary folder. Their texts are those of the column `text` of every
train.csv below --data; without it they are made of a few words. Three lines of ten are drawn from
them by Zipf's law, as frequent questions are; the others get a number of their own, as one that
names an order does. Beam's runner in Python runs in .venv-batch; its processor time is all it used,
start-up too, its memory the most it held. --key keeps the figures under that name in
results/batch.json.

Core-hours are the processor time, in proportion for a million and a billion lines; a price is only
what --usd_per_core_hour says, and --price_source where that is from. A core that waits costs too,
so what is paid is more. `seconds` holds where no other jobs run beside it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.same_weights import commit, machine

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "batch.json"
PYTHON = HERE.parent / ".venv-batch" / "bin" / "python"
FILES = 10
REPEATED = 0.3  # of the lines
EXPONENT = 1.1  # of Zipf's law
WORDS = ("where", "is", "my", "order", "card", "late", "refund", "please", "help", "the", "not")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a SavedModel")
    parser.add_argument("--key", required=True, help="to keep the figures under")
    parser.add_argument("--data", type=Path, help="folder of folders with a train.csv")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--wave_rows", type=int, default=500_000)
    parser.add_argument("--usd_per_core_hour", type=float)
    parser.add_argument("--price_source", help="whose price that is, and of when")
    parser.add_argument("--note", default="", help="kept with the figures")
    options = parser.parse_args()
    if (options.usd_per_core_hour is None) != (options.price_source is None):
        parser.error("--usd_per_core_hour and --price_source go together")
    with tempfile.TemporaryDirectory() as folder:
        distinct = write_lines(Path(folder) / "in", pool(options.data), options.lines)
        found = measured(Path(folder), options.model.resolve(), options.wave_rows)
    found |= {
        "distinct_lines": distinct,
        "wave_rows": options.wave_rows,
        "lines_per_second": round(options.lines / found["seconds"], 1),
        "cost": cost(found["cpu_seconds"], options.lines, options.usd_per_core_hour),
        "price_source": options.price_source,
        "model": model_of(options.model),
        "machine": machine(),
        "commit": commit(),
        "note": options.note,
    }
    print(json.dumps(found, indent=1))
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**kept, options.key: found}, indent=1) + "\n", "utf-8")


# --- the lines ---------------------------------------------------------------------------


def pool(data: Path | None) -> list[str]:
    """Distinct texts that lines are drawn from."""
    if data is None:
        source = np.random.default_rng(0)
        made = (" ".join(source.choice(WORDS, source.integers(3, 12))) for _ in range(50_000))
        return sorted(set(made))
    texts = {text for path in sorted(data.glob("*/train.csv")) for text in texts_of(path)}
    if not texts:
        raise SystemExit(f"--data={data}: no */train.csv there has a column `text`")
    return sorted(texts)


def texts_of(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if text := " ".join(row.get("text", "").split()):
                yield text


def write_lines(folder: Path, texts: Sequence[str], count: int) -> int:
    """Write txt files of `count` lines together.

    Returns:
        how many of the lines are distinct.
    """
    folder.mkdir()
    source = np.random.default_rng(1)
    order = source.permutation(len(texts))
    frequency = np.arange(1, len(texts) + 1) ** -EXPONENT
    drawn = source.choice(len(texts), count, p=frequency / frequency.sum())
    anew = source.random(count) >= REPEATED
    drawn[anew] = source.integers(0, len(texts), anew.sum())
    seen = set()
    for number, places in enumerate(np.array_split(np.arange(count), FILES)):
        with (folder / f"{number}.txt").open("w", encoding="utf-8") as file:
            for place in places:
                text = texts[order[drawn[place]]] + (f" {place}" if anew[place] else "")
                seen.add(hash(text))
                file.write(f"{text}\n")
    return len(seen)


# --- the run -----------------------------------------------------------------------------


def measured(folder: Path, model: Path, wave_rows: int) -> dict[str, Any]:
    """Answer the files below `folder`: time, memory, and what the job's record says."""
    command = [
        *(str(PYTHON), "-m", "tfsocial", "batch-predict", f"--model={model}"),
        *(f"--input={folder}/in/*.txt", f"--output={folder}/out", f"--wave_rows={wave_rows}"),
    ]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=HERE.parent)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    record = json.loads((folder / "out" / "batch.json").read_text("utf-8"))
    return {
        "lines": sum(record["rows"].values()),
        "counts": record["counts"],
        "seconds": round(seconds, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_rss_mb": usage.ru_maxrss // 1024,
        "versions": record["versions"],
    }


def cost(cpu_seconds: float, lines: int, usd: float | None) -> dict[str, dict[str, float]]:
    """Core-hours for a million and a billion lines, and dollars where a price is known.

    >>> cost(3600.0, 1_000_000, 0.5)["billion"]
    {'core_hours': 1000.0, 'usd': 500.0}
    """
    core_hours = {
        name: cpu_seconds / 3600 * wanted / lines
        for name, wanted in (("million", 10**6), ("billion", 10**9))
    }
    return {
        name: {"core_hours": round(hours, 4)} | ({"usd": round(hours * usd, 4)} if usd else {})
        for name, hours in core_hours.items()
    }


def model_of(folder: Path) -> str:
    """Name a model by its folder alone, and how large its graph and weights are."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{folder.name}, {size / 2**20:.0f} MB"


if __name__ == "__main__":
    main()
