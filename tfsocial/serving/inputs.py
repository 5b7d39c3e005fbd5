"""What a model reads of a row: one or two texts, and the columns that stand beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.data.reading.feature_cells import cells_of
from tfsocial.data.reading.text_cells import CellError
from tfsocial.errors import InputError

Row = str | tuple[Any, ...] | Mapping[str, Any]
"""A text, a tuple of the texts and features that a model reads, or column -> value."""


def tuples(manifest: ModelManifest, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Turn rows into what a predictor takes: texts first, then the features in their order.

    Raises:
        InputError: one lacks a column, or a feature is not what its column holds.

    >>> from tfsocial.models.spec import FeatureSpec
    >>> features = {"price": FeatureSpec("price", "numeric")}
    >>> manifest = ModelManifest({}, "mean", 128, 16, ("text",), features=features)
    >>> tuples(manifest, [{"text": "late", "price": "3.5"}, ("good", None)])
    [('late', 3.5), ('good', None)]
    """
    return [_tuple(manifest, row, f"texts[{number}]") for number, row in enumerate(rows)]


def _tuple(manifest: ModelManifest, row: Row, where: str) -> tuple[Any, ...]:
    names = columns(manifest)
    if isinstance(row, Mapping):
        if lacking := [name for name in names if name not in row]:
            raise InputError(
                f"{where}: has no {lacking[0]!r}, and the model reads {', '.join(names)}; give it, "
                "or None where it is not known"
            )
        row = tuple(row[name] for name in names)
    values = (row,) if isinstance(row, str) else tuple(row)
    if not manifest.features:
        return values
    check_width(manifest, values, where)
    texts = len(manifest.text_columns)
    try:
        return (*values[:texts], *cells_of(values[texts:], list(manifest.features.values())))
    except CellError as reason:
        raise InputError(f"{where}: {reason}") from None


def columns(manifest: ModelManifest) -> tuple[str, ...]:
    """Name the columns of a file that a model reads."""
    return (*manifest.text_columns, *(spec.column for spec in manifest.features.values()))


def check_width(manifest: ModelManifest, row: Sequence[Any], where: str) -> None:
    """Refuse a row that has not a value for each column.

    Raises:
        InputError: it has more or fewer.
    """
    if len(row) != len(columns(manifest)):
        raise InputError(
            f"{where}: has {len(row)} values, and the model reads "
            f"{', '.join(columns(manifest))}; give all of them, as a mapping or in this order"
        )


def by_name(
    manifest: ModelManifest, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> dict[str, list[str] | np.ndarray]:
    """Put rows into columns: strings, and of numbers float32 [n], NaN where one is missing.

    Args:
        names: of the columns, in the order of a row's values.
    """
    if manifest.features:
        check_width(manifest, rows[0], "texts[0]")
    found = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    numbers = [name for name, spec in manifest.features.items() if spec.kind == "numeric"]
    return {**found, **{name: np.array(found[name], np.float32) for name in numbers}}
