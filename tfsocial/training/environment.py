"""What TensorFlow reads when it is imported, by the device a run is for. Imports no TensorFlow."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

TPU_FLAGS = (
    "--tf_mlir_enable_mlir_bridge=true",
    "--tf_mlir_enable_convert_control_to_data_outputs_pass=true",
    "--tf_mlir_enable_merge_control_flow_pass=true",
)


def prepare(device: str) -> None:
    """Set variables for `--device` where they are not set yet; before TensorFlow is imported."""
    for name, value in variables(device).items():
        os.environ.setdefault(name, value)


def variables(device: str) -> dict[str, str]:
    """Give the variables that a TPU needs; none for other devices.

    This machine's TPU is spoken to by PJRT, as Google's images for v5e and later do. For a TPU by
    its name this machine only coordinates: to load libtpu itself would take long, or fail.

    >>> variables("cpu"), variables("tpu:mine")
    ({}, {'TPU_LOAD_LIBRARY': '0'})
    """
    if device == "tpu:local":
        return _pjrt()
    return {"TPU_LOAD_LIBRARY": "0"} if device.startswith("tpu:") else {}


def _pjrt() -> dict[str, str]:
    """Give PJRT's variables; none without libtpu: TensorFlow says itself that it finds no TPU."""
    libtpu = importlib.util.find_spec("libtpu")
    if libtpu is None or libtpu.origin is None:
        return {}
    return {
        "PJRT_DEVICE": "TPU",
        "NEXT_PLUGGABLE_DEVICE_USE_C_API": "true",
        "TF_PLUGGABLE_DEVICE_LIBRARY_PATH": str(Path(libtpu.origin).parent / "libtpu.so"),
        "TF_XLA_FLAGS": " ".join(TPU_FLAGS),
    }
