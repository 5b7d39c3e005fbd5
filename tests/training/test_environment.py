"""What is set before TensorFlow is imported, for which device."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tfsocial.training import environment


@pytest.fixture
def libtpu(tmp_path, monkeypatch):
    """A package of that name, to be found and not to be imported."""
    (tmp_path / "libtpu").mkdir()
    (tmp_path / "libtpu" / "__init__.py").write_text("raise ImportError('nobody asked for it')")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "libtpu"


def test_a_local_tpu_is_spoken_to_by_pjrt(libtpu):
    found = environment.variables("tpu:local")
    assert found["PJRT_DEVICE"] == "TPU"
    assert found["TF_PLUGGABLE_DEVICE_LIBRARY_PATH"] == str(libtpu / "libtpu.so")
    assert "--tf_mlir_enable_mlir_bridge=true" in found["TF_XLA_FLAGS"].split()


def test_without_libtpu_nothing_is_set(monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    assert environment.variables("tpu:local") == {}


@pytest.mark.parametrize("device", ["auto", "cpu:2", "gpu", "mirrored", "multi_worker"])
def test_other_devices_need_nothing(libtpu, device):
    assert environment.variables(device) == {}


def test_what_somebody_has_set_stays(monkeypatch):
    monkeypatch.setenv("TPU_LOAD_LIBRARY", "1")
    environment.prepare("tpu:mine")
    assert os.environ["TPU_LOAD_LIBRARY"] == "1"


def test_it_comes_before_tensorflow():
    """Its own import brings none: the variables would be read too early."""
    code = (
        "import sys; from tfsocial.training import environment; "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
