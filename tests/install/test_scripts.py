"""The scripts of install/: the gate for a TPU's wheels, and who the workers are on GCE."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "install"


@pytest.fixture(scope="module")
def gate():
    """check_tpu.py, which stands by itself."""
    spec = importlib.util.spec_from_file_location("check_tpu", FOLDER / "check_tpu.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- a TPU's wheels ------------------------------------------------------------------------

RIGHT = {"tensorflow-tpu": "2.20.0", "libtpu": "0.0.14", "tf-keras": "2.20.1"}


def test_the_right_wheels(gate):
    assert gate.wanted() == {"tensorflow-tpu": "2.20.0", "libtpu": "0.0.14"}
    assert gate.faults(RIGHT) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tensorflow": "2.20.0"}, "tensorflow 2.20.0 must not be here"),
        ({"libtpu": "0.0.52"}, "libtpu is 0.0.52 and must be 0.0.14"),
        ({"jax": "0.10.2"}, "jax 0.10.2 must not be here"),
    ],
)
def test_wrong_wheels_are_named(gate, change, said):
    assert gate.faults(RIGHT | change) == [said]


def test_a_missing_wheel_is_named(gate):
    assert "tensorflow-tpu is missing and must be 2.20.0" in gate.faults({})


def test_the_environment_of_these_tests_does_not_pass(gate, capsys):
    """It has the plain TensorFlow: exit code 1 before anything is imported, and the remedy."""
    assert gate.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("wrong wheels: tensorflow-tpu is missing")
    assert "tensorflow 2.20.0 must not be here" in said
    assert "install_tpu.sh" in said


def test_right_wheels_and_no_tpu(gate, monkeypatch, capsys):
    """The runtime's last line is the reason; exit code 3."""
    monkeypatch.setattr(gate, "installed", lambda: RIGHT)
    monkeypatch.setattr(gate, "CANARY", "raise SystemExit('UNAVAILABLE: no device')")
    assert gate.main() == 3
    assert capsys.readouterr().err == "no TPU found: UNAVAILABLE: no device\n"


# --- workers on GCE ------------------------------------------------------------------------


@pytest.fixture
def group(tmp_path) -> Path:
    """A mock of gcloud that lists three machines, and a hostname: the second of them."""
    for name, line in {"gcloud": "printf 'c\\nb\\na\\n'", "hostname": "echo b"}.items():
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o755)
    return tmp_path


def worker(folder: Path, *words: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    command = [str(FOLDER / "gce_worker.sh"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_each_machine_knows_all_and_its_place(group):
    """In the order of the names, which is the same on each."""
    run = worker(group, "mine", "europe-west4-a", "--", "printenv", "TF_CONFIG")
    assert json.loads(run.stdout) == {
        "cluster": {"worker": ["a:12345", "b:12345", "c:12345"]},
        "task": {"type": "worker", "index": 1},
    }


def test_a_machine_of_another_group_is_refused(group):
    (group / "hostname").write_text("#!/bin/sh\necho z\n")
    run = worker(group, "mine", "europe-west4-a", "--", "true")
    assert run.returncode == 2
    assert run.stderr == "this machine, z, is not in mine in europe-west4-a: a b c\n"
    assert worker(group, "mine").returncode == 2
