"""Texts cut at what a pattern finds, and put together again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import tensorflow as tf

from tfsocial.text.tokenizer import IDEOGRAPHS

_NEITHER = rf"[^\s\p{{Z}}\p{{P}}\p{{S}}\p{{C}}{IDEOGRAPHS}]"
# An ideograph is a word by itself, as for the tokenizer; an apostrophe may stand within others.
WORD = rf"[{IDEOGRAPHS}]|{_NEITHER}+(?:['’]{_NEITHER}+)*"
_CUT = "\x1f"  # the control character "unit separator", which the tokenizer deletes


@dataclass(frozen=True)
class Pieces:
    """n texts as m pieces, the units, and what stands between them, all flat.

    Attributes:
        head: string [n], what comes before a text's first unit.
        units: string [m], what the pattern found: words, or others.
        after: string [m], what stands between a unit and the next, or the end.
        row: int64 [m], ascending: the text of each unit.
        place: int64 [m], its number in the text.
    """

    head: tf.Tensor
    units: tf.Tensor
    after: tf.Tensor
    row: tf.Tensor
    place: tf.Tensor

    @property
    def rows(self) -> tf.Tensor:
        return tf.size(self.head, tf.int64)

    @property
    def counts(self) -> tf.Tensor:
        """Units of each text, int64 [n]."""
        return tf.math.bincount(
            tf.cast(self.row, tf.int32),
            minlength=tf.cast(self.rows, tf.int32),
            dtype=tf.int64,
        )

    def joined(self) -> tf.Tensor:
        """Join the units to the texts, string [n]."""
        strings = self.units + self.after
        return self.head + tf.strings.unsorted_segment_join(strings, self.row, self.rows)

    def with_units(self, selected: tf.Tensor, other: tf.Tensor) -> Pieces:
        """Put others, string [m], in the place of the units selected, bool [m]."""
        return replace(self, units=tf.where(selected, other, self.units))


def cut(texts: tf.Tensor, pattern: str = WORD) -> Pieces:
    """Cut strings [n] at each match of a pattern; never within another.

    >>> pieces = cut(tf.constant(["I don't, OK?", "借记card"]))
    >>> [word.decode() for word in pieces.units.numpy()]
    ['I', "don't", 'OK', '借', '记', 'card']
    >>> pieces.after.numpy().tolist()
    [b' ', b', ', b'?', b'', b'', b'']
    """
    texts = tf.strings.regex_replace(texts, _CUT, "")
    marked = tf.strings.regex_replace(texts, f"({pattern})", rf"{_CUT}\1{_CUT}")
    parts = tf.strings.split(marked, _CUT)  # head, unit, after, unit, after ...
    row = parts.value_rowids()
    number = tf.ragged.range(parts.row_lengths()).flat_values
    is_unit = number % 2 == 1
    return Pieces(
        head=tf.gather(parts.flat_values, parts.row_starts()),
        units=tf.boolean_mask(parts.flat_values, is_unit),
        after=tf.boolean_mask(parts.flat_values, (number > 0) & ~is_unit),
        row=tf.boolean_mask(row, is_unit),
        place=tf.boolean_mask(number // 2, is_unit),
    )


def where_any(selected: tf.Tensor, pieces: Pieces, texts: tf.Tensor) -> tf.Tensor:
    """Join the units of texts of which one is selected; the other texts stay byte for byte.

    Args:
        selected: bool [m].
        texts: string [n], what was cut.
    """
    touched = tf.math.unsorted_segment_sum(tf.cast(selected, tf.int32), pieces.row, pieces.rows) > 0
    return tf.where(touched, pieces.joined(), texts)
