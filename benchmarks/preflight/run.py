"""One step's counts by the TPU compiler, ours and the usual ways', appended to a file.

    python -m benchmarks.preflight.run --peer=tfsocial --data=DIR
    python -m benchmarks.preflight.run --peer=padded
    python -m benchmarks.preflight.run --peer=kerashub --python=KERASHUB_VENV/bin/python

DIR holds BANKING77 as configs/banking77.yaml reads it. All have MiniLM-L6's sizes, 77 classes,
bfloat16 and Adam; ours packs texts into rows of 128, the others pad each to 128.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tfsocial import config
from tfsocial.preflight import check, chips, compiler, page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def parse() -> argparse.Namespace:
    """Which peer, on what chip, where the line goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=tuple(PEERS), required=True)
    parser.add_argument("--topology", default="v5e:1x1")
    parser.add_argument("--rows", type=int, default=32, help="packed rows of ours")
    parser.add_argument("--batch", type=int, default=256, help="texts of the others")
    parser.add_argument("--data", help="of ours")
    parser.add_argument("--python", default=sys.executable, help="of the kerashub peer")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "preflight.jsonl"
    )
    return parser.parse_args()


def tfsocial(options: argparse.Namespace) -> dict:
    """Our own step on packed rows."""

    overrides = [f"data.root={options.data}", f"data.rows={options.rows}"]
    settings = config.load(ROOT / "configs" / "banking77.yaml", overrides)
    topology = chips.topology(options.topology)
    checked = check.check(settings, topology, PYTHON, find_largest=False)
    return {"examples": page.load(checked).examples, **checked.counts._asdict()}


def padded(options: argparse.Namespace) -> dict:
    """TFBertForSequenceClassification, every text padded."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.mlir"
        flags = [f"--batch={options.batch}", f"--output={path}"]
        subprocess.run([sys.executable, "-m", "benchmarks.preflight.padded", *flags], check=True)
        counts = compiler.compile_step(path.read_text("utf-8"), options.topology, PYTHON)
    return {"examples": options.batch, **counts._asdict()}


def kerashub(options: argparse.Namespace) -> dict:
    """BertTextClassifier on JAX, every text padded."""
    flags = [f"--batch={options.batch}", f"--topology={options.topology}"]
    command = [options.python, str(HERE / "kerashub.py"), *flags]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {"examples": options.batch, **json.loads(run.stdout)}


PYTHON = compiler.ENVIRONMENT / "bin" / "python"
PEERS = {"tfsocial": tfsocial, "padded": padded, "kerashub": kerashub}


def main() -> None:
    """Runs one peer and appends its line."""
    options = parse()
    line = {"peer": options.peer, "topology": options.topology, **PEERS[options.peer](options)}
    with options.output.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    each = line["examples"]
    print(
        f"{options.peer}: per example {line['flops'] / each / 1e9:.2f} GFLOP, "
        f"{line['traffic'] / each / 1e6:.1f} MB, {line['cycles'] / each:,.0f} cycles"
    )


if __name__ == "__main__":
    main()
