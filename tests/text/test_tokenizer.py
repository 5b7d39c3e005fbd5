"""The tokenizer against its oracle, `transformers.BertTokenizerFast`, and against its promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers_beside import (
    APART,
    MINILM,
    NASTY,
    SPECIALS,
    SWITCH_NAMES,
    SWITCHES,
    differing,
    english,
    expected,
    oracle,
    tokenizer,
)
from transformers import BertTokenizerFast

from tfsocial.errors import InputError
from tfsocial.text.tokenizer import Tokenizer

# --- rows: special tokens, types, truncation ---

WORDS = st.lists(st.sampled_from(["card", "?", "unbelievable", "Zürich", "qzxj"]), max_size=24)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=4, max_size=8), st.integers(3, 40))
def test_pairs_are_cut_as_longest_first(both, max_length):
    texts, pairs = ([" ".join(words) for words in part] for part in zip(*both, strict=True))
    encoded = oracle(english(), True)(
        texts, pairs, truncation="longest_first", max_length=max_length
    )
    whole = oracle(english(), True)(texts, pairs)["input_ids"]
    ids, types, truncated = tokenizer(english())(texts, pairs, max_length=max_length)
    assert ids.to_list() == encoded["input_ids"]
    assert types.to_list() == encoded["token_type_ids"]
    assert truncated.numpy().tolist() == [len(row) > max_length for row in whole]


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
