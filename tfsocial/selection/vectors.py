"""The numbers of many texts, kept in a file: computed once, gone on with when broken off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tfsocial import files
from tfsocial.selection.readers import Reader
from tfsocial.selection.reading import TextTuple

AT_ONCE = 4096  # texts between two looks at the disk


def numbers(texts: Sequence[TextTuple], reader: Reader, folder: Path) -> np.ndarray:
    """Read texts, float32 [n, width]; it lies in a file below the folder.

    Of a call that was killed, what was written stays: the same call goes on there. Other texts
    or another reader have a file of their own.

    Args:
        texts: n of them, 1 or more.
    """
    place = folder / _key(texts, reader)
    place.mkdir(parents=True, exist_ok=True)
    progress = place / "progress.json"
    done = json.loads(progress.read_text("utf-8"))["rows"] if progress.is_file() else 0
    array: np.ndarray | None = np.load(place / "numbers.npy", mmap_mode="r+") if done else None
    with tqdm(total=len(texts), initial=done, desc="texts read", disable=None) as bar:
        for start in range(done, len(texts), AT_ONCE):
            some = reader(texts[start : start + AT_ONCE])
            if array is None:
                array = _new(place / "numbers.npy", (len(texts), some.shape[1]))
            array[start : start + len(some)] = some
            array.flush()  # type: ignore[attr-defined]
            files.write_text(progress, json.dumps({"rows": start + len(some)}))
            bar.update(len(some))
    assert array is not None
    return array


def _new(path: Path, shape: tuple[int, int]) -> np.ndarray:
    return np.lib.format.open_memmap(path, "w+", np.float32, shape)


def _key(texts: Sequence[TextTuple], reader: Reader) -> str:
    digest = hashlib.sha256(reader.key.encode())
    for columns in texts:
        for text in columns:
            digest.update(text.encode())
            digest.update(b"\0")
        digest.update(b"\n")
    return digest.hexdigest()[:16]
