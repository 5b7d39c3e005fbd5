"""An export loads in the oldest runtime that TensorFlow Serving 2.12.1 to 2.19.1 stand for.

TensorFlow 2.12.1 with tensorflow-text 2.12.1, in an environment of its own: `make old-runtime-env`.
It is a stand-in for the server, which loads and runs a graph by the same code in C++.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import served_models

HERE = Path(__file__).parent / "old_runtime"
ENVIRONMENT = Path(__file__).parents[2] / ".venv-old-runtime"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (ENVIRONMENT / ".installed").exists(),
        reason="there is no .venv-old-runtime; make old-runtime-env",
    ),
]


def test_every_form_of_a_model_answers_the_same_there(folders):
    saved_models = [folders(name)[1] for name in served_models.MODELS]
    run = subprocess.run(
        [ENVIRONMENT / "bin" / "python", HERE / "ask_golden.py", *saved_models],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(lines) == len(saved_models)
    for line in lines:
        assert (line["tensorflow"], line["tensorflow_text"]) == ("2.12.1", "2.12.1")
        assert line["object"] < 1e-5
        assert line["session"] < 1e-5
