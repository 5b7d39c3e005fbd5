"""The types of sources, as a table: what a split is made of, and the rows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tfsocial import config
from tfsocial.data.reading import hub, line_formats, paths, storage, tfds
from tfsocial.data.reading.file_rows import read_rows
from tfsocial.data.reading.rows import BadRow, Row, sound


class SourceType(NamedTuple):
    """How one type of source is read.

    Attributes:
        names: (source, split, its key in the config) -> names of what the split is made of, in
            order. Raises InputError where something is not there.
        rows: (source, one of these names) -> its rows in order.
    """

    names: Callable[[config.Source, str, str], tuple[str, ...]]
    rows: Callable[[config.Source, str], Iterator[Row | BadRow]]


def _rows_of_file(source: config.Source, name: str) -> Iterator[Row | BadRow]:
    """Read a file's rows; blank lines of a txt file part its texts, but are rows to `read_rows`."""
    rows = read_rows(name, source.format)
    if line_formats.format_of(name, source.format) != "txt":
        return rows
    return sound((row for row in rows if row.raw.strip()), name)


SOURCE_TYPES: dict[str, SourceType] = {
    "files": SourceType(paths.files, _rows_of_file),
    "tfds": SourceType(tfds.names, tfds.read_rows),
    "hub": SourceType(hub.names, hub.read_rows),
}


def names(source: config.Source, split: str, key: str = "data") -> tuple[str, ...]:
    """List what a split is made of: files, or parts of a set by name."""
    return SOURCE_TYPES[source.kind].names(source, split, key)


def rows_of(source: config.Source, name: str) -> Iterator[Row | BadRow]:
    """Read the rows of one of `names`."""
    return SOURCE_TYPES[source.kind].rows(source, name)


def content(source: config.Source, name: str) -> Iterator[bytes]:
    """Read one of `names` for a hash: a file's bytes, or a set's rows as JSON."""
    if source.kind == "files":
        yield from storage.blocks(name)
    else:
        yield from (
            f"{row.raw}\n".encode("utf-8", "surrogateescape") for row in rows_of(source, name)
        )
