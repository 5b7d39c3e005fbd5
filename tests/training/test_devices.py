"""From a word to a strategy, on machines that are pretended."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Training
from tfsocial.errors import InputError
from tfsocial.training import devices
from tfsocial.training.devices import Device


class NamedStrategy:
    """Stands in for a strategy on GPUs that are not there."""

    def __init__(self, name: str, replicas: int):
        self.name, self.num_replicas_in_sync = name, replicas


@pytest.fixture
def machine(monkeypatch):
    """Pretends so many GPUs and a CPU with or without bfloat16 products."""

    def pretend(gpus: int = 0, bfloat16: bool = False) -> None:
        listed = [f"GPU:{number}" for number in range(gpus)]
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: listed)
        monkeypatch.setattr(devices, "cpu_multiplies_bfloat16", lambda: bfloat16)
        one, all_ = "OneDeviceStrategy", "MirroredStrategy"
        monkeypatch.setattr(tf.distribute, one, lambda name: NamedStrategy(name, 1))
        monkeypatch.setattr(
            tf.distribute, all_, lambda names: NamedStrategy("mirrored", len(names))
        )

    return pretend


def chosen(device: str, **training) -> Device:
    return devices.choose(device, Training(**training))


class TestErrors:
    """What this machine does not have."""

    @pytest.mark.parametrize(
        ("device", "answer"),
        [
            ("gpux", "did you mean gpu"),
            ("cpux", "did you mean cpu"),
            ("tpu", "allowed: auto, cpu, cpu:N, gpu, gpu:N, mirrored, multi_worker, tpu:local"),
            ("cpu:0", "allowed"),
            ("gpu:two", "allowed"),
            ("mirrored:2", "allowed"),
            ("", "allowed"),
        ],
    )
    def test_unknown_device(self, machine, device, answer):
        """The flag is named with what was found, and the nearest or all that is allowed."""
        machine()
        with pytest.raises(InputError, match=f"--device={device}: {answer}"):
            chosen(device)

    @pytest.mark.parametrize("device", ["gpu", "mirrored"])
    def test_no_gpu(self, machine, device):
        """Without a GPU the answer says what to use instead."""
        machine(gpus=0)
        with pytest.raises(InputError, match=f"--device={device}: .*no GPU.*--device=cpu"):
            chosen(device)


class TestStrategy:
    """Where the variables go."""

    def test_auto_without_gpu_is_the_plain_cpu(self, machine):
        """No strategy where none is needed."""
        machine(gpus=0)
        assert chosen("auto").strategy is tf.distribute.get_strategy()
        assert chosen("cpu").strategy is tf.distribute.get_strategy()

    @pytest.mark.parametrize(
        ("device", "gpus", "expected"),
        [
            ("auto", 1, ("GPU:0", 1)),
            ("gpu", 1, ("GPU:0", 1)),
            ("auto", 2, ("mirrored", 2)),
            ("gpu", 2, ("GPU:0", 1)),
            ("gpu:2", 3, ("mirrored", 2)),
            ("mirrored", 2, ("mirrored", 2)),
            ("mirrored", 1, ("GPU:0", 1)),
            ("cpu", 1, ("CPU:0", 1)),
            ("cpu", 2, ("CPU:0", 1)),
        ],
    )
    def test_with_gpus(self, machine, device, gpus, expected):
        """auto takes all GPUs, gpu the first, cpu none."""
        machine(gpus=gpus)
        strategy = chosen(device).strategy
        assert (strategy.name, strategy.num_replicas_in_sync) == expected

    def test_more_gpus_than_there_are(self, machine):
        """The answer says how many TensorFlow sees."""
        machine(gpus=2)
        with pytest.raises(InputError, match=r"--device=gpu:4: TensorFlow sees 2 GPUs here"):
            chosen("gpu:4")

    def test_cpus_are_replicas(self, two_cpus):
        """cpu:2 on a TensorFlow that has started with two; with three it cannot be."""
        assert chosen("cpu:2").strategy.num_replicas_in_sync == 2
        with pytest.raises(InputError, match=r"--device=cpu:3: .*start a new one"):
            chosen("cpu:3")

    def test_nobody_says_who_the_workers_are(self, monkeypatch):
        monkeypatch.delenv("TF_CONFIG", raising=False)
        monkeypatch.delenv("SLURM_STEP_NODELIST", raising=False)
        with pytest.raises(InputError, match=r"--device=multi_worker: neither TF_CONFIG nor"):
            chosen("multi_worker")

    def test_there_is_no_tpu(self):
        """The real resolver on a machine without one: a sentence, and what to do."""
        with pytest.raises(InputError, match=r"--device=tpu:local: .*BUILD\.md"):
            chosen("tpu:local")

    def test_a_tpu_compiles_by_itself(self):
        """Keras must not be told to; dropout must know all the same. A strategy stands in."""
        device = devices._device(NamedStrategy("tpu", 8), Training(), "TPU")
        assert (device.jit_compile, device.xla, device.precision) == (False, True, "bfloat16")
        assert device.reason == "8 x TPU, XLA, bfloat16 (TPU)"


class TestPrecisionAndCompiler:
    """bfloat16 where it is multiplied; XLA where it helps."""

    @pytest.mark.parametrize(
        ("device", "gpus", "bfloat16", "expected"),
        [
            ("auto", 0, False, ("float32", True)),
            # oneDNN has the CPU's bfloat16 products, XLA does not.
            ("auto", 0, True, ("bfloat16", False)),
            ("auto", 1, False, ("bfloat16", True)),
            ("auto", 2, False, ("bfloat16", False)),
            ("cpu", 1, False, ("float32", True)),
        ],
    )
    def test_auto(self, machine, device, gpus, bfloat16, expected):
        """What is chosen when the config leaves both open."""
        machine(gpus, bfloat16)
        device = chosen(device)
        assert (device.precision, device.jit_compile) == expected

    @pytest.mark.parametrize("precision", ["float32", "bfloat16"])
    @pytest.mark.parametrize(("compiler", "jit"), [("xla", True), ("graph", False)])
    def test_config_has_the_last_word(self, machine, precision, compiler, jit):
        """Both can be set, on any machine."""
        for gpus in (0, 1):
            machine(gpus=gpus, bfloat16=gpus == 0)
            device = chosen("auto", precision=precision, compile=compiler)
            assert (device.precision, device.jit_compile) == (precision, jit)

    def test_replicas_are_not_compiled(self, machine):
        """A step that several share cannot be; asking for it ends before TensorFlow's traceback."""
        machine(gpus=2)
        with pytest.raises(InputError, match=r"training\.compile=xla: .*leave it at auto"):
            chosen("auto", compile="xla")

    @pytest.mark.parametrize(
        ("device", "gpus", "bfloat16", "reason"),
        [
            ("auto", 0, False, "CPU, XLA, float32 (the CPU does not multiply bfloat16)"),
            ("auto", 0, True, "CPU, TensorFlow graph, bfloat16 (the CPU multiplies bfloat16)"),
            ("auto", 2, False, "2 x GPU, TensorFlow graph, bfloat16 (GPU)"),
            ("cpu", 2, False, "CPU, XLA, float32 (the CPU does not multiply bfloat16)"),
        ],
    )
    def test_says_what_and_why(self, machine, device, gpus, bfloat16, reason):
        """One line for the log."""
        machine(gpus, bfloat16)
        assert chosen(device).reason == reason

    def test_says_when_it_was_told(self, machine):
        """A configured precision is called so."""
        machine()
        assert "bfloat16 (as configured)" in chosen("cpu", precision="bfloat16").reason


