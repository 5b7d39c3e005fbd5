"""`batch-predict` where Beam is not: what it says, and what it does not import."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

HELP = """
import sys
from tfsocial.__main__ import main
try:
    main(["batch-predict", "--help"])
finally:
    print(sorted({"tensorflow", "apache_beam", "transformers"} & set(sys.modules)))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is not None, reason="apache-beam is installed here"
)
def test_without_beam_it_names_the_environment_that_has_it(refused, tmp_path):
    flags = ("--model=m", "--input=i.csv", f"--output={tmp_path / 'out'}")
    message = refused("batch-predict", *flags)
    assert message.startswith("batch-predict: needs apache-beam, which is not installed here")
    assert "requirements-batch.txt" in message
    assert not (tmp_path / "out").exists()


def test_its_help_imports_neither_tensorflow_nor_beam():
    asked = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    assert "--wave_rows" in asked.stdout
    assert asked.stdout.splitlines()[-1] == "[]"
