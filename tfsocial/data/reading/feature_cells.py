"""A cell of a column that heads read beside the text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from tfsocial.data.reading.number_cells import number_of
from tfsocial.data.reading.rows import flaw_of, json_type
from tfsocial.data.reading.text_cells import CellError
from tfsocial.errors import InputError, nearest
from tfsocial.kinds import FeatureKind

FeatureCell = float | str | None


class Feature(Protocol):
    """A column that heads read."""

    @property
    def column(self) -> str:
        """Its name in the files."""

    @property
    def kind(self) -> FeatureKind:
        """What it holds."""

    @property
    def log(self) -> bool:
        """Whether logarithms of 1 + its numbers are taken."""


class FeatureColumn(NamedTuple):
    """Such a column before anything is known of its values."""

    column: str
    kind: FeatureKind
    log: bool = False


def check_present(file: str, columns: Iterable[str], features: Sequence[Feature]) -> None:
    """Check that a file has the columns of a model's features.

    Raises:
        InputError: it lacks one.
    """
    there = list(columns)
    for feature in features:
        if feature.column not in there:
            raise InputError(
                f"{file}: has no column {feature.column!r}, which the model reads beside the text; "
                f"{nearest(feature.column, there)} (a cell may be empty where it is not known)"
            )


def cells_of(values: Sequence[Any], features: Sequence[Feature]) -> tuple[FeatureCell, ...]:
    """Read a row's values of these columns.

    Raises:
        CellError: one is not what its column holds.
    """
    return tuple(cell_of(value, one) for value, one in zip(values, features, strict=True))


def cell_of(value: Any, feature: Feature) -> FeatureCell:
    """Read a value of a file or of JSON: a number, None where it is missing; or a category.

    Raises:
        CellError: it is neither; says what to write.

    >>> cell_of(" 3.5 ", FeatureColumn("price", "numeric"))
    3.5
    >>> cell_of(3, FeatureColumn("country", "categorical"))
    '3'
    """
    read = _number if feature.kind == "numeric" else _category
    return read(value, feature)


def _number(value: Any, feature: Feature) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = number_of(value)
    except CellError as reason:
        remedy = "write one, or leave it empty where it is not known"
        raise CellError(f"column {feature.column!r} {reason}; {remedy}") from None
    if feature.log and number < 0:
        remedy = "mend it, or leave out `log` of data.features"
        raise CellError(f"column {feature.column!r} is below 0 and has no logarithm; {remedy}")
    return number


def _category(value: Any, feature: Feature) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        raise CellError(f"column {feature.column!r} is {json_type(value)}; expected one value")
    written = value if isinstance(value, str) else json.dumps(value)
    if flaw := flaw_of(written):
        raise CellError(f"{flaw} in column {feature.column!r}")
    return written.strip()
