"""Small runs that several tests look at."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


def weights(workdir: Path) -> dict[str, np.ndarray]:
    """Every tensor a run saved, by file and name."""
    return {
        f"{name}/{key}": array
        for name in ("model.safetensors", "heads.safetensors")
        for key, array in load_file(workdir / "model" / name).items()
    }


def points(workdir: Path, name: str) -> list[float]:
    """The values of one curve in metrics.jsonl."""
    lines = (workdir / "metrics.jsonl").read_text("utf-8").splitlines()
    return [row[name] for row in map(json.loads, lines) if name in row]
