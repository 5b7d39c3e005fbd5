"""A split while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tfsocial import config
from tfsocial.data import attributes as attribute_columns
from tfsocial.data.attributes import Attribute
from tfsocial.data.examples import Counts, Examples, Origin
from tfsocial.data.reading.label_cells import Label, labels_in
from tfsocial.data.reading.label_columns import LabelColumn, ValueColumn
from tfsocial.data.reading.label_encoding import encode_labels
from tfsocial.data.reading.mmap_columns import Column, Numbers, Store
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.source_rows import Example


class SplitTable:
    """A split while it is read: columns that grow, labels still as written.

    Args:
        attributes: their names.
        store: where its texts go to, and its numbers to files beside it; None: all in memory.
    """

    def __init__(
        self, tasks: Mapping[str, config.Task], attributes: Iterable[str], store: Store | None
    ):
        folder = store.folder if store else None
        self.text: Column | list[str] = Column(store) if store else []
        self.pair: Column | list[str] = Column(store) if store else []
        self.cells: dict[str, LabelColumn[Label] | ValueColumn] = {
            name: ValueColumn(folder) if task.kind == "regress" else LabelColumn(folder)
            for name, task in tasks.items()
        }
        self.attributes = {name: LabelColumn[str](folder) for name in attributes}
        self.files: list[str] = []
        self.file, self.line = Numbers("i", folder), Numbers("i", folder)
        self.bad: list[BadRow] = []
        self.renamed: set[tuple[str, str]] = set()  # see `Example`

    def add(self, example: Example) -> None:
        """Take in a row."""
        text = example.text
        self.text.append(text.text)
        if text.pair is not None:
            self.pair.append(text.pair)
        for name, cell in example.cells.items():
            self.cells[name].append(cell)
        for name, value in example.attributes.items():
            self.attributes[name].append(value or None)
        self.renamed |= example.renamed
        self.file.append(len(self.files) - 1)
        self.line.append(text.line)

    def labels(self, task: str) -> set[str]:
        """Collect the labels of a task that its cells hold; numbers are none."""
        cells = self.cells[task]
        return set(labels_in(cells.different)) if isinstance(cells, LabelColumn) else set()

    def counts(self) -> Counts:
        """Count the rows: all, the good and the bad."""
        return Counts(len(self.text) + len(self.bad), len(self.text), len(self.bad))

    def examples(
        self, tasks: Mapping[str, config.Task], names: Mapping[str, tuple[str, ...]]
    ) -> Examples:
        """Make examples of the good rows, with labels as numbers."""
        origin = Origin(tuple(self.files), self.file.stored(), self.line.stored())
        labels = {
            name: encode_labels(name, task, self.cells[name], names[name], origin)
            for name, task in tasks.items()
        }
        text, pair = (
            column.stored() if isinstance(column, Column) else column
            for column in (self.text, self.pair)
        )
        columns = {name: _attribute(cells) for name, cells in self.attributes.items()}
        return Examples(text, pair if len(pair) else None, labels, origin, columns)


def _attribute(cells: LabelColumn[str]) -> Attribute:
    """Make the column of an attribute."""
    values = tuple(value for value in cells.different if value is not None)
    numbers = {value: number for number, value in enumerate(values)}
    codes = [
        attribute_columns.NONE if value is None else numbers[value] for value in cells.different
    ]
    return Attribute(cells.encoded(np.array(codes, np.int32)), values)
