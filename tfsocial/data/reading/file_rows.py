"""The rows of one file of any format, lines or records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tfsocial.data.reading import line_formats, tfrecord
from tfsocial.data.reading.rows import BadRow, Row


def read_rows(path: str | Path, file_format: str = "auto") -> Iterator[Row | BadRow]:
    """Read the rows of one file in order, in constant memory: lines or TFRecord.

    Raises:
        InputError: the file cannot be read or has no rows.
    """
    file = str(path)
    if line_formats.format_of(file, file_format) == tfrecord.SUFFIX:
        return tfrecord.read_rows(file)
    return line_formats.read_lines(file, file_format)
