"""Answers from a LiteRT file: int8 weights, one graph a length, a text at a time on each core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfsocial.errors import InputError
from tfsocial.extras import library
from tfsocial.serving import signature, versions
from tfsocial.serving.token_model import Block, Outputs, TokenModel, Worker, cores, feed, inputs

MOST_WORKERS = 4  # each holds its own copy of the weights in the layout of its kernels
PREFIX = "tokens_"  # of a signature's name; its length follows


class LiteRTPredictor(TokenModel):
    """A version that `tfsocial export --format=litert` wrote."""

    def __init__(self, folder: Path):
        """Load it.

        Raises:
            InputError: ai-edge-litert is not installed, or the file is broken.
        """
        columns = inputs(len(signature.read_manifest(folder).text_columns))
        path = folder / versions.GRAPHS["litert"]
        interpreters = [_interpreter(path) for _ in range(min(cores(), MOST_WORKERS))]
        names = interpreters[0].get_signature_list()
        lengths = sorted(int(name.removeprefix(PREFIX)) for name in names)
        workers = [_worker(interpreter, columns) for interpreter in interpreters]
        super().__init__(folder, workers, lengths, tokens=1)  # so one text is a block


def _interpreter(path: Path) -> Any:
    interpreter: Any = library("ai_edge_litert.interpreter", "ai-edge-litert", "litert", str(path))
    try:
        return interpreter.Interpreter(str(path), num_threads=1)
    except ValueError as error:
        raise InputError(f"{path}: cannot be loaded ({error}); export the model again") from None


def _worker(interpreter: Any, columns: tuple[str, ...]) -> Worker:
    """Make a function that runs the graph of a block's length; graphs are set up when needed."""
    graphs: dict[int, Callable[..., Outputs]] = {}

    def work(block: Block) -> Outputs:
        length = block.token_ids.shape[1]
        if length not in graphs:
            graphs[length] = interpreter.get_signature_runner(f"{PREFIX}{length}")
        return graphs[length](**feed(block, columns))

    return work
