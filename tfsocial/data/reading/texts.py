"""The texts of a file, for prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tfsocial.data.reading.columns import check_columns
from tfsocial.data.reading.feature_cells import Feature, cells_of, check_present
from tfsocial.data.reading.file_rows import read_rows
from tfsocial.data.reading.line_formats import format_of
from tfsocial.data.reading.rows import BadRow, Row, bad
from tfsocial.data.reading.text_cells import CellError, Text, text_or_bad


def read_texts(
    path: str | Path,
    columns: Sequence[str] = ("text",),
    file_format: str = "auto",
    max_characters: int | None = None,
    features: Sequence[Feature] = (),
) -> Iterator[Text | BadRow]:
    """Read each row's text for prediction, in constant memory; item i answers row i.

    A bad row keeps its place as a `BadRow`. `columns` has one or two names; a
    txt file has one unnamed column. `features` are read beside them.

    Raises:
        InputError: as `read_rows`, or the first row lacks a column.

    >>> path = getfixture("tmp_path") / "in.txt"
    >>> path.write_text("where is my card?\\n\\nthanks\\n")
    26
    >>> [getattr(item, "text", "bad") for item in read_texts(path)]
    ['where is my card?', 'bad', 'thanks']
    """
    if format_of(str(path), file_format) == "txt" and len(columns) == 1:
        columns = ("text",)
    checked = False
    for row in read_rows(path, file_format):
        if isinstance(row, Row) and not checked:
            check_columns(row.file, row.values, dict.fromkeys(columns, "data.text"))
            check_present(row.file, row.values, features)
            checked = True
        yield _answerable(row, columns, max_characters, features)


def _answerable(
    row: Row | BadRow,
    columns: Sequence[str],
    max_characters: int | None,
    features: Sequence[Feature],
) -> Text | BadRow:
    text = row if isinstance(row, BadRow) else text_or_bad(row, columns, max_characters)
    if not features or isinstance(row, BadRow) or isinstance(text, BadRow):
        return text
    try:
        values = [row.values.get(feature.column) for feature in features]
        return text._replace(features=cells_of(values, features))
    except CellError as reason:
        return bad(row, str(reason))
