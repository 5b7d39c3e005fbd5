"""What all tests share: quiet TensorFlow, no network, two CPUs, and a tiny encoder.

The two logical CPUs are for the tests that train two replicas; a test under XLA or of a single
device runs on the first one and does not notice the other.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import tempfile

# What TensorFlow writes to the temporary folder (a file for each function it converts) stays there
# when a test process or a run ends without ceremony, as those of pytest-xdist do. So all of a
# suite's processes get a folder of their own, which its first one removes; `tmp_path` stays.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix="tfsocial-tests-")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # as the commands do; read by TensorFlow's import
os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported
# Tiny models are compiled far longer than they run; read when TensorFlow is imported.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true"
)

import debian_servers
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import settings

from tfsocial.models.encoder import BertConfig, PackedBert
from tfsocial.text.tokenizer import Tokenizer

# A slow machine is not a wrong answer.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Graphs are rewritten longer than tiny models run.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})

# Only possible before TensorFlow's first op, so here and not in a fixture.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

# Each runs in an environment of its own: with PyTorch, with an old TensorFlow, with Beam.
collect_ignore = [
    "reference/make_calibration.py",
    "reference/make_reference.py",
    "serving/old_runtime/ask_golden.py",
    "serving/on_beam/bucket.py",
]

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
VOCABULARY = [*SPECIALS, *LETTERS, "##s", "?", "card", "late"]  # 35 tokens; "a" is 5


def pytest_unconfigure():
    """Removes the suite's temporary folder, once all workers are gone."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)


def pytest_collection_finish():
    """What is imported stays, and what is traced is much: garbage is looked for less often."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the marks
def pytest_collection_modifyitems(items):
    """Two replicas are traced twice and computed in turns: all of their tests are long ones.

    Those of minutes begin first, so that at the end no process waits for one of them.
    """
    for item in items:
        if "two_cpus" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.long)
    items.sort(key=lambda item: -_minutes(item))


def _minutes(item: pytest.Item) -> float:
    """How long a test is said to take; 0 is not long."""
    mark = item.get_closest_marker("long")
    return mark.kwargs.get("minutes", 0.5) if mark else 0.0


@pytest.fixture(autouse=True)
def _seeded():
    """Every test starts from the same random state, alone or among others."""
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def _old_graphs_stay():
    """What a module leaves behind stays: TensorFlow keeps its graphs, and looking through
    gigabytes of them for garbage takes seconds each time.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_signals():
    """No test leaves a handler of its own to the next one."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """Knows the letters and few words; ids are places in `VOCABULARY`."""
    return Tokenizer(VOCABULARY)


@pytest.fixture
def tiny_config() -> BertConfig:
    """An encoder of 2 layers, 4 heads and width 32 over `VOCABULARY`."""
    return BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )


@pytest.fixture
def tiny_encoder(tiny_config) -> PackedBert:
    """A tiny encoder in which each token moves all it can reach."""
    encoder = PackedBert(tiny_config, name="encoder")
    encoder.build()
    _randomize(encoder)
    return encoder


@pytest.fixture
def under_bfloat16():
    """Layers made in the test compute in bfloat16."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_global_policy(before)


@pytest.fixture(scope="session")
def randomize():
    """`randomize(layer, seed=0, scale=0.3)`: see `_randomize`."""
    return _randomize


def _randomize(layer: tf.Module, seed: int = 0, scale: float = 0.3) -> None:
    """Moves every weight away from where it is, by a normal draw.

    A fresh BERT has kernels so small that its attention is almost uniform and its layer
    norms are the identity: much that is wrong with it would not show.
    """
    source = np.random.default_rng(seed)
    for variable in layer.variables:
        if variable.dtype.is_floating:
            variable.assign_add(source.normal(scale=scale, size=variable.shape).astype(np.float32))


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    """URL of a real PostgreSQL server, one for all tests of a process."""
    with debian_servers.postgresql(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture
def unused_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def redis_address(unused_port, tmp_path):
    """URL of a real Redis, empty."""
    with debian_servers.redis(tmp_path, unused_port) as url:
        yield url


@pytest.fixture
def nats_address(unused_port, tmp_path):
    """URL of a real NATS server with JetStream, empty."""
    with debian_servers.nats(tmp_path, unused_port) as url:
        yield url
