"""Metrics need no framework: a server or a notebook without one can score."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
for name in ("tensorflow", "tf_keras", "transformers"):
    sys.modules[name] = None  # an import of it fails
import numpy as np
from tfsocial.metrics import baselines, calibration, confusion, per_class, pictures, scorer
from types import SimpleNamespace
spec = SimpleNamespace(kind="classify", labels=("a", "b"), width=2)
numbers = scorer.Scorer({}).scores("t", spec, np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
print(numbers["accuracy"])
"""


def test_it_works_where_there_is_none():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0.5"
