"""The same tokenizer without TensorFlow, for forms of a model that take token ids.

Hugging Face's `tokenizers` does the work. Its ids are those of `Tokenizer` but for the characters
that the docstring of `tokenizer.py` lists: some that joined Unicode after version 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

from tfsocial.errors import InputError
from tfsocial.text.tokenizer_files import (
    CLS,
    SEP,
    SETTINGS_FILE,
    UNKNOWN,
    VOCABULARY_FILE,
    check_honoured,
    read_settings,
    read_vocabulary,
)

LONGEST_WORD = 100  # characters; a longer word is one unknown token

Ids = Sequence[tuple[np.ndarray, np.ndarray]]


class HostTokenizer:
    """BERT's WordPiece over a fixed vocabulary, in numpy; several threads may call it.

    >>> words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "card", "##s", "?"]
    >>> ((ids, types),) = HostTokenizer(words, max_length=8)([("Cards?",)])
    >>> ids.tolist(), types.tolist()
    ([2, 5, 6, 7, 3], [0, 0, 0, 0, 0])
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        max_length: int,
        lower_case: bool = True,
        strip_accents: bool | None = None,
    ) -> None:
        """Make a tokenizer for `vocabulary`; `strip_accents` left out follows `lower_case`.

        Args:
            max_length: tokens that a text is cut to, as `Tokenizer` cuts it.
        """
        ids = {token: number for number, token in enumerate(vocabulary)}
        self._tokenizer = tokenizers.Tokenizer(
            models.WordPiece(ids, unk_token=UNKNOWN, max_input_chars_per_word=LONGEST_WORD)
        )
        self._tokenizer.normalizer = normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=True,
            strip_accents=lower_case if strip_accents is None else strip_accents,
            lowercase=lower_case,
        )
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self._tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{CLS} $A {SEP}",
            pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
            special_tokens=[(CLS, ids[CLS]), (SEP, ids[SEP])],
        )
        self._tokenizer.enable_truncation(max_length, strategy="longest_first")

    @classmethod
    def load(cls, folder: Path, max_length: int) -> HostTokenizer:
        """Load the tokenizer of a folder that `Tokenizer.save` wrote.

        Raises:
            InputError: a file is missing or ill, or asks for what cannot be honoured.
        """
        settings = read_settings(folder / SETTINGS_FILE)
        vocabulary = read_vocabulary(folder / VOCABULARY_FILE)
        check_honoured(settings, vocabulary, folder / SETTINGS_FILE)
        if missing := {UNKNOWN, CLS, SEP} - set(vocabulary):
            raise InputError(f"{folder / VOCABULARY_FILE}: lacks {', '.join(sorted(missing))}")
        lower_case = settings.get("do_lower_case", True)
        return cls(vocabulary, max_length, lower_case, settings.get("strip_accents"))

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Ids:
        """Tokenize n texts or pairs: (token ids, type ids) of each, int32 [length]."""
        inputs = [_input(text) for text in texts]
        return [
            (np.array(one.ids, np.int32), np.array(one.type_ids, np.int32))
            for one in self._tokenizer.encode_batch(inputs)
        ]


def _input(text: tuple[str, ...]) -> str | tuple[str, ...]:
    """Give a text or a pair, without the halves of characters that JSON can bring along."""
    columns = tuple(column.encode("utf-8", "ignore").decode() for column in text)
    return columns if len(columns) > 1 else columns[0]
