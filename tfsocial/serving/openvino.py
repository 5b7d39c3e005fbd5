"""Answers from an OpenVINO model: bfloat16 where the CPU has it, batches of one length."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial import extras
from tfsocial.errors import InputError
from tfsocial.serving import signature, versions
from tfsocial.serving.token_model import Block, Outputs, TokenModel, Worker, feed, inputs

STEP = 8  # lengths are multiples of it: each new shape is compiled once
TOKENS = 1024  # of a block: enough for the kernels, little enough for the caches
SETTINGS = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "THROUGHPUT"}


class OpenVINOPredictor(TokenModel):
    """A version that `tfsocial export --format=openvino` wrote."""

    def __init__(self, folder: Path):
        """Load and compile it.

        Raises:
            InputError: openvino is not installed, or the file is broken.
        """
        manifest = signature.read_manifest(folder)
        columns = inputs(len(manifest.text_columns))
        compiled = _compiled(folder / versions.GRAPHS["openvino"])
        streams = compiled.get_property("NUM_STREAMS")
        workers = [_worker(compiled.create_infer_request(), columns) for _ in range(streams)]
        steps = range(STEP, manifest.row_length, STEP)
        super().__init__(folder, workers, (*steps, manifest.row_length), TOKENS)


def library(where: str) -> Any:
    """Import openvino.

    Raises:
        InputError: it is not installed; begins with `where`.
    """
    return extras.library("openvino", "openvino", "openvino", where)


@functools.cache
def _core() -> Any:
    """Give the process's only core, which lives as long as it does.

    One that compiles gives the thread a stack for signals, and takes it back when it goes: of two
    that go in another order than they came a freed one is left, and the next Ctrl-C is a
    segmentation fault.

    Its binding makes something once, when the first tensor's `data` is read. Two threads that are
    the first wait for each other for ever, one with that lock and one with Python's: so it is
    read here, before there are two.
    """
    openvino = library("openvino")
    openvino.Tensor(np.zeros(1, np.float32)).data  # noqa: B018
    return openvino.Core()


def _compiled(path: Path) -> Any:
    library(str(path))
    try:
        return _core().compile_model(path, "CPU", SETTINGS)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"{path}: cannot be loaded ({reason}); export the model again") from None


def _worker(request: Any, columns: Sequence[str]) -> Worker:
    def work(block: Block) -> Outputs:
        answered = request.infer(feed(block, columns))
        return {output.get_any_name(): values for output, values in answered.items()}

    return work
