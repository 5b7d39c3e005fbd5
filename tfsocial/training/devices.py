"""From a word to a strategy, a compiler and a precision; says what it chose and why.

No TPU was ever at hand: what is here for TPUs ran up to the hardware and no further.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Training
from tfsocial.errors import InputError, nearest

FORMS = (
    *("auto", "cpu", "cpu:N", "gpu", "gpu:N"),
    *("mirrored", "multi_worker", "tpu:local", "tpu:NAME"),
)
KINDS = ("auto", "cpu", "gpu", "mirrored", "multi_worker", "tpu")

NO_FLOAT16_ON_TPU = (
    "training.precision=float16: a TPU multiplies bfloat16 and Keras scales no losses on it; use "
    "bfloat16"
)

NO_XLA_ON_REPLICAS = (
    "training.compile=xla: steps of several replicas are not compiled, for they reduce their "
    "gradients together; leave it at auto, or take one device"
)


class WorkerGone(RuntimeError):
    """Another worker has ended or cannot be reached; the message says how to go on."""


class Cloud(NamedTuple):
    """Where in Google's cloud a TPU is, if it is not this machine's own."""

    zone: str | None = None
    project: str | None = None


HERE = Cloud()


class Device(NamedTuple):
    """Where and how a run computes.

    Attributes:
        jit_compile: what Keras is told; a TPU compiles by itself and must not be told.
        xla: whether steps go through XLA.
    """

    strategy: tf.distribute.Strategy
    jit_compile: bool
    xla: bool
    precision: str
    reason: str


def choose(device: str, training: Training, cloud: Cloud = HERE) -> Device:
    """Choose strategy, compiler and precision policy of `--device`, before any other TensorFlow.

    Raises:
        InputError: an unknown device, or one this machine does not have.
    """
    kind, detail = _parsed(device)
    if kind == "tpu":
        return _device(_tpu(detail, cloud), training, "TPU")
    if kind == "cpu" and detail:
        return _device(_mirrored_cpus(int(detail)), training, "CPU")
    if kind == "multi_worker":
        strategy = _multi_worker()
        return _device(strategy, training, "GPU" if _gpus() else "CPU")
    gpus = _gpus()
    if kind in ("gpu", "mirrored") and len(gpus) < int(detail or 1):
        has = f"{len(gpus)} GPUs" if gpus else "no GPU"
        raise InputError(f"--device={device}: TensorFlow sees {has} here; use --device=cpu")
    on_gpu = bool(gpus) and kind != "cpu"
    wanted = gpus[: int(detail or 1)] if kind == "gpu" else gpus
    return _device(_strategy(kind, wanted), training, "GPU" if on_gpu else "CPU")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Say whether this process, of perhaps several workers, writes the run's files."""
    resolver = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    has_chief = "chief" in resolver.cluster_spec().jobs
    first = resolver.task_type == "worker" and resolver.task_id == 0
    return resolver.task_type == "chief" or (first and not has_chief)


@contextlib.contextmanager
def scope(device: Device) -> Iterator[None]:
    """Put variables made inside on the device, computing in its precision."""
    before = keras.mixed_precision.global_policy()
    policy = "float32" if device.precision == "float32" else f"mixed_{device.precision}"
    keras.mixed_precision.set_global_policy(policy)
    try:
        with device.strategy.scope():
            yield
    finally:
        keras.mixed_precision.set_global_policy(before)


