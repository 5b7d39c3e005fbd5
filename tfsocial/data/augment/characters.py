"""Typing mistakes: what fingers and eyes do to letters, in Latin and in Chinese script.

Belinkov & Bisk (2018), Synthetic and Natural Noise Both Break Neural Machine Translation,
arXiv:1711.02173: swapped letters and neighbouring keys.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal, NamedTuple

import numpy as np
import tensorflow as tf
from pydantic import Field

from tfsocial.data.augment import neighbours, random_stream
from tfsocial.data.augment.contract import AugmentContext, Rate, TextOp

Kind = Literal["neighbour", "swap", "drop", "case", "look_alike"]
_KINDS: tuple[Kind, ...] = ("neighbour", "swap", "drop", "case", "look_alike")

# Where a key's middle is on a keyboard: rows one below the other, each further to the right.
_KEY_ROWS = (("1234567890", 0.0), ("qwertyuiop", 0.5), ("asdfghjkl", 0.75), ("zxcvbnm", 1.25))
_REACH = 1.3  # how far away a finger lands that misses its key

_LOOK_ALIKES = {
    "a": "@", "b": "6", "e": "3", "g": "9q", "i": "1l", "l": "1I", "o": "0", "q": "g", "s": "5$",
    "t": "7", "z": "2", "B": "8", "D": "0", "E": "3", "G": "6", "I": "l1", "O": "0Q", "Q": "O",
    "S": "5", "Z": "2", "0": "O", "1": "lI", "2": "Z", "5": "S", "6": "b", "8": "B", "9": "g",
}  # fmt: skip
# Chinese characters that are read for one another.
_ALIKE = (
    "己已巳", "未末", "土士", "日曰", "人入八", "大太犬", "天夫", "干千于", "田由甲申", "牛午",
    "贝见", "刀力", "问间", "处外", "拨拔", "候侯", "竞竟", "折拆", "辩辨辫", "燥躁", "今令",
    "住往", "代伐", "免兔", "哀衷", "密蜜", "蓝篮", "账帐", "扣和", "货贷", "收攻", "卡下", "买卖",
)  # fmt: skip
_CASED_BELOW = 0x590  # Latin, Greek, Cyrillic and Armenian letters

NO_WORD, IN_WORD, IDEOGRAPH = 0, 1, 2


class _Options(NamedTuple):
    """Code points, ascending, and what each may become."""

    codes: np.ndarray
    first: np.ndarray
    counts: np.ndarray
    others: np.ndarray

    @classmethod
    def of(cls, options: Mapping[str, str]) -> _Options:
        names = sorted(options)
        counts = np.array([len(options[name]) for name in names], np.int64)
        others = [ord(other) for name in names for other in options[name]]
        codes = np.array([ord(name) for name in names], np.int32)
        return cls(codes, np.cumsum(counts) - counts, counts, np.array(others, np.int32))

    def draw(self, codes: tf.Tensor, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Tell whether each code point can become another, and draw what it becomes."""
        place = tf.minimum(tf.searchsorted(self.codes, codes), len(self.codes) - 1)
        which = random_stream.index(u, tf.gather(self.counts, place))
        other = tf.gather(self.others, tf.gather(self.first, place) + which)
        return tf.gather(self.codes, place) == codes, other


class _Letters(NamedTuple):
    """The characters of texts, flat.

    Attributes:
        codes: int32 [m].
        kinds: int32 [m], NO_WORD, IN_WORD or IDEOGRAPH.
        row: int64 [m], the text each stands in.
        place: int64 [m], where in it.
    """

    codes: tf.Tensor
    kinds: tf.Tensor
    row: tf.Tensor
    place: tf.Tensor

    @property
    def goes_on(self) -> tf.Tensor:
        """Whether a character is in a word, or a run of ideographs, with the one before it."""
        same = (self.kinds[1:] == self.kinds[:-1]) & (self.row[1:] == self.row[:-1])
        return tf.concat([tf.zeros([tf.minimum(tf.size(self.codes), 1)], tf.bool), same], 0) & (
            self.kinds > NO_WORD
        )


