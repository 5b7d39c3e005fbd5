"""A split while it is read."""

from __future__ import annotations

from collections.abc import Mapping

from tfsocial import config
from tfsocial.data.examples import Counts, Examples, Origin
from tfsocial.data.reading.label_cells import Cell
from tfsocial.data.reading.label_columns import LabelColumn, ValueColumn
from tfsocial.data.reading.label_encoding import encode_labels
from tfsocial.data.reading.mmap_columns import Column, Numbers, Store
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.text_cells import Text


class SplitTable:
    """A split while it is read: columns that grow, labels still as written.

    Args:
        store: where its texts go to, and its numbers to files beside it; None: all in memory.
    """

    def __init__(self, tasks: Mapping[str, config.Task], store: Store | None):
        folder = store.folder if store else None
        self.text, self.pair = (Column(store) if store else [] for _ in range(2))
        self.cells = {
            name: (ValueColumn if task.kind == "regress" else LabelColumn)(folder)
            for name, task in tasks.items()
        }
        self.files: list[str] = []
        self.file, self.line = Numbers("i", folder), Numbers("i", folder)
        self.bad: list[BadRow] = []
        self.renamed: set[tuple[str, str]] = set()  # see `Example`

    def add(self, text: Text, cells: Mapping[str, Cell]) -> None:
        self.text.append(text.text)
        if text.pair is not None:
            self.pair.append(text.pair)
        for name, cell in cells.items():
            self.cells[name].append(cell)
        self.file.append(len(self.files) - 1)
        self.line.append(text.line)

    def counts(self) -> Counts:
        return Counts(len(self.text) + len(self.bad), len(self.text), len(self.bad))

    def examples(
        self, tasks: Mapping[str, config.Task], names: Mapping[str, tuple[str, ...]]
    ) -> Examples:
        origin = Origin(tuple(self.files), self.file.stored(), self.line.stored())
        labels = {
            name: encode_labels(name, task, self.cells[name], names[name], origin)
            for name, task in tasks.items()
        }
        text, pair = (
            column.stored() if isinstance(column, Column) else column
            for column in (self.text, self.pair)
        )
        return Examples(text, pair if len(pair) else None, labels, origin)
