"""Every config through the TPU compiler: which compile, and what they hold. Exit code 1 if one
does not.

    python -m benchmarks.preflight.configs --data=DIR [--topology=v5e:2x2] [--only=NAME ...]

DIR holds one folder per config (banking77/train.csv and so on; stock_tweets for pretrain); a config
that brings its data needs none, and one whose folder is missing is named. `make preflight-configs
DATA=DIR` calls it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tfsocial import config
from tfsocial.config import Config
from tfsocial.errors import InputError
from tfsocial.preflight import check, chips, compiler, page

ROOT = Path(__file__).resolve().parents[2]
PYTHON = compiler.ENVIRONMENT / "bin" / "python"
FOLDERS = {"pretrain": "stock_tweets"}  # of configs that are not called as their data
ACKNOWLEDGED = "compiled and not trained"


def main() -> int:
    """A line a config; how many did not pass decides the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # on a CPU it complains of CUDA
    options = parse()
    paths = [path for path in sorted((ROOT / "configs").glob("*.yaml")) if wanted(path, options)]
    lines = [checked(path, options) for path in paths]
    return int(any(not passed for passed in lines))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--topology", default="v5e:2x2")
    parser.add_argument("--only", nargs="*", help="names of configs")
    return parser.parse_args()


def wanted(path: Path, options: argparse.Namespace) -> bool:
    return not options.only or path.stem in options.only


def checked(path: Path, options: argparse.Namespace) -> bool:
    """Whether it passes; printed with the reason if it does not."""

    topology = chips.topology(options.topology)
    try:
        result = check.check(of(path, options), topology, compiler.existing(PYTHON), False)
    except (InputError, check.Refused) as error:
        print(f"{path.stem:12} no: {error}", flush=True)
        return False
    memory = result.counts.memory / chips.GIB
    ratio = page.flops_ratio(result)
    print(
        f"{path.stem:12} yes: {result.rows} rows a chip, {memory:.2f} GiB, FLOPs {ratio:.3f} times "
        "the useful ones",
        flush=True,
    )
    return True


def of(path: Path, options: argparse.Namespace) -> Config:
    """The config on its data, with rows that the chips can share."""
    chosen = config.load(path, [*overrides(path, options)])
    chips_there = chips.topology(options.topology).chips
    rows = -(-chosen.data.rows // chips_there) * chips_there
    return chosen.model_copy(update={"data": chosen.data.model_copy(update={"rows": rows})})


def overrides(path: Path, options: argparse.Namespace) -> Iterator[str]:
    data = config.load(path).data
    if data.root is None and options.data:
        yield f"data.root={options.data / FOLDERS.get(path.stem, path.stem)}"
    if data.licence == "unknown":
        yield f"data.licence_ack={ACKNOWLEDGED}"


if __name__ == "__main__":
    sys.exit(main())
