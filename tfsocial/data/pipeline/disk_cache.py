"""Tokens and the rows they fill, in files that are mapped into memory; later runs read them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsocial import files
from tfsocial.data.examples import Examples
from tfsocial.data.pipeline.tokenization import AllTokens, TokenBlock
from tfsocial.data.reading import mmap_columns
from tfsocial.text.tokenizer import Tokenizer


def content_key(examples: Examples, tokenizer: Tokenizer, row_length: int) -> str:
    """Hash what decides the tokens: the texts, the tokenizer and the length of a row."""
    digest = hashlib.sha256(f"{tokenizer.fingerprint} {row_length}".encode())
    for column in (examples.text, examples.pair or ()):
        for text in column:
            digest.update(f"{len(text)} ".encode() + text.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


_ON_DISK = {"tokens": np.int32, "types": np.int32, "splits": np.int64, "truncated": np.int64}


def on_disk(folder: Path, blocks: Iterator[TokenBlock]) -> AllTokens:
    """Map what lies in the folder; write it first where it is not there."""
    made_folder(folder, lambda partial: _write(partial, blocks))
    tokens, types, splits = (
        as_tensor(mmap_columns.mapped(folder / name, _ON_DISK[name]))
        for name in ("tokens", "types", "splits")
    )
    return AllTokens(tokens, types, splits, int(np.fromfile(folder / "truncated", np.int64)[0]))


def made_folder(folder: Path, write: Callable[[Path], None]) -> Path:
    """Return the folder; where it is not there, write it whole or not at all."""
    if not folder.is_dir():
        try:
            with files.making(folder) as partial:
                write(partial)
        except OSError:
            if not folder.is_dir():  # else another worker was faster
                raise
    return folder


def _write(folder: Path, blocks: Iterator[TokenBlock]) -> None:
    """Write bare numbers of `_ON_DISK`'s types, in the machine's byte order."""
    with contextlib.ExitStack() as stack:
        streams = {name: stack.enter_context((folder / name).open("wb")) for name in _ON_DISK}
        end, cut = np.zeros(1, np.int64), 0
        end.tofile(streams["splits"])
        for block in blocks:
            ends = end + np.cumsum(block.lengths)
            for name, values in zip(_ON_DISK, (block.tokens, block.types, ends), strict=False):
                values.astype(_ON_DISK[name]).tofile(streams[name])
            end, cut = ends[-1:], cut + block.truncated
        np.array([cut], np.int64).tofile(streams["truncated"])


def as_tensor(numbers: np.ndarray) -> tf.Tensor:
    """Make a tensor of the same shape and type, without a copy where the numbers are mapped."""
    if isinstance(numbers, np.memmap):
        return tf.experimental.dlpack.from_dlpack(numbers.__dlpack__())
    return tf.constant(numbers)
