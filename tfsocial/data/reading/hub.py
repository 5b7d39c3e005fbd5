"""Data sets of the Hugging Face Hub by name: hub:OWNER/NAME[/CONFIG][@REVISION].

The package datasets is an extra (`pip install tfsocial[data]`). What was once loaded stays in its
cache; `root` names a folder as the Hub keeps it (README.md, data/train-*.parquet) instead. Sets
that come with code of their own are never run. Class labels become their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tfsocial import config, extras
from tfsocial.data.reading import rows
from tfsocial.data.reading.rows import BadRow, Row
from tfsocial.errors import InputError

_PLAIN = re.compile(r"(large_)?string|u?int|float|bool")  # dtypes of values that JSON has too


def names(source: config.Source, split: str, key: str = "data") -> tuple[str, ...]:
    """List SOURCE#PART of each part of a split that the config names; fetch the set.

    Raises:
        InputError: the package, the set, its config, its revision or a part is not there.
    """
    parts = getattr(source.splits, split)
    for part in parts:
        _table(source, part, key, f"{key}.splits.{split}")
    return tuple(f"{source.source}#{part}" for part in parts)


def read_rows(source: config.Source, name: str) -> Iterator[Row | BadRow]:
    """Read the rows of one part in the set's order; a row's line is its number, from 1.

    Raises:
        InputError: as `names`, or the part is empty.
    """
    return rows.sound(_rows(source, name), name)


def _rows(source: config.Source, name: str) -> Iterator[Row]:
    table = _table(source, name.rpartition("#")[2], "data", "data.splits")
    cells = {column: cell for column, cell in _cells(table.features) if cell}
    for number, example in enumerate(table.select_columns(list(cells)), 1):
        values = {column: cell(example[column]) for column, cell in cells.items()}
        yield Row(values, name, number, rows.as_json(values))


def _cells(features: Any) -> Iterator[tuple[str, Callable[[Any], Any] | None]]:
    """Yield column -> what makes a plain value of its own; None for images, tables and the like."""
    for column, feature in features.items():
        inner = getattr(feature, "feature", feature)
        yield column, _cell(inner) if hasattr(inner, "dtype") else None


def _cell(feature: Any) -> Callable[[Any], Any] | None:
    names = getattr(feature, "names", None)
    if not names and not _PLAIN.match(feature.dtype):
        return None

    def one(value: Any) -> Any:
        if names and isinstance(value, int):
            return names[value] if value >= 0 else None
        return value

    return lambda value: [one(item) for item in value] if isinstance(value, list) else one(value)


def split_name(source: str) -> tuple[str, str | None, str | None]:
    """Split a source into OWNER/NAME, config and revision.

    >>> split_name("hub:google/emotions/simplified@1.0"), split_name("hub:imdb")
    (('google/emotions', 'simplified', '1.0'), ('imdb', None, None))
    """
    path, _, revision = source.removeprefix("hub:").partition("@")
    owner, name, settings = [*path.split("/"), "", ""][:3]
    return "/".join(filter(None, (owner, name))), settings or None, revision or None


def _table(source: config.Source, part: str, key: str, place: str) -> Any:
    library: Any = extras.library("datasets", "datasets", "data", source.source)
    name, settings, revision = split_name(source.source)
    where = {"path": source.root} if source.root else {"path": name, "revision": revision}
    library.disable_progress_bars()
    try:
        return library.load_dataset(**where, name=settings, split=part)
    except OSError as error:  # the package's own errors of this kind are among them
        raise InputError(
            f"{key}.source: {source.source} cannot be fetched or read "
            f"({rows.first_line(error)}); where there is a network download its folder, copy it "
            f"here and give it with --set {key}.root=DIR"
        ) from None
    except library.exceptions.DatasetsError as error:  # of a file that is not what it should be
        raise InputError(
            f"{place}: {part!r} of {source.source} cannot be read "
            f"({rows.first_line(error.__cause__ or error)})"
        ) from None
    except (ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"{place}: {part!r} of {source.source} cannot be had ({rows.first_line(error)})"
        ) from None
