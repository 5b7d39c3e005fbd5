"""The one tokenizer, in graph: raw strings in, BERT token ids out.

Training maps it over batches of a `tf.data` pipeline, serving carries it inside
the SavedModel, so a text means the same ids in both. It follows
`transformers.BertTokenizerFast` (Devlin et al., arXiv:1810.04805, section 3) in
everything but:

* characters that joined Unicode after version 8, where Hugging Face's tables
  end: newer combining marks and punctuation are recognised as such here, and
  letters newer than version 13 may keep their case or come apart;
* U+166D, U+1885, U+1886, U+A9BD and U+111C9, whose category Unicode has changed
  since, and the ideographs U+2B820 to U+2B91F, which Hugging Face does not split;
* the words `[CLS]`, `[SEP]`, `[MASK]` and so on in a text: they are plain words
  here, so that no user can forge the structure of an input. (Hugging Face does
  the same with `split_special_tokens=True`.)

Only ops that tensorflow_text 2.12.1 knows are used, because that is what
TensorFlow Serving carries up to 2.19.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text

from tfsocial.errors import InputError
from tfsocial.text.batch import WordParts
from tfsocial.text.tokenizer_files import (
    CLS,
    MASK,
    PAD,
    SEP,
    SETTINGS_FILE,
    SPECIAL_TOKENS,
    SPECIAL_TOKENS_FILE,
    UNKNOWN,
    VOCABULARY_FILE,
    check_honoured,
    read_settings,
    read_vocabulary,
    write_json,
)

# A longer word is one unknown token.
_LONGEST_WORD = 100
_MOST_BYTES_PER_CHARACTER = 4

# What Hugging Face deletes: U+FFFD, controls except tab and line ends, private use,
# and the format characters of Unicode 8, spelled out since RE2's table has newer ones.
_DELETED = (
    r"[\x{0}-\x{8}\x{B}\x{C}\x{E}-\x{1F}\x{7F}-\x{9F}\x{FFFD}\p{Co}"
    r"\x{AD}\x{600}-\x{605}\x{61C}\x{6DD}\x{70F}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}"
    r"\x{2060}-\x{2064}\x{2066}-\x{206F}\x{FEFF}\x{FFF9}-\x{FFFB}\x{110BD}\x{1BCA0}-\x{1BCA3}"
    r"\x{1D173}-\x{1D17A}\x{E0001}\x{E0020}-\x{E007F}]"
)

_ACCENTS = r"[\p{Mn}\x{1734}]"  # U+1734 has become a spacing mark since Unicode 8

# Each of these is a word by itself.
IDEOGRAPHS = (
    r"\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{2A6DF}"
    r"\x{2A700}-\x{2CEAF}\x{2F800}-\x{2FA1F}"
)

_SEPARATE = rf"[\p{{P}}{IDEOGRAPHS}]"
_LONG_RUN = r"[^\x{0}-/:-@\[-`{-~\p{Z}]{101}"
_TOO_LONG = _LONG_RUN[:-1] + ",}"
_NO_WORD = "x" * (_LONGEST_WORD * _MOST_BYTES_PER_CHARACTER + 1)


class Tokenizer(tf.Module):
    """BERT's WordPiece over a fixed vocabulary.

    Attributes:
        vocabulary: the tokens; a token's id is its place.
        lower_case, strip_accents: as Hugging Face's settings of nearly the same names.
        unknown_id, cls_id, sep_id, pad_id, mask_id: ids of the special tokens.

    >>> tokenizer = Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "card", "##s", "?"])
    >>> ids, type_ids, truncated = tokenizer(["Cards?", ""], max_length=8)
    >>> ids.to_list(), truncated.numpy().tolist()
    ([[2, 5, 6, 7, 3], [2, 3]], [False, False])
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        lower_case: bool = True,
        strip_accents: bool | None = None,
    ) -> None:
        """Make a tokenizer for `vocabulary`; `strip_accents` left out follows `lower_case`.

        Raises:
            InputError: a token stands twice, cannot be stored, or a special one is missing.
        """
        super().__init__(name="tokenizer")
        _check_vocabulary(vocabulary)
        self.vocabulary = tuple(vocabulary)
        self.lower_case = lower_case
        self.strip_accents = lower_case if strip_accents is None else strip_accents
        self._wordpiece = _compile(tuple(self.vocabulary))
        self.unknown_id = self.vocabulary.index(UNKNOWN)
        self.cls_id = self.vocabulary.index(CLS)
        self.sep_id = self.vocabulary.index(SEP)
        self.pad_id = self.vocabulary.index(PAD)
        self.mask_id = self.vocabulary.index(MASK)

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Load the tokenizer of a Hugging Face folder: vocab.txt and tokenizer_config.json.

        Raises:
            InputError: a file is missing or ill, or asks for what cannot be honoured.
        """
        settings = read_settings(folder / SETTINGS_FILE)
        vocabulary = read_vocabulary(folder / VOCABULARY_FILE)
        check_honoured(settings, vocabulary, folder / SETTINGS_FILE)
        try:
            return cls(
                vocabulary, settings.get("do_lower_case", True), settings.get("strip_accents")
            )
        except InputError as error:
            raise InputError(f"{folder / VOCABULARY_FILE}: {error}") from None

    def save(self, folder: Path) -> None:
        """Write the files that `load` and `BertTokenizerFast.from_pretrained` read."""
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{token}\n" for token in self.vocabulary)
        (folder / VOCABULARY_FILE).write_bytes(lines.encode())
        settings = {"tokenizer_class": "BertTokenizer", **self.settings, **SPECIAL_TOKENS}
        write_json(folder / SETTINGS_FILE, settings)
        write_json(folder / SPECIAL_TOKENS_FILE, SPECIAL_TOKENS)

    @property
    def vocabulary_size(self) -> int:
        return len(self.vocabulary)

    def word_parts(self, ids: np.ndarray) -> WordParts:
        """Tell what masking must know of the tokens with these ids, int [m]."""
        tokens = [self.vocabulary[token] for token in ids]
        special = np.isin(ids, [self.cls_id, self.sep_id, self.pad_id, self.mask_id])
        continues = np.array([token.startswith("##") for token in tokens])
        return WordParts(special, continues, int(np.searchsorted(ids, self.mask_id)))

    @property
    def settings(self) -> dict[str, bool]:
        """What decides the ids beside the vocabulary, under Hugging Face's names."""
        return {
            "do_lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": True,
        }

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of vocabulary and settings: equal fingerprints, equal ids."""
        content = json.dumps([self.vocabulary, self.settings], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __call__(
        self, text: tf.Tensor, pair: tf.Tensor | None = None, *, max_length: int
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.Tensor]:
        """Tokenize to ids of `[CLS] text [SEP]`, or of `[CLS] text [SEP] pair [SEP]`.

        Tokens beyond `max_length`, special ones counted, are cut off the end. Of a
        pair the longer part is cut first ("longest_first"): with `room` tokens left
        beside the special ones, the shorter part keeps at most room // 2, the longer
        one what then remains. Of two equally long parts the first counts as the shorter.

        Args:
            text: string [n]; bytes that are not UTF-8 are ignored.
            pair: string [n], or None.
            max_length: most tokens in a row.

        Returns:
            token ids int32 [n, (length)], type ids of the same shape (1 on the pair
            and its [SEP]), and whether anything was cut, bool [n].

        Raises:
            ValueError: `max_length` has no room for the special tokens.
        """
        parts = [self.pieces(part) for part in (text, pair) if part is not None]
        room = max_length - 1 - len(parts)
        if room < 0:
            raise ValueError(f"max_length is {max_length}; the special tokens need more")
        lengths = [part.row_lengths() for part in parts]
        cut_lengths = _longest_first(lengths, room)
        cut = [shorter < length for shorter, length in zip(cut_lengths, lengths, strict=True)]
        heads = [_head(part, length) for part, length in zip(parts, cut_lengths, strict=True)]
        return *self._frame(heads), tf.reduce_any(cut, axis=0)

    def pieces(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Cut strings [n] into ids of the bare word pieces, int32 [n, (length)]."""
        return self._wordpiece.tokenize(_blank_long_words(self.normalize(text)))

    def normalize(self, text: tf.Tensor) -> tf.Tensor:
        """Normalize strings [n] as they are cut into words: cleaned, folded as the settings say.

        >>> vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ete"]
        >>> Tokenizer(vocabulary).normalize(["ÉTÉ\\u200b"]).numpy()[0].decode()
        'ete'
        """
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="ignore")
        text = tf.strings.regex_replace(text, _DELETED, "")
        if self.strip_accents:
            text = _without_accents(text)
        return _lower(text) if self.lower_case else text

    def _frame(self, parts: Sequence[tf.RaggedTensor]) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Put the parts between special tokens, and number their types."""
        rows = parts[0].nrows()
        ids, types = [_column(rows, self.cls_id)], [_column(rows, 0)]
        for kind, part in enumerate(parts):
            ids += [part, _column(rows, self.sep_id)]
            types += [tf.zeros_like(part) + kind, _column(rows, kind)]
        return tf.concat(ids, axis=1), tf.concat(types, axis=1)


def _column(rows: tf.Tensor, value: int) -> tf.Tensor:
    return tf.fill(tf.stack([rows, 1]), tf.constant(value, tf.int32))


def _head(part: tf.RaggedTensor, counts: tf.Tensor) -> tf.RaggedTensor:
    """Take the first `counts[i]` values of row i."""
    starts = part.row_starts()
    return tf.gather(part.flat_values, tf.ragged.range(starts, starts + counts))


def _longest_first(lengths: Sequence[tf.Tensor], room: int) -> list[tf.Tensor]:
    """Compute how many tokens each of one or two parts keeps, [n] each."""
    if len(lengths) == 1:
        return [tf.minimum(lengths[0], room)]
    first, second = lengths
    shorter = tf.minimum(tf.minimum(first, second), room // 2)
    longer = tf.minimum(tf.maximum(first, second), room - shorter)
    swapped = first > second
    return [tf.where(swapped, longer, shorter), tf.where(swapped, shorter, longer)]


def _without_accents(text: tf.Tensor) -> tf.Tensor:
    decomposed = tensorflow_text.normalize_utf8(text, "NFD")
    return tf.strings.regex_replace(decomposed, _ACCENTS, "")


def _lower(text: tf.Tensor) -> tf.Tensor:
    """Lower the case letter by letter, as Hugging Face has it.

    The op looks further: a final sigma gets its own form, and under a Turkish
    locale `I` loses its dot. So both are settled before it.
    """
    text = tf.strings.regex_replace(text, "Σ", "σ")
    return tf.strings.lower(tf.strings.lower(text), encoding="utf-8")


def _blank_long_words(text: tf.Tensor) -> tf.Tensor:
    """Put a word too long even in bytes for every word of more than 100 characters.

    The word piece op makes one unknown token of it, but can only count bytes.
    Few texts have such a word, so only in those that might are the words set
    apart; a class with all punctuation inside a counted repetition would
    outgrow RE2's memory.
    """
    suspects = tf.where(tf.strings.regex_full_match(text, rf"(?s).*{_LONG_RUN}.*"))
    spaced = tf.strings.regex_replace(tf.gather_nd(text, suspects), _SEPARATE, r" \0 ")
    blanked = tf.strings.regex_replace(spaced, _TOO_LONG, _NO_WORD)
    return tf.tensor_scatter_nd_update(text, suspects, blanked)


@lru_cache(maxsize=2)  # 30,000 words take a quarter of a second, and each split asks
def _compile(vocabulary: tuple[str, ...]) -> tensorflow_text.FastWordpieceTokenizer:
    try:
        return tensorflow_text.FastWordpieceTokenizer(
            list(vocabulary),
            max_bytes_per_word=_LONGEST_WORD * _MOST_BYTES_PER_CHARACTER,
            token_out_type=tf.int32,
            unknown_token=UNKNOWN,
        )
    except RuntimeError as error:
        raise InputError(f"the vocabulary cannot be compiled: {error}") from None


def _check_vocabulary(vocabulary: Sequence[str]) -> None:
    missing = [token for token in SPECIAL_TOKENS.values() if token not in vocabulary]
    if missing:
        raise InputError(f"the vocabulary lacks {', '.join(missing)}")
    seen: dict[str, int] = {}
    for line, token in enumerate(vocabulary, 1):
        if token in seen:
            raise InputError(f"token {token!r} stands on lines {seen[token]} and {line}")
        if set(token) & {"\n", "\r", "\0"}:
            raise InputError(f"token {token!r} on line {line} cannot be part of a line of text")
        seen[token] = line
