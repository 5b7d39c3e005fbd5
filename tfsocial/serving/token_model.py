"""What the fast forms of a model have in common: token ids in, one small batch a core.

Texts are tokenized here, sorted by length and padded to one of a few lengths; each core works on
blocks of its own. No TensorFlow is imported.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfsocial.serving import signature
from tfsocial.serving.predictor import Predictions, Predictor
from tfsocial.text.host_tokenizer import HostTokenizer, Ids

TOKEN_IDS, TYPE_IDS = "token_ids", "type_ids"  # names of a graph's inputs

Outputs = Mapping[str, np.ndarray]


class Block(NamedTuple):
    """Texts that are computed together.

    Attributes:
        places: int [n], which of all the texts they are.
        token_ids, type_ids: int32 [n, length], 0 where there is no token.
    """

    places: np.ndarray
    token_ids: np.ndarray
    type_ids: np.ndarray


Worker = Callable[[Block], Outputs]


class TokenModel(Predictor):
    """A model in a form that takes token ids; safe to be called from several threads."""

    def __init__(
        self, folder: Path, workers: Sequence[Worker], lengths: Sequence[int], tokens: int
    ):
        """Take what runs the graph.

        Args:
            workers: functions, each for one thread at a time; as many blocks are computed at once.
            lengths: what a block is padded to, ascending.
            tokens: of a block, padding included, unless one text alone has more.
        """
        self.manifest = signature.read_manifest(folder)
        self._tokenizer = HostTokenizer.load(folder, self.manifest.row_length)
        self._lengths, self._tokens = lengths, tokens
        self._count, self._workers = len(workers), queue.SimpleQueue[Worker]()
        for worker in workers:
            self._workers.put(worker)
        self._threads = ThreadPoolExecutor(self._count)

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Predictions:
        encoded = self._tokenizer(texts)
        sorted_blocks = blocks(encoded, self._lengths, self._tokens)
        computed = self._compute(sorted_blocks)
        order = np.argsort(np.concatenate([block.places for block in sorted_blocks]))
        joined = {
            name: np.concatenate([outputs[name] for outputs in computed])[order]
            for name in computed[0]
        }
        return signature.predictions(self.manifest, joined)

    def _compute(self, sorted_blocks: Sequence[Block]) -> list[Outputs]:
        """Compute blocks, dealt out in turn: each worker has short and long ones."""
        if len(sorted_blocks) == 1:
            return self._work(sorted_blocks)
        outputs: list[Outputs] = [{}] * len(sorted_blocks)
        shares = [sorted_blocks[start :: self._count] for start in range(self._count)]
        for start, share in enumerate(self._threads.map(self._work, shares)):
            outputs[start :: self._count] = share
        return outputs

    def _work(self, share: Sequence[Block]) -> list[Outputs]:
        worker = self._workers.get()
        try:
            return [worker(block) for block in share]
        finally:
            self._workers.put(worker)


def blocks(encoded: Ids, lengths: Sequence[int], tokens: int) -> list[Block]:
    """Put texts of about one length together.

    Args:
        encoded: (token ids, type ids) of n texts.
        lengths: what a block may be padded to, ascending; none of the texts is longer.
        tokens: of a block at most, unless one text alone has more.

    >>> ids = [np.arange(1, n + 1) for n in (2, 5, 1)]
    >>> [(b.places.tolist(), b.token_ids.tolist()) for b in blocks([*zip(ids, ids)], (2, 6), 4)]
    [([2, 0], [[1, 0], [1, 2]]), ([1], [[1, 2, 3, 4, 5, 0]])]
    """
    sizes = np.array([len(ids) for ids, _ in encoded])
    padded = np.asarray(lengths)[np.searchsorted(lengths, sizes)]
    order = np.argsort(sizes, kind="stable")
    found = []
    for length in np.unique(padded):
        alike = order[padded[order] == length]
        most = max(1, tokens // length)
        for start in range(0, len(alike), most):
            found.append(_padded(encoded, alike[start : start + most], length))
    return found


def _padded(encoded: Ids, places: np.ndarray, length: int) -> Block:
    ids, types = np.zeros([2, len(places), length], np.int32)
    for row, place in enumerate(places):
        size = len(encoded[place][0])
        ids[row, :size], types[row, :size] = encoded[place]
    return Block(places, ids, types)


def feed(block: Block, inputs: Sequence[str]) -> dict[str, np.ndarray]:
    """Name a block's arrays as a graph's inputs: one text column needs no types."""
    named = {TOKEN_IDS: block.token_ids, TYPE_IDS: block.type_ids}
    return {name: named[name] for name in inputs}


def inputs(columns: int) -> tuple[str, ...]:
    """Name the inputs of the graph of a model with one or two text columns."""
    return (TOKEN_IDS, TYPE_IDS)[:columns]


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0))
