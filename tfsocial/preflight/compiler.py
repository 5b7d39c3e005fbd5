"""The TPU compiler, asked in a process of its own environment."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tfsocial.errors import InputError

SCRIPT = Path(__file__).parent / "compile_for_tpu.py"
ENVIRONMENT = Path(__file__).parents[2] / ".venv-preflight"


class Counts(NamedTuple):
    """What the compiler says of a step on one chip; bytes, operations, seconds of compiling.

    Attributes:
        device: the chip's name.
        arguments: weights, what the optimizer remembers, the batch.
        results: what does not go back into its argument's place.
        traffic: bytes read and written, by every instruction; some of it never leaves the chip.
        cycles: sum of the compiler's estimates for the instructions.
    """

    device: str
    arguments: int
    results: int
    temporaries: int
    code: int
    flops: float
    traffic: float
    cycles: int
    seconds: float

    @property
    def memory(self) -> int:
        """Bytes of HBM the step needs."""
        return self.arguments + self.results + self.temporaries + self.code


class NotCompiled(Exception):
    """The compiler refuses the step; `names` are those of the place it speaks of."""

    def __init__(self, message: str, names: tuple[str, ...] = ()):
        super().__init__(message)
        self.names = names


class OutOfMemory(NotCompiled):
    """The step needs more HBM than the chip has."""


def existing(python: Path) -> Path:
    """Check that the Python of `--compiler` is there.

    Raises:
        InputError: there is none.
    """
    if not python.exists():
        raise InputError(
            f"--compiler={python}: there is no such Python; make preflight-env makes one with "
            "the TPU compiler"
        )
    return python


def compile_step(module: str, topology: str, python: Path) -> Counts:
    """Compile StableHLO text for one chip of a slice.

    Args:
        python: of the environment with the TPU compiler.

    Raises:
        NotCompiled: the compiler says no; `OutOfMemory` if for want of memory.
        InputError: no compiler runs there, or there is no such slice.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.mlir"
        path.write_text(module, "utf-8")
        command = [str(python), str(SCRIPT), f"--module={path}", f"--topology={topology}"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    return _counts(run, topology, python)


def _counts(run: subprocess.CompletedProcess, topology: str, python: Path) -> Counts:
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise InputError(f"--compiler={python}: the TPU compiler does not run ({last})")
    said = json.loads(run.stdout)
    if "topology_error" in said:
        raise InputError(f"--topology={topology}: {said['topology_error']}")
    if "error" not in said:
        return Counts(**said)
    kind = OutOfMemory if said["error"].startswith("RESOURCE_EXHAUSTED") else NotCompiled
    raise kind(said["error"], tuple(said["names"]))
