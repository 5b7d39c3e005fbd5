"""Merged weights by PEFT and mergekit, as an oracle of ours.

Runs in an environment of its own, which has both and no TensorFlow:

    python3.11 -m venv merging_environment
    merging_environment/bin/pip install -r tests/reference/requirements-merging.txt
    merging_environment/bin/pip install --no-deps mergekit==0.1.5
    merging_environment/bin/python tests/reference/make_merges.py     (writes merges.json)

The weights are drawn from a seed, so that a test draws the same: see `drawn`. DARE's coins are
given, since each library throws its own: see `coins`.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import numpy as np

FILE = Path(__file__).parent / "merges.json"
SHAPE = (6, 10)
RUNS = 3
WEIGHTS = [1.0, 0.5, 2.0]
DENSITY = 0.4


def drawn(seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """M0's weight and those of the runs, float32."""
    random = np.random.default_rng(seed)
    base = random.normal(size=SHAPE).astype(np.float32)
    common = random.normal(size=SHAPE)
    runs = [base + 0.1 * (common + random.normal(size=SHAPE)) for _ in range(RUNS)]
    return base, [run.astype(np.float32) for run in runs]


def coins() -> list[np.ndarray]:
    """Which numbers DARE keeps of each run, bool."""
    random = np.random.default_rng(1)
    return [random.random(SHAPE) < DENSITY for _ in range(RUNS)]


def main() -> None:
    import torch
    from peft.utils import merge_utils

    base, runs = (
        torch.from_numpy(drawn()[0]),
        [torch.from_numpy(run) for run in drawn()[1]],
    )
    deltas, weights = [run - base for run in runs], torch.tensor(WEIGHTS)
    kept = [torch.from_numpy(one).float() for one in coins()]
    with mock.patch.object(torch, "bernoulli", side_effect=kept):
        dare = merge_utils.dare_linear(deltas, weights, DENSITY)
    found = {
        "peft": {
            "task_arithmetic": base + merge_utils.task_arithmetic(deltas, weights),
            "dare": base + dare,
            "ties at weights of 1": base + merge_utils.ties(deltas, torch.ones(RUNS), DENSITY),
        },
        "mergekit": _by_mergekit(base, runs),
    }
    values = {
        library: {name: array.tolist() for name, array in arrays.items()}
        for library, arrays in found.items()
    }
    versions = {name: version(name) for name in ("peft", "mergekit", "torch", "numpy")}
    content = {"versions": {"python": platform.python_version(), **versions}, **values}
    FILE.write_text(json.dumps(content) + "\n", encoding="utf-8")
    print({library: list(arrays) for library, arrays in found.items()})


def _by_mergekit(base, runs):
    import torch
    from mergekit.merge_methods import model_stock, slerp
    from mergekit.merge_methods.generalized_task_arithmetic import get_mask
    from mergekit.sparsify import SparsificationMethod, sparsify

    def ties(weights):
        trimmed = torch.stack(
            [sparsify(run - base, DENSITY, SparsificationMethod.magnitude) for run in runs]
        )
        weights = torch.tensor(weights)[:, None, None]
        mask = get_mask(weights * trimmed, "sum")
        divisor = (weights * mask).sum(0)
        return base + (weights * trimmed * mask).sum(0) / torch.where(divisor == 0, 1, divisor)

    def arc(t, one, other):
        one, other = one.reshape(1, -1), other.reshape(1, -1)
        return slerp.slerp(torch.tensor([t]), one, other).reshape(SHAPE)

    def stock(some):
        group = mock.Mock()
        group.base.tensor = base
        group.non_base = [mock.Mock(tensor=run) for run in some]
        merge = model_stock.model_stock_merge_method
        return merge.merge_group(group)

    return {
        "ties at weights of 1": ties([1.0] * RUNS),
        "ties": ties(WEIGHTS),
        "slerp": arc(0.3, runs[0], runs[1]),
        "slerp of what points the same way": arc(0.3, runs[0], 2 * runs[0]),
        "model_stock of 2": stock(runs[:2]),
        "model_stock": stock(runs),
    }


if __name__ == "__main__":
    main()