@contextlib.contextmanager
def together(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Turn what TensorFlow says inside of a worker that is gone into one sentence.

    Raises:
        WorkerGone: it is.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise  # of this worker's own memory
    except tf.errors.OpError as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        raise WorkerGone(
            f"another worker is gone ({str(error.message).splitlines()[0]}); start all of them "
            "again with the same commands, and the run goes on from its last checkpoint"
        ) from None


def _parsed(device: str) -> tuple[str, str]:
    """Split "cpu:2" into ("cpu", "2")."""
    kind, _, detail = device.partition(":")
    if kind not in KINDS:
        raise InputError(f"--device={device}: {nearest(device, FORMS)}")
    right = {"tpu": bool(detail), "cpu": _is_count(detail), "gpu": _is_count(detail)}
    if not right.get(kind, not detail):
        raise InputError(f"--device={device}: allowed: {', '.join(FORMS)}")
    return kind, detail


def _is_count(detail: str) -> bool:
    return not detail or (detail.isdigit() and int(detail) > 0)


def _device(strategy: tf.distribute.Strategy, training: Training, kind: str) -> Device:
    precision, why = _precision(training, kind)
    if kind == "TPU" and precision == "float16":
        raise InputError(NO_FLOAT16_ON_TPU)
    jit = kind != "TPU" and _compiled(training, kind == "GPU", precision, strategy)
    xla = jit or kind == "TPU"
    replicas = strategy.num_replicas_in_sync
    mode = "XLA" if xla else "TensorFlow graph"
    shown = f"{replicas} x {kind}" if replicas > 1 or kind == "GPU" else kind
    return Device(strategy, jit, xla, precision, f"{shown}, {mode}, {precision} ({why})")


def _gpus() -> list:
    return tf.config.list_logical_devices("GPU")


def _strategy(kind: str, gpus: list) -> tf.distribute.Strategy:
    if kind == "cpu" and gpus:
        return tf.distribute.OneDeviceStrategy("CPU:0")
    if not gpus:
        return tf.distribute.get_strategy()  # there is nothing else: none is needed
    if len(gpus) > 1:
        return tf.distribute.MirroredStrategy([f"GPU:{place}" for place in range(len(gpus))])
    return tf.distribute.OneDeviceStrategy("GPU:0")


def _mirrored_cpus(count: int) -> tf.distribute.Strategy:
    """Make so many replicas on one processor: slower than one, to see what several would do."""
    (processor, *_) = tf.config.list_physical_devices("CPU")
    try:
        each = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(processor, each)
    except RuntimeError:  # TensorFlow has started; it may have been with as many
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise InputError(
                f"--device=cpu:{count}: TensorFlow has started with fewer CPUs in this process; "
                "start a new one"
            ) from None
    return tf.distribute.MirroredStrategy([f"CPU:{place}" for place in range(count)])


def _multi_worker() -> tf.distribute.Strategy:
    """Join all workers of TF_CONFIG, or of a SLURM job."""
    if "TF_CONFIG" in os.environ:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    elif "SLURM_STEP_NODELIST" in os.environ:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver()
    else:
        raise InputError(
            "--device=multi_worker: neither TF_CONFIG nor a SLURM job says who the workers are; "
            "set TF_CONFIG on each, see BUILD.md"
        )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except (ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"--device=multi_worker: {error}") from None


def _tpu(name: str, cloud: Cloud) -> tf.distribute.Strategy:
    """Connect to this machine's TPU, or to one by its name."""
    local = name == "local"
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
            tpu=name, zone=cloud.zone, project=cloud.project
        )
        if not local:
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except Exception as error:  # of many kinds: resolver, network, library
        raise InputError(f"--device=tpu:{name}: {_why_no_tpu(error)}") from None


def _why_no_tpu(error: Exception) -> str:
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if "ConfigureDistributedTPU" in str(error) or "TPU_SYSTEM" in str(error):
        return (
            "this TensorFlow has no TPU runtime or sees no TPU; on a TPU VM install as BUILD.md "
            f"says ({said})"
        )
    return f"no TPU can be reached ({said}); give --tpu_zone and --tpu_project, or tpu:local on it"


def _precision(training: Training, kind: str) -> tuple[str, str]:
    if training.precision != "auto":
        return training.precision, "as configured"
    if kind != "CPU":
        return "bfloat16", kind
    if cpu_multiplies_bfloat16():
        return "bfloat16", "the CPU multiplies bfloat16"
    return "float32", "the CPU does not multiply bfloat16"


def _compiled(training: Training, on_gpu: bool, precision: str, strategy) -> bool:
    """Decide for XLA; on CPU only oneDNN's graph kernels use the bfloat16 instructions.

    Replicas are not compiled: their optimizer calls `merge_call`, which a compiled step may not.
    """
    if _is_mirrored(strategy):
        if training.compile == "xla":
            raise InputError(NO_XLA_ON_REPLICAS)
        return False
    if training.compile != "auto":
        return training.compile == "xla"
    return on_gpu or precision == "float32"


def _is_mirrored(strategy: tf.distribute.Strategy) -> bool:
    """Say whether replicas sync, also of one worker alone, whose strategy is that of several."""
    several = strategy.num_replicas_in_sync > 1
    return several or isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def cpu_multiplies_bfloat16() -> bool:
    """Say whether this CPU has AVX512-BF16 or AMX-BF16; False where that cannot be read."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
