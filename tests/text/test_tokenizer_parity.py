"""Ids are those of Hugging Face's tokenizer, but where a table says otherwise."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers_beside import (
    APART,
    HERE,
    NASTY,
    SPECIALS,
    SWITCH_NAMES,
    SWITCHES,
    differing,
    english,
    oracle,
    tokenizer,
)

DATA = Path(os.environ.get("TFSOCIAL_DATA", "TFSOCIAL_DATA is not set"))


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
    # The compiler keeps U+0011 for itself; the cleaning deletes it from every text.
    singles = sorted(c for c in characters if not c.isspace() and c not in "\0\x11")
    ends = [f"##{word[len(word) // 2 :]}" for word in words]
    return tuple(dict.fromkeys([*SPECIALS, *singles, *(f"##{c}" for c in singles), *words, *ends]))


# --- parity on strings made to hurt ---


@pytest.mark.parametrize(("lower_case", "strip_accents"), SWITCHES, ids=SWITCH_NAMES)
def test_nasty_strings_in_english_pieces_differ_only_where_the_table_says(
    lower_case, strip_accents
):
    assert set(differing(NASTY, english(), lower_case, strip_accents)) <= set(APART)


def test_nasty_strings_spelled_out_differ_exactly_where_the_table_says():
    wrong = [set(differing(NASTY, alphabet(), *switches)) for switches in SWITCHES]
    assert set.union(*wrong) == set(APART)


@pytest.mark.parametrize("lower_case", [True, False], ids=SWITCH_NAMES[:2])
def test_every_code_point_agrees_but_those_on_record(lower_case):
    assigned = [*range(0xD800), *range(0xE000, 0x33480), *range(0xE0000, 0xE0200)]
    characters = [chr(point) for point in assigned]
    wrong = _wrongly_split(characters, lower_case) | _wrongly_spelled(characters, lower_case)
    assert wrong == _on_record("uncased" if lower_case else "cased")


def _wrongly_split(characters: Sequence[str], lower_case: bool) -> set[str]:
    """Characters that inside a word are kept, deleted or split off unlike Hugging Face does."""
    chunks = [characters[start : start + 128] for start in range(0, len(characters), 128)]
    lines = {"".join(f"a{character}b " for character in chunk): chunk for chunk in chunks}
    wrong = differing(list(lines), english(), lower_case)
    words = [f"a{character}b" for line in wrong for character in lines[line]]
    return {word[1] for word in differing(words, english(), lower_case)}


def _wrongly_spelled(characters: Sequence[str], lower_case: bool) -> set[str]:
    """Characters that Hugging Face replaces by others than we do."""
    words = [f"a{character}b" for character in characters]
    found = tokenizer(english(), lower_case).normalize(tf.constant(words)).numpy()
    normalize = oracle(english(), lower_case).backend_tokenizer.normalizer.normalize_str
    pairs = zip(characters, words, found, strict=True)
    return {c for c, word, ours in pairs if _solid(normalize(word)) != _solid(ours.decode())}


def _solid(text: str) -> str:
    return "".join(text.split())


def _on_record(kind: str) -> set[str]:
    causes = json.loads((HERE / "code_points_apart.json").read_text())
    ranges = " ".join(by_kind[kind] for by_kind in causes.values()).split()
    bounds = [[int(bound, 16) for bound in item.split("-")] for item in ranges]
    return {chr(point) for ends in bounds for point in range(ends[0], ends[-1] + 1)}


LATIN = "".join(map(chr, range(0x20, 0x7F))) + "".join(
    chr(point) for point in range(0xC0, 0x100) if chr(point).isalpha()
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(LATIN, max_size=60), min_size=1, max_size=20))
def test_latin_text_never_differs(texts):
    assert not differing(texts, english())
    assert not differing(texts, english(), lower_case=False)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=8))
def test_bytes_that_are_not_utf8_are_ignored(texts):
    readable = [text.decode("utf-8", errors="ignore") for text in texts]
    ours = tokenizer(english())
    found = ours.pieces(tf.constant(texts, tf.string)).to_list()
    assert found == ours.pieces(tf.constant(readable, tf.string)).to_list()


def test_a_text_cannot_forge_special_tokens():
    ids, _, _ = tokenizer(english())(["[SEP] [MASK]"], max_length=16)
    row = ids.to_list()[0]
    assert tokenizer(english()).mask_id not in row
    assert row.count(tokenizer(english()).sep_id) == 1


# --- parity on whole data sets ---


@cache
def corpus(*names: str) -> tuple[str, ...]:
    """All texts of data sets, every split."""
    missing = [name for name in names if not (DATA / name).is_dir()]
    if missing:
        pytest.skip(f"{', '.join(missing)} not found under {DATA} (TFSOCIAL_DATA moves it)")
    paths = [path for name in names for path in sorted((DATA / name).glob("*.csv"))]
    return tuple(dict.fromkeys(text for path in paths for text in _texts(path)))


def _texts(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from (row["text"] for row in csv.DictReader(lines) if "text" in row)


ENGLISH_SETS = ("banking77", "clinc150")


CHINESE_SETS = ("sib200_zh_en", "crosswoz_zh")


def grown(texts: Sequence[str]) -> tuple[str, ...]:
    """A vocabulary of the texts' own characters and of their 3,000 commonest words."""
    words = Counter(word for text in texts for word in text.split() if word.isalnum())
    common = [word for word, _ in words.most_common(3000) if len(word) > 1]
    return characters_and_pieces(set("".join(texts)), common)


@pytest.mark.parametrize("names", [ENGLISH_SETS, CHINESE_SETS])
def test_data_sets_in_the_english_vocabulary(names):
    assert not differing(corpus(*names), english())


@pytest.mark.parametrize("lower_case", [True, False], ids=SWITCH_NAMES[:2])
@pytest.mark.parametrize("names", [ENGLISH_SETS, CHINESE_SETS])
def test_data_sets_in_a_vocabulary_of_their_own(names, lower_case):
    texts = corpus(*names)
    assert not differing(texts, grown(texts), lower_case)
