"""Texts that lie in a file instead of in memory, for data of any size.

The file has no name and is gone with the process, however that ends. Of a text only its place is
kept in memory, 12 bytes.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

_BLOCK = 4096  # texts whose bytes are fetched together by who reads them all


class Store:
    """One file for the texts of several columns."""

    def __init__(self, folder: str):
        os.makedirs(folder, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  open while texts are read
        self._end, self._flushed = 0, True

    def write(self, data: bytes) -> int:
        """Appends; where it begins."""
        begin = self._end
        self._file.write(data)
        self._end, self._flushed = begin + len(data), False
        return begin

    def read(self, begin: int, size: int) -> bytes:
        if not self._flushed:
            self._file.flush()
            self._flushed = True
        return os.pread(self._file.fileno(), size, begin)


class Column:
    """A column while it is read; grows like a list."""

    def __init__(self, store: Store):
        self._store, self._begin, self._size = store, array("q"), array("i")

    def __len__(self) -> int:
        return len(self._size)

    def append(self, text: str) -> None:
        data = text.encode()
        self._begin.append(self._store.write(data))
        self._size.append(len(data))

    def stored(self) -> StoredTexts:
        return StoredTexts(self._store, np.asarray(self._begin), np.asarray(self._size))


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

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(self.taken(place))
        return self.store.read(int(self.begin[place]), int(self.size[place])).decode()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BLOCK):
            yield from self._block(slice(start, start + _BLOCK))

    def taken(self, rows: np.ndarray | slice) -> StoredTexts:
        """These texts, in this order; not read yet."""
        return StoredTexts(self.store, self.begin[rows], self.size[rows])

    def _block(self, rows: slice) -> Iterator[str]:
        """Read at once where they lie one after the other, as they do unless they were shuffled."""
        begin, size = self.begin[rows], self.size[rows].astype(np.int64)
        ends = begin + size
        if (begin[1:] != ends[:-1]).any():
            yield from (self.store.read(*place).decode() for place in zip(begin, size, strict=True))
            return
        data = self.store.read(int(begin[0]), int(ends[-1] - begin[0]))
        places = zip(begin - begin[0], ends - begin[0], strict=True)
        yield from (data[start:end].decode() for start, end in places)


def taken(texts: Sequence[str], rows: np.ndarray) -> Sequence[str]:
    """These of the texts, in this order, where they lie."""
    return texts.taken(rows) if isinstance(texts, StoredTexts) else [texts[row] for row in rows]


def joined(parts: Sequence[Sequence[str]]) -> Sequence[str]:
    """The texts one after the other; of one file, if of any."""
    if not all(isinstance(part, StoredTexts) for part in parts):
        return list(chain.from_iterable(parts))
    begin, size = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("begin", "size")
    )
    return StoredTexts(parts[0].store, begin, size)