@dataclass(frozen=True, repr=False)
class CharacterNoise(TextOp):
    """Each letter, digit or Chinese character is mistyped with this probability.

    kinds, of which one that the character can suffer is drawn: neighbour, the next key of a
    QWERTY keyboard (Latin letters and digits); swap, places changed with the next one in the
    word or run of Chinese; drop, but never the first of these; case, upper for lower and back;
    look_alike, 0 for o, 末 for 未.
    """

    rate: Rate = 0.05
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = _KINDS

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        ragged = tf.strings.unicode_decode(texts, "UTF-8", errors="ignore")
        letters = _letters(ragged)
        u = [context.stream.branch(i).at(letters.row, letters.place) for i in range(3)]
        selected = u[0] < context.rate(self.rate)
        codes, remaining, touched = self._typed(letters, selected, u[1], u[2])
        rows = ragged.nrows()
        typed = tf.RaggedTensor.from_value_rowids(
            tf.boolean_mask(codes, remaining), tf.boolean_mask(letters.row, remaining), rows
        )
        changed = tf.math.unsorted_segment_sum(tf.cast(touched, tf.int32), letters.row, rows) > 0
        return tf.where(changed, tf.strings.unicode_encode(typed, "UTF-8"), texts)

    def _typed(
        self, letters: _Letters, selected: tf.Tensor, u: tf.Tensor, which: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Type code points [m] anew: what they become, which remain, and where something is new."""
        others = {kind: _substitutes(kind, letters, which) for kind in self.kinds}
        applies = tf.stack([possible for possible, _ in others.values()], -1)
        picked = _one_of(applies & selected[:, tf.newaxis], u)
        is_kind = dict(zip(self.kinds, tf.unstack(picked, axis=-1), strict=True))
        swaps = neighbours.every_other(is_kind.get("swap", tf.zeros_like(selected)))
        # The second of two that change places has suffered enough.
        free = ~swaps & ~neighbours.following(swaps)
        codes = letters.codes
        for kind, (_, other) in others.items():
            codes = tf.where(is_kind[kind] & free, other, codes)
        remaining = ~(is_kind["drop"] & free) if "drop" in is_kind else tf.ones_like(selected)
        return tf.gather(codes, neighbours.exchanged(swaps)), remaining, tf.reduce_any(picked, -1)


def _substitutes(kind: Kind, letters: _Letters, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Tell where a mistake of this kind is possible, bool [m], and which code points it puts."""
    codes = letters.codes
    if kind in ("neighbour", "look_alike"):
        return (_neighbour_keys() if kind == "neighbour" else _look_alikes()).draw(codes, u)
    if kind == "case":
        other = tf.gather(_other_case(), tf.minimum(codes, _CASED_BELOW))
        other = tf.where(codes < _CASED_BELOW, other, codes)
        return other != codes, other
    if kind == "drop":
        return letters.goes_on, codes
    before_another = tf.concat([letters.goes_on, [False]], 0)[1:]
    return before_another & (tf.concat([codes, [0]], 0)[1:] != codes), codes


def _one_of(possible: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Draw one of the possible kinds for each character, bool [m, kinds]; none where none is."""
    count = tf.reduce_sum(tf.cast(possible, tf.int64), -1)
    number = tf.cumsum(tf.cast(possible, tf.int64), axis=-1) - 1
    return possible & (number == random_stream.index(u, count)[:, tf.newaxis])


def _letters(ragged: tf.RaggedTensor) -> _Letters:
    codes = ragged.flat_values
    kinds = tf.cast(tf.gather(_kinds_of_characters(), codes), tf.int32)
    place = tf.ragged.range(ragged.row_lengths()).flat_values
    return _Letters(codes, kinds, ragged.value_rowids(), place)


@cache
def _kinds_of_characters() -> np.ndarray:
    """List the kind of every code point, int8."""
    categories = [unicodedata.category(chr(code))[0] for code in range(0x110000)]
    kinds = np.isin(categories, ["L", "N", "M"]).astype(np.int8)
    for begin, end in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F)):
        kinds[begin : end + 1] *= IDEOGRAPH
    return kinds


@cache
def _neighbour_keys() -> _Options:
    """List keys within reach, letters for letters and digits for digits; upper case stays upper."""
    at = {
        key: (column + shift, row)
        for row, (keys, shift) in enumerate(_KEY_ROWS)
        for column, key in enumerate(keys)
    }
    lower = {key: "".join(other for other in at if _within_reach(at, key, other)) for key in at}
    upper = {key.upper(): others.upper() for key, others in lower.items()}
    return _Options.of({**lower, **upper})


def _within_reach(at: Mapping[str, tuple[float, int]], key: str, other: str) -> bool:
    apart = np.hypot(*np.subtract(at[key], at[other]))
    return 0 < apart < _REACH and key.isdigit() == other.isdigit()


@cache
def _look_alikes() -> _Options:
    return _Options.of({**_LOOK_ALIKES, **_others_of(_ALIKE)})


def _others_of(groups: Sequence[str]) -> dict[str, str]:
    return {
        member: "".join(other for other in group if other != member)
        for group in groups
        for member in group
    }


@cache
def _other_case() -> np.ndarray:
    """List the same letter in the other case, int32 by code point; itself if none is."""
    letters = map(chr, range(_CASED_BELOW + 1))
    swapped = (letter.swapcase() for letter in letters)
    return np.array(
        [ord(other) if len(other) == 1 else code for code, other in enumerate(swapped)], np.int32
    )
