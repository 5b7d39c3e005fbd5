"""From a word to a strategy, a compiler and a precision; says what it chose and why."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

from tfsocial.config import ConfigError, Training, nearest

DEVICES = ("auto", "cpu", "gpu", "mirrored")


class Device(NamedTuple):
    """Where and how a run computes."""

    strategy: tf.distribute.Strategy
    jit_compile: bool
    precision: str
    reason: str


def choose(device: str, training: Training) -> Device:
    """Strategy, compiler and precision policy of `--device`.

    Raises:
        ConfigError: an unknown device, or one this machine does not have.
    """
    if device not in DEVICES:
        raise ConfigError(f"--device={device}: {nearest(device, DEVICES)}")
    gpus = tf.config.list_logical_devices("GPU")
    if device in ("gpu", "mirrored") and not gpus:
        raise ConfigError(f"--device={device}: TensorFlow sees no GPU here; use --device=cpu")
    on_gpu = bool(gpus) and device != "cpu"
    strategy = _strategy(device, gpus)
    precision, why = _precision(training, on_gpu)
    compiled = _compiled(training, on_gpu, precision, strategy)
    kind = f"{strategy.num_replicas_in_sync} GPU(s)" if on_gpu else "CPU"
    mode = "XLA" if compiled else "TensorFlow graph"
    return Device(strategy, compiled, precision, f"{kind}, {mode}, {precision} ({why})")


@contextlib.contextmanager
def scope(device: Device) -> Iterator[None]:
    """Variables made inside live on the device and compute in its precision."""
    before = keras.mixed_precision.global_policy()
    policy = "float32" if device.precision == "float32" else f"mixed_{device.precision}"
    keras.mixed_precision.set_global_policy(policy)
    try:
        with device.strategy.scope():
            yield
    finally:
        keras.mixed_precision.set_global_policy(before)


def _strategy(device: str, gpus: list) -> tf.distribute.Strategy:
    if device == "mirrored" or (device == "auto" and len(gpus) > 1):
        return tf.distribute.MirroredStrategy()
    if gpus and device != "cpu":
        return tf.distribute.OneDeviceStrategy("GPU:0")
    return tf.distribute.get_strategy() if not gpus else tf.distribute.OneDeviceStrategy("CPU:0")


def _precision(training: Training, on_gpu: bool) -> tuple[str, str]:
    if training.precision != "auto":
        return training.precision, "as configured"
    if on_gpu:
        return "bfloat16", "GPU"
    if cpu_multiplies_bfloat16():
        return "bfloat16", "the CPU multiplies bfloat16"
    return "float32", "the CPU does not multiply bfloat16"


def _compiled(training: Training, on_gpu: bool, precision: str, strategy) -> bool:
    """XLA fuses best, but on CPU only oneDNN's graph kernels use the bfloat16 instructions."""
    if training.compile != "auto":
        return training.compile == "xla"
    if strategy.num_replicas_in_sync > 1:
        return False
    return on_gpu or precision == "float32"


def cpu_multiplies_bfloat16() -> bool:
    """Whether this CPU has AVX512-BF16 or AMX-BF16; False where that cannot be read."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