class TestScope:
    """Variables made inside live on the device and compute in its precision."""

    @pytest.mark.parametrize(
        ("precision", "policy"), [("float32", "float32"), ("bfloat16", "mixed_bfloat16")]
    )
    def test_policy_holds_inside_and_is_restored(self, precision, policy):
        """Layers made inside have the policy; afterwards the one of before is back."""
        before = keras.mixed_precision.global_policy().name
        with devices.scope(Device(tf.distribute.get_strategy(), False, False, precision, "")):
            layer = keras.layers.Dense(1)
        assert layer.dtype_policy.name == policy
        assert keras.mixed_precision.global_policy().name == before

    def test_restores_a_policy_that_was_not_the_default(self):
        """Whatever held before holds again."""
        keras.mixed_precision.set_global_policy("float64")
        try:
            with devices.scope(Device(tf.distribute.get_strategy(), False, False, "bfloat16", "")):
                pass
            assert keras.mixed_precision.global_policy().name == "float64"
        finally:
            keras.mixed_precision.set_global_policy("float32")

    def test_restores_after_an_error(self):
        """An exception inside leaves no policy behind."""
        before = keras.mixed_precision.global_policy().name
        device = Device(tf.distribute.get_strategy(), False, False, "bfloat16", "")
        with pytest.raises(ZeroDivisionError), devices.scope(device):
            raise ZeroDivisionError
        assert keras.mixed_precision.global_policy().name == before

    def test_enters_the_strategy(self, two_cpus):
        """Variables are mirrored inside and plain outside."""
        with devices.scope(Device(two_cpus, False, False, "float32", "")):
            inside = tf.Variable(1.0)
            assert tf.distribute.get_strategy() is two_cpus
        assert len(two_cpus.experimental_local_results(inside)) == 2
        assert tf.distribute.get_strategy() is not two_cpus


class TestCpuFlags:
    """What /proc/cpuinfo says."""

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            ("flags : fpu avx2 avx512f avx512_bf16 amx_tile", True),
            ("flags : fpu avx2 amx_bf16 amx_tile amx_int8", True),
            ("flags : fpu avx2 avx512f avx512_vnni", False),
            ("", False),
        ],
    )
    def test_reads_the_flags(self, monkeypatch, flags, expected):
        """AVX512-BF16 or AMX-BF16, whichever it has."""
        monkeypatch.setattr(Path, "read_text", lambda *_, **__: flags)
        assert devices.cpu_multiplies_bfloat16() is expected

    def test_other_systems_have_no_such_file(self, monkeypatch):
        """Not readable is not known, and not known is no."""

        def missing(*_, **__):
            raise FileNotFoundError

        monkeypatch.setattr(Path, "read_text", missing)
        assert devices.cpu_multiplies_bfloat16() is False


class TestTogether:
    """What of TensorFlow's errors is said of another worker."""

    def test_a_worker_that_is_gone_is_one_sentence(self, monkeypatch):
        """Only where there are several."""
        error = tf.errors.UnavailableError(None, None, "Connection reset\nmore")
        with pytest.raises(tf.errors.UnavailableError), devices.together(NamedStrategy("one", 1)):
            raise error
        monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", NamedStrategy)
        with (
            pytest.raises(devices.WorkerGone, match=r"is gone \(Connection reset\); start all"),
            devices.together(NamedStrategy("several", 2)),
        ):
            raise error

    def test_want_of_memory_is_this_workers_own(self, monkeypatch):
        """The others are well; the command says what to do about it."""
        monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", NamedStrategy)
        with (
            pytest.raises(tf.errors.ResourceExhaustedError),
            devices.together(NamedStrategy("several", 2)),
        ):
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
