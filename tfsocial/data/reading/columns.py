"""Columns that a file must have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tfsocial.data.reading.rows import listed
from tfsocial.errors import InputError, nearest


def check_columns(
    file: str, columns: Iterable[str], keys: Mapping[str, str], otherwise: str = ""
) -> None:
    """Check that a file has all columns.

    `columns`: the file's; `keys`: wanted column -> the config key that wants it; `otherwise`:
    another remedy.
    """
    names = list(columns)
    for column, key in keys.items():
        if column not in names:
            close = nearest(column, names)
            remedy = close if close.startswith("did") else f"set {key} to one of them"
            raise InputError(
                f"{file}: has no column {column!r}, which {key} names; "
                f"its columns are {listed(names) or 'none'}; {remedy}{otherwise}"
            )
