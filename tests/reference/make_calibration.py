"""Temperatures and calibration errors by netcal, as an oracle of ours.

Runs in an environment of its own, which has netcal and no TensorFlow:

    python3.11 -m venv netcal_environment
    netcal_environment/bin/pip install -r tests/reference/requirements-netcal.txt
    netcal_environment/bin/python tests/reference/make_calibration.py     (writes calibration.json)

Each case is drawn from a seed, so that a test draws the same logits and labels: see `drawn`.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "calibration.json"
BINS = 15
# seed, rows, classes, temperature that the labels were drawn with
CASES = [(0, 4000, 5, 1.0), (1, 4000, 3, 2.5), (2, 4000, 12, 0.6), (3, 3000, 2, 1.7)]


def drawn(seed: int, rows: int, classes: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits [rows, classes], and labels drawn from softmax(logits / temperature)."""
    random = np.random.default_rng(seed)
    logits = 3 * random.normal(size=(rows, classes))
    return logits, (logits / temperature + random.gumbel(size=logits.shape)).argmax(-1)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def main() -> None:
    from netcal.metrics import ECE
    from netcal.scaling import TemperatureScaling

    found = []
    for case in CASES:
        logits, labels = drawn(*case)
        before = softmax(logits)
        scaling = TemperatureScaling()
        scaling.fit(before, labels)
        after = scaling.transform(before)
        after = np.stack([1 - after, after], -1) if after.ndim == 1 else after
        found.append(
            {
                "case": case,
                "temperature": float(1 / np.ravel(scaling.weights)[0]),
                "ece": [float(ECE(BINS).measure(values, labels)) for values in (before, after)],
            }
        )
        print(found[-1])
    versions = {name: version(name) for name in ("netcal", "numpy", "torch")}
    content = {"versions": {"python": platform.python_version(), **versions}, "cases": found}
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
