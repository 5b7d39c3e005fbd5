"""Whether an environment can train on this machine's TPU: its wheels, its runtime, one step's sums.

    python install/check_tpu.py

Wheels first, without importing any: with the wrong ones the import alone may end the process.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What has no TPU runtime and writes over the files of what has, or wants another libtpu.
UNFIT = ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "jax", "jaxlib", "torch-xla")
LONGEST = 300  # seconds; off Google's cloud libtpu asks a server that is not there again and again

CANARY = """
import tensorflow as tf
resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="local")
tf.tpu.experimental.initialize_tpu_system(resolver)
strategy = tf.distribute.TPUStrategy(resolver)
sums = tf.function(lambda: strategy.run(lambda: tf.reduce_sum(tf.matmul(*[tf.ones([8, 8])] * 2))))
values = [float(value) for value in strategy.experimental_local_results(sums())]
assert values == [512.0] * strategy.num_replicas_in_sync, values
print(f"TPU found: {strategy.num_replicas_in_sync} cores, and each of them can add")
"""


def wanted() -> dict[str, str]:
    """Distribution -> version, of requirements-tpu.txt."""
    text = (HERE / "requirements-tpu.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def installed() -> dict[str, str]:
    """Distribution, in lower case and with hyphens -> version."""
    return {
        re.sub(r"[-_.]+", "-", found.name).lower(): found.version
        for found in metadata.distributions()
    }


def faults(found: dict[str, str]) -> list[str]:
    """What is wrong with these wheels, a sentence each."""
    wrong = [
        f"{name} is {found.get(name, 'missing')} and must be {version}"
        for name, version in wanted().items()
        if found.get(name) != version
    ]
    return wrong + [f"{name} {found[name]} must not be here" for name in UNFIT if name in found]


def runtime() -> str | None:
    """What keeps the TPU from answering; None if it does. In a process that may hang or abort."""
    command = [sys.executable, "-c", CANARY]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    try:
        run = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return f"nothing answered in {LONGEST} s"
    if run.returncode == 0:
        print(run.stdout.strip())
        return None
    return reason(run.stderr.strip().splitlines()) or f"the process ended with {run.returncode}"


def reason(lines: list[str]) -> str | None:
    """The last line that is not indented: an exception's own, or what TensorFlow adds to it.

    >>> reason(["Traceback", "InternalError: in a graph", "RET_CHECK failure", " {{a}}"])
    'RET_CHECK failure'
    """
    return next((line.strip() for line in reversed(lines) if line and not line[0].isspace()), None)


def main() -> int:
    """0 the TPU answers; 1 the wheels are wrong; 3 they are right and there is no TPU."""
    wrong = faults(installed())
    if wrong:
        print(f"wrong wheels: {'; '.join(wrong)}; run install/install_tpu.sh", file=sys.stderr)
        return 1
    print("wheels: right")
    missing = runtime()
    if missing:
        print(f"no TPU found: {missing}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
