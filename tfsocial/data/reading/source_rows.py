"""The rows of a source as examples: texts checked, labels as the task calls them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tfsocial import config
from tfsocial.data.reading import source_types
from tfsocial.data.reading.columns import check_columns
from tfsocial.data.reading.feature_cells import Feature, FeatureColumn, cell_of
from tfsocial.data.reading.label_cells import Cell, label_of, labels_in
from tfsocial.data.reading.rows import BadRow, Row, bad, flaw_of, json_type
from tfsocial.data.reading.text_cells import CellError, Text, text_or_bad


class Example(NamedTuple):
    """One row that can be used.

    Attributes:
        cells: task -> its label, as the task calls it.
        values: all that the row holds.
        attributes: name -> its value as written, "" where the row has none.
        renamed: (task, label as it was written) of labels that the task calls otherwise.
    """

    text: Text
    cells: Mapping[str, Cell]
    values: Mapping[str, Any]
    renamed: frozenset[tuple[str, str]] = frozenset()
    attributes: Mapping[str, str] = {}


def examples_of(
    name: str, key: str, source: config.Source, data: config.Data, tasks: Mapping[str, config.Task]
) -> Iterator[Example | BadRow]:
    """Read the rows of one of `source_types.names`, in order and in constant memory.

    Raises:
        InputError: it cannot be read, or lacks a column.
    """
    columns: dict[str, None] = {}
    labelled, features = source.labelled(tasks), feature_columns(source, data)
    for row in source_types.rows_of(source, name):
        if isinstance(row, Row):
            if not columns:
                check_columns(name, row.values, dict.fromkeys(source.text, f"{key}.text"))
            columns |= dict.fromkeys(row.values)
        yield _example(row, source, data, tasks, labelled, features)
    # Labels are looked for in the whole file: a JSON row may leave out the key it has no value for.
    if columns:
        keys = {task.column: _column_key(key, name, source) for name, task in labelled.items()}
        check_columns(name, columns, keys, _without_labels(key, source))
        wanted = {column: f"{key}.attributes.{name}" for name, column in source.attributes.items()}
        read = {feature.column: wanted[feature.column] for feature in features}
        check_columns(name, columns, read, ", or leave the feature out of data.features")
        check_columns(name, columns, wanted, ", or leave the attribute out")


def feature_columns(source: config.Source, data: config.Data) -> list[Feature]:
    """List the columns of a source that heads read."""
    return [
        FeatureColumn(source.attributes[name], feature.kind, feature.log)
        for name, feature in data.features.items()
        if name in source.attributes
    ]


def _without_labels(key: str, source: config.Source) -> str:
    """Say what to do where a column is not missing by mistake."""
    if isinstance(source, config.MixtureSource):
        return f", or, if its rows have no labels at all, set {key}.tasks to []"
    return ", or, if its rows have no labels at all, give it to data.mixture with `tasks: []`"


def _column_key(key: str, task: str, source: config.Source) -> str:
    renames = isinstance(source, config.MixtureSource) and task in source.columns
    return f"{key}.columns.{task}" if renames else f"tasks.{task}.column"


def _example(
    row: Row | BadRow,
    source: config.Source,
    data: config.Data,
    tasks: Mapping[str, config.Task],
    labelled: Mapping[str, config.Task],
    features: Sequence[Feature],
) -> Example | BadRow:
    if isinstance(row, BadRow):
        return row
    text = text_or_bad(row, source.text, data.max_characters)
    if isinstance(text, BadRow):
        return text
    try:
        cells = {
            name: label_of(row.values.get(task.column), task) for name, task in labelled.items()
        }
        columns = {
            name: _attribute_value(row.values.get(column), column)
            for name, column in source.attributes.items()
        }
        for feature in features:  # a cell that is none makes the row a bad one
            cell_of(row.values.get(feature.column), feature)
    except CellError as reason:
        return bad(row, str(reason))
    mappings = label_mappings(source)
    ours = {name: _renamed(cell, mappings.get(name, {})) for name, cell in cells.items()}
    renamed = frozenset(
        (name, label)
        for name, mapping in mappings.items()
        for label in mapping.keys() & labels_in([cells.get(name)])
    )
    return Example(text, {name: ours.get(name) for name in tasks}, row.values, renamed, columns)


def _attribute_value(value: Any, column: str) -> str:
    """Give a value as it is written; JSON's numbers and truths as they are written there."""
    if value is None:
        return ""
    if isinstance(value, list | dict):
        raise CellError(f"column {column!r} is {json_type(value)}; expected one value")
    written = value if isinstance(value, str) else json.dumps(value)
    if flaw := flaw_of(written):
        raise CellError(f"{flaw} in column {column!r}")
    return written


def label_mappings(source: config.Source) -> Mapping[str, Mapping[str, str]]:
    """Give task -> label of the source -> what the task calls it."""
    return source.labels if isinstance(source, config.MixtureSource) else {}


def _renamed(cell: Cell, ours: Mapping[str, str]) -> Cell:
    """Call a label as the task calls it."""
    if isinstance(cell, frozenset):
        return frozenset(ours.get(label, label) for label in cell)
    return ours.get(cell, cell) if isinstance(cell, str) else cell
