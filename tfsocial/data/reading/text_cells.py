"""The text columns of a row.

Texts go to the quarantine file, never into a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tfsocial.data.reading.rows import BadRow, Row, bad, flaw_of, json_type


class Text(NamedTuple):
    """What a model reads of one row, for prediction."""

    text: str
    pair: str | None
    line: int
    features: tuple[float | str | None, ...] = ()

    @property
    def columns(self) -> tuple[Any, ...]:
        """The one or two texts and the features beside them, as a predictor takes them."""
        texts = (self.text,) if self.pair is None else (self.text, self.pair)
        return (*texts, *self.features)


class CellError(Exception):
    """Why a row is bad."""


def text_or_bad(row: Row, columns: Sequence[str], max_characters: int | None) -> Text | BadRow:
    """Read the text of a row from its columns, or say why it is bad."""
    try:
        texts = [_text(row.values.get(name), name, max_characters) for name in columns]
    except CellError as reason:
        return bad(row, str(reason))
    return Text(texts[0], texts[1] if len(texts) > 1 else None, row.line)


def _text(value: Any, column: str, max_characters: int | None) -> str:
    if value is None:
        raise CellError(f"empty text in column {column!r}")
    if not isinstance(value, str):
        raise CellError(f"column {column!r} is not a string but {json_type(value)}")
    flaw = flaw_of(value)  # JSON escapes can spell what the file itself does not hold
    if flaw:
        raise CellError(f"{flaw} in column {column!r}")
    if not value.strip():
        raise CellError(f"empty text in column {column!r}")
    if max_characters is not None and len(value) > max_characters:
        raise CellError(
            f"column {column!r} has {len(value)} characters, "
            f"data.max_characters allows {max_characters}"
        )
    return value
