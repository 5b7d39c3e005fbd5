"""Columns of numbers and of texts that lie in files instead of in memory, for data of any size.

The files have no names and are gone with the process, however that ends. What is read of them is
mapped into memory: the system takes the pages back when it needs them.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any, overload

import numpy as np

_BLOCK = 4096  # texts whose bytes are fetched together by who reads them all
_NUMBERS = 2**16  # that are in memory before they are written together


# --- numbers ---------------------------------------------------------------------------


class Numbers:
    """A column of numbers of one type that grows.

    Args:
        type: as `array` names it: "i" int32, "q" int64, "f" float32.
        folder: where its file is to lie; None: it stays in memory.

    >>> column = Numbers("i", str(getfixture("tmp_path")))
    >>> for number in (3, 1):
    ...     column.append(number)
    >>> column.extend(np.arange(2))
    >>> column.stored().tolist(), len(column)
    ([3, 1, 0, 1], 4)
    """

    def __init__(self, type: str, folder: str | None = None):
        self._recent: array[Any] = array(type)  # of int or float, as the type says
        self._file = _nameless(folder) if folder else None
        self._written = 0

    def __len__(self) -> int:
        return self._written + len(self._recent)

    def append(self, number: float) -> None:
        self._recent.append(number)
        if self._file and len(self._recent) >= _NUMBERS:
            self._write(self._file)

    def extend(self, numbers: np.ndarray) -> None:
        """Append numbers of any shape, as one row."""
        self._recent.frombytes(np.asarray(numbers, self._recent.typecode).tobytes())
        if self._file:
            self._write(self._file)

    def stored(self) -> np.ndarray:
        """Return all of them, [n]; nothing is to be added afterwards."""
        if self._file is None or not len(self):
            return np.asarray(self._recent)
        self._write(self._file)
        return mapped(self._file, self._recent.typecode)

    def _write(self, file: IO[bytes]) -> None:
        self._recent.tofile(file)
        file.flush()
        self._written += len(self._recent)
        del self._recent[:]


def mapped(file: Path | IO[bytes], type: np.typing.DTypeLike) -> np.memmap:
    """Map the numbers of a file, which holds some, without reading them."""
    # Private and writable, which is what DLPack wants to hand on; nobody writes.
    return np.memmap(file, type, "c")


def gathered(rows: np.ndarray, which: np.ndarray, folder: str | None) -> np.ndarray:
    """Gather rows[which], int32 or float32 [n, ...], a part at a time.

    >>> gathered(np.float32([[0, 1], [2, 3]]), np.array([1, 0, 1]), None).tolist()
    [[2.0, 3.0], [0.0, 1.0], [2.0, 3.0]]
    """
    numbers = Numbers(rows.dtype.char, folder)
    for start in range(0, len(which), _NUMBERS):
        numbers.extend(rows[which[start : start + _NUMBERS]])
    return numbers.stored().reshape(-1, *rows.shape[1:])


def _nameless(folder: str) -> IO[bytes]:
    os.makedirs(folder, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)


# --- texts -----------------------------------------------------------------------------


class Store:
    """One file for the texts of several columns."""

    def __init__(self, folder: str):
        self.folder = folder
        self._file = _nameless(folder)
        self._end, self._flushed = 0, True

    def write(self, data: bytes) -> int:
        """Append bytes; return where they begin."""
        begin = self._end
        self._file.write(data)
        self._end, self._flushed = begin + len(data), False
        return begin

    def read(self, begin: int, size: int) -> bytes:
        """Read so many bytes from where `write` began them."""
        if not self._flushed:
            self._file.flush()
            self._flushed = True
        return os.pread(self._file.fileno(), size, begin)


class Column:
    """A column of texts while it is read; grows like a list."""

    def __init__(self, store: Store):
        self._store = store
        self._begin, self._size = Numbers("q", store.folder), Numbers("i", store.folder)

    def __len__(self) -> int:
        return len(self._size)

    def append(self, text: str) -> None:
        data = text.encode()
        self._begin.append(self._store.write(data))
        self._size.append(len(data))

    def stored(self) -> StoredTexts:
        """Return all of them; nothing is to be added afterwards."""
        return StoredTexts(self._store, self._begin.stored(), self._size.stored())


@dataclass(frozen=True, eq=False)
class StoredTexts(Sequence[str]):
    """Texts in a file, in any order.

    Attributes:
        begin: int64 [n], where each begins there.
        size: int32 [n], its bytes in UTF-8.

    >>> column = Column(Store(str(getfixture("tmp_path"))))
    >>> for text in ("where is", "mein Läppli", "?"):
    ...     column.append(text)
    >>> texts = column.stored()
    >>> texts[1], texts[-1], texts[:2], list(texts.taken(np.array([2, 0])))
    ('mein Läppli', '?', ['where is', 'mein Läppli'], ['?', 'where is'])
    """

    store: Store
    begin: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.size)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(self.taken(place))
        return self.store.read(int(self.begin[place]), int(self.size[place])).decode()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BLOCK):
            yield from self._block(slice(start, start + _BLOCK))

    def taken(self, rows: np.ndarray | slice) -> StoredTexts:
        """Take these texts, int [m] or a slice, in this order; not read yet."""
        return StoredTexts(self.store, self.begin[rows], self.size[rows])

    def _block(self, rows: slice) -> Iterator[str]:
        """Read at once where they lie one after the other, as they do unless they were shuffled."""
        begin, size = np.asarray(self.begin[rows]), np.asarray(self.size[rows], np.int64)
        ends = begin + size
        if (begin[1:] != ends[:-1]).any():
            yield from (self.store.read(*place).decode() for place in zip(begin, size, strict=True))
            return
        data = self.store.read(int(begin[0]), int(ends[-1] - begin[0]))
        places = zip(begin - begin[0], ends - begin[0], strict=True)
        yield from (data[start:end].decode() for start, end in places)


def taken(texts: Sequence[str], rows: np.ndarray) -> Sequence[str]:
    """Take these of the texts, int [m], in this order, where they lie."""
    return texts.taken(rows) if isinstance(texts, StoredTexts) else [texts[row] for row in rows]


def joined(parts: Sequence[Sequence[str]]) -> Sequence[str]:
    """Join the texts one after the other; of one file, if of any."""
    stored = [part for part in parts if isinstance(part, StoredTexts)]
    if len(stored) < len(parts):
        return list(chain.from_iterable(parts))
    begin, size = (
        np.concatenate([getattr(part, name) for part in stored]) for name in ("begin", "size")
    )
    return StoredTexts(stored[0].store, begin, size)
