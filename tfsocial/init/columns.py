"""What the columns of a table are: text, labels, or neither. Guessed from names and cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tfsocial.errors import InputError, nearest
from tfsocial.init.table import Table

TEXT_NAMES = re.compile(
    r"text|sentence|utterance|message|review|comment|tweet|headline|question|query|title|body|"
    r"content|document|description|文本|内容|句子|评论|标题|问题"
)
LABEL_NAMES = re.compile(
    r"labels?|class|category|categories|intents?|targets?|tags?|topics?|sentiments?|emotions?|"
    r"mood|polarity|urgency|priority|queue|标签|类别|意图|情感|主题"
)
SEVERAL_NAMES = re.compile(r"\w+s|标签")
VALUE_NAMES = re.compile(r"scores?|ratings?|stars|similarity|value|分数|评分")
PAIRS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("text_a", "text_b"),
)
OOD_LABELS = ("out_of_scope", "oos", "out_of_domain", "ood")
SEPARATORS = ("|", ";", ",")
MOST_CLASSES = 1000
LONGEST_LABEL = 80  # characters
ANY_NUMBER = re.compile(r"[-+]?(\d+([.,]\d+)?|\.\d+)([eE][-+]?\d+)?")
Kind = Literal["classify", "multilabel", "regress"]


@dataclass(frozen=True)
class Labels:
    """One column of labels.

    Attributes:
        counts: label -> its rows; of a regression none.
        separator: between the labels of one multilabel cell.
        rows: that have one.
    """

    column: str
    kind: Kind
    counts: dict[str, int]
    rows: int
    separator: str = "|"

    @property
    def task(self) -> str:
        """The column's name as a task's.

        >>> Labels("Main Topic", "classify", {}, 0).task
        'main_topic'
        """
        return re.sub(r"\W+", "_", self.column.lower()).strip("_") or "label"

    @property
    def ood_label(self) -> str | None:
        """The label that means none of the others."""
        return next((name for name in self.counts if name.lower() in OOD_LABELS), None)


@dataclass(frozen=True)
class Roles:
    """What each column is.

    Attributes:
        text: one column, or two of pairs.
        tasks: columns of labels that are learned.
        others: columns of labels that nobody asked for; they may be tasks or attributes.
    """

    text: tuple[str, ...]
    tasks: tuple[Labels, ...]
    others: tuple[Labels, ...] = ()


def roles(table: Table, text: Sequence[str] = (), labels: Sequence[str] = ()) -> Roles:
    """Find the columns of text and of labels.

    Args:
        text: that somebody has named; none: the longest and most varied cells are it.
        labels: that somebody has named; none: by their names, else the first that can be labels.

    Raises:
        InputError: no column of text or of labels, or a named one is not there or cannot be one.
    """
    for flag, column in (*(("text", one) for one in text), *(("label", one) for one in labels)):
        if column not in table.columns:
            known = nearest(column, list(table.columns))
            raise InputError(f"--{flag}={column}: there is no such column; {known}")
    texts = tuple(text) or text_columns(table)
    rest = [name for name in table.columns if name not in texts]
    if labels:
        tasks = [_of_named(name, table.columns[name]) for name in labels]
        return Roles(texts, tuple(tasks))
    candidates = [one for one in (labels_of(name, table.columns[name]) for name in rest) if one]
    tasks = [one for one in candidates if is_called(LABEL_NAMES, one.column)]
    tasks = tasks or [one for one in candidates if one.kind == "regress"][:1] or candidates[:1]
    if not tasks:
        raise InputError(
            f"no column can be labels: {', '.join(rest) or 'there is none beside the text'}; "
            "name it: --label=COLUMN"
        )
    return Roles(texts, tuple(tasks), tuple(one for one in candidates if one not in tasks))


# --- text ----------------------------------------------------------------------------------


def text_columns(table: Table) -> tuple[str, ...]:
    for pair in PAIRS:
        if set(pair) <= set(table.columns):
            return pair
    scores = {name: _textual(name, cells) for name, cells in table.columns.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] <= 0:
        raise InputError(
            f"no column reads like text: {', '.join(table.columns)}; name it: --text=COLUMN"
        )
    return (best,)


def _textual(name: str, cells: Sequence[str]) -> float:
    """Score a column as text: long, varied cells of words; 0 of what is none."""
    filled = [cell for cell in cells if cell]
    if len(filled) < len(cells) / 2 or _share(filled, _is_data) > 0.5:
        return 0.0
    varied = len(set(filled)) / len(filled)
    words = _share(filled, lambda cell: " " in cell or not cell.isascii())
    hinted = 10 if is_called(TEXT_NAMES, name) else 1
    length = float(np.mean([min(len(cell), 500) for cell in filled]))
    return hinted * varied * (0.1 + words) * length


def _is_data(cell: str) -> bool:
    """Tell whether a cell is a number, a time, an address, or JSON.

    >>> [_is_data(cell) for cell in ("3.5", "2020-04-09 03:59", '{"a": 1}', "my card is late")]
    [True, True, True, False]
    """
    return bool(
        ANY_NUMBER.fullmatch(cell)
        or re.match(r"\d{2,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]|$)|[{\[]|https?://\S+$", cell)
    )


# --- labels --------------------------------------------------------------------------------


def labels_of(name: str, cells: Sequence[str]) -> Labels | None:
    """Read a column as labels, if it can be some."""
    filled = [cell for cell in cells if cell]
    if len(set(filled)) < 2:
        return None
    if _share(filled, lambda cell: bool(ANY_NUMBER.fullmatch(cell))) > 0.99:
        return _numbers(name, filled)
    if max(map(len, filled)) > LONGEST_LABEL * 4 or _share(filled, _is_data) > 0.5:
        return None
    counts = Counter(filled)
    if separator := _separator(name, counts):
        each = Counter(label for cell in filled for label in parts(cell, separator))
        return Labels(name, "multilabel", dict(each), len(filled), separator)
    few = len(counts) <= min(MOST_CLASSES, max(2, len(filled) / 2))
    short = max(map(len, counts)) <= LONGEST_LABEL
    return Labels(name, "classify", dict(counts), len(filled)) if few and short else None


def _numbers(name: str, filled: Sequence[str]) -> Labels | None:
    """Numbers are labels if they are called so, and values if they are called that."""
    if is_called(VALUE_NAMES, name):
        return Labels(name, "regress", {}, len(filled))
    if not is_called(LABEL_NAMES, name):
        return None
    counts = Counter(filled)
    if len(counts) > 20 and any("." in value for value in counts):
        return Labels(name, "regress", {}, len(filled))
    return Labels(name, "classify", dict(counts), len(filled))


def _separator(name: str, counts: Counter[str]) -> str | None:
    """Find what stands between several labels of a cell, if the parts come back in other cells.

    A comma may belong to a label, so it has to be called labels.
    """
    for separator in SEPARATORS:
        several = sum(count for cell, count in counts.items() if separator in cell)
        labels = {label for cell in counts for label in parts(cell, separator)}
        come_back = sum(separator in cell for cell in counts) >= 2 and len(labels) < len(counts)
        may = separator != "," or is_called(SEVERAL_NAMES, name)
        if may and come_back and several >= 0.01 * counts.total():
            return separator
    return None


def parts(cell: str, separator: str) -> list[str]:
    """Split a multilabel cell into its labels."""
    return [part.strip() for part in cell.split(separator) if part.strip()]


def _of_named(name: str, cells: Sequence[str]) -> Labels:
    if labels := labels_of(name, cells):
        return labels
    counts = Counter(cell for cell in cells if cell)
    if len(counts) < 2:
        raise InputError(f"--label={name}: has {len(counts)} different values, not two or more")
    return Labels(name, "classify", dict(counts), counts.total())


def is_called(names: re.Pattern[str], column: str) -> bool:
    """Tell whether a column's name, or the last word of it, is one of these.

    >>> [is_called(LABEL_NAMES, name) for name in ("label", "main_topic", "topic_confidence")]
    [True, True, False]
    """
    lower = column.lower()
    words = re.split(r"[\W_]+", lower)
    return bool(names.fullmatch(lower) or names.fullmatch(words[-1]))


def _share(cells: Sequence[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, cells)) / max(1, len(cells))
