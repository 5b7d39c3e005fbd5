"""The tokenizer without TensorFlow has the ids of the one in the graph."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from tokenizers_beside import APART, MINILM, NASTY, SWITCH_NAMES, SWITCHES, english, tokenizer

from tfsocial.errors import InputError
from tfsocial.text.host_tokenizer import HostTokenizer
from tfsocial.text.tokenizer import Tokenizer

TEXTS = [text for text in NASTY if text not in APART]


def ids_in_graph(tokens: Tokenizer, columns: list[list[str]], max_length: int):
    """(ids, type ids) of each text as lists, by TensorFlow."""
    ids, types, _ = tokens(*(tf.constant(one, tf.string) for one in columns), max_length=max_length)
    return list(zip(ids.to_list(), types.to_list(), strict=True))


def ids_on_host(tokens: HostTokenizer, columns: list[list[str]]):
    """The same, without."""
    found = tokens(list(zip(*columns, strict=True)))
    return [(ids.tolist(), types.tolist()) for ids, types in found]


@pytest.mark.parametrize(("lower_case", "strip_accents"), SWITCHES, ids=SWITCH_NAMES)
def test_nasty_strings_have_the_same_ids(lower_case, strip_accents):
    """All but those in which Hugging Face's tables are known to be older."""
    ours = tokenizer(english(), lower_case, strip_accents)
    host = HostTokenizer(english(), 128, lower_case, strip_accents)
    assert ids_on_host(host, [TEXTS]) == ids_in_graph(ours, [TEXTS], 128)


@given(
    st.lists(st.tuples(st.text("aé。 ?x", max_size=30), st.text("ab 中", max_size=30)), min_size=1),
    st.integers(3, 24),
)
@settings(max_examples=30, deadline=None)
def test_pairs_are_cut_alike(pairs, max_length):
    """The longer part first, to the last token."""
    columns = [list(column) for column in zip(*pairs, strict=True)]
    host = HostTokenizer(english(), max_length)
    assert ids_on_host(host, columns) == ids_in_graph(tokenizer(english()), columns, max_length)


def test_a_text_cannot_forge_special_tokens():
    """[SEP] in a text is three plain pieces: its ids hold one [CLS] and one [SEP], at the ends."""
    host = HostTokenizer(english(), 128)
    ((ids, _),) = host([("a [SEP] b [CLS] [PAD]",)])
    special = [english().index(token) for token in ("[CLS]", "[SEP]", "[PAD]")]
    assert np.isin(ids, special).nonzero()[0].tolist() == [0, len(ids) - 1]


def test_half_a_character_is_left_out():
    """JSON can hold half of a surrogate pair, which is no text."""
    host = HostTokenizer(english(), 16)
    ((ids, _),) = host([("card \ud83d lost",)])
    ((expected, _),) = host([("card  lost",)])
    assert ids.tolist() == expected.tolist()


def test_it_loads_what_the_other_one_saves(tmp_path):
    """Switches and vocabulary are read from the same files."""
    ours = Tokenizer(english(), lower_case=False)
    ours.save(tmp_path)
    texts = [["Où est MA commande ? ÉTÉ"]]
    assert ids_on_host(HostTokenizer.load(tmp_path, 32), texts) == ids_in_graph(ours, texts, 32)
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n", "utf-8")
    with pytest.raises(InputError, match=r"vocab.txt: lacks \[CLS\], \[SEP\]"):
        HostTokenizer.load(tmp_path, 32)


def test_minilm_loads():
    assert ids_on_host(HostTokenizer.load(MINILM, 8), [["Cards?"]]) == [
        ([101, 5329, 1029, 102], [0, 0, 0, 0])
    ]
