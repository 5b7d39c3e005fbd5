"""A split as tokens: made, cached, and in a smaller vocabulary."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import CLS, SEP, A, B, C, D, examples, first

from tfsocial import files
from tfsocial.data.pipeline import tokenization
from tfsocial.data.pipeline.batches import one_batch, training_batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, prune_vocabulary, tokenize_split
from tfsocial.text import batch as keys
from tfsocial.text.tokenizer import Tokenizer


class Poisoned(Tokenizer):
    """Says it is the same tokenizer and cannot tokenize."""

    def __call__(self, *texts, max_length):
        raise AssertionError("the tokenizer was called")


# --- encode ---------------------------------------------------------------------------------


def test_encode_by_hand(tokenizer):
    """Row i is example i between its special tokens; labels come with it."""
    encoded = tokenize_split(
        examples(
            ["a b", "", "Cards?"],
            intent=np.array([1, -1, 0], np.int32),
            mood=np.array([[0.5], [np.nan], [2.0]], np.float32),
        ),
        tokenizer,
        row_length=8,
    )
    assert encoded.tokens.to_list() == [[CLS, A, B, SEP], [CLS, SEP], [CLS, 33, 31, 32, SEP]]
    assert encoded.types.to_list() == [[0, 0, 0, 0], [0, 0], [0, 0, 0, 0, 0]]
    assert encoded.lengths.numpy().tolist() == [4, 2, 5]
    assert (len(encoded), encoded.truncated) == (3, 0)
    labels = {task: values.numpy().tolist() for task, values in encoded.labels.items()}
    assert np.isnan(labels["mood"].pop(1)).all()  # NaN equals nothing
    assert labels == {"intent": [1, -1, 0], "mood": [[0.5], [2.0]]}


def test_encode_of_pairs_by_hand(tokenizer):
    """The second text has type 1, with its separator."""
    encoded = tokenize_split(examples(["a", "b"], ["b c", ""]), tokenizer, row_length=8)
    assert encoded.tokens.to_list() == [[CLS, A, SEP, B, C, SEP], [CLS, B, SEP, SEP]]
    assert encoded.types.to_list() == [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1]]


def test_encode_counts_the_examples_it_cuts(tokenizer):
    """An example that just fits is not counted; every longer one is, once."""
    texts = ["a b", "a b c", "a b c d", "a b c d a b c d"]
    encoded = tokenize_split(examples(texts), tokenizer, row_length=5)
    assert encoded.tokens.to_list()[1:] == [[CLS, A, B, C, SEP]] * 3
    assert encoded.truncated == 2


def test_encode_goes_on_where_a_block_ends(tokenizer, monkeypatch):
    """Blocks of texts tokenized at once are put together in order."""
    texts = ["a", "b c", "", "d", "a b c"]
    whole = tokenize_split(examples(texts), tokenizer, row_length=4)
    monkeypatch.setattr(tokenization, "TOKENIZE_AT_ONCE", 2)
    blocks = tokenize_split(examples(texts), tokenizer, row_length=4)
    assert blocks.tokens.to_list() == whole.tokens.to_list()
    assert blocks.truncated == whole.truncated == 1


def test_the_cache_gives_the_same_and_spares_the_tokenizer(tokenizer, tmp_path):
    """A second run reads what the first one wrote; labels always come from the examples."""
    cache = str(tmp_path / "cache")
    texts, poisoned = ["a b c", "d"], Poisoned(tokenizer.vocabulary)
    written = tokenize_split(examples(texts, label=[0, 1]), tokenizer, 4, cache)
    read = tokenize_split(examples(texts, label=[1, 0]), poisoned, 4, cache)
    assert read.tokens.to_list() == written.tokens.to_list() == [[CLS, A, B, SEP], [CLS, D, SEP]]
    assert read.types.to_list() == written.types.to_list()
    assert read.truncated == written.truncated == 1
    assert read.labels["label"].numpy().tolist() == [1, 0]
    with pytest.raises(AssertionError, match="was called"):
        tokenize_split(examples(texts), poisoned, 4)


@pytest.mark.parametrize(
    ("text", "pair", "row_length", "lower_case"),
    [
        (["a c", "b"], None, 8, True),
        (["b", "a b"], None, 8, True),
        (["a b b"], None, 8, True),
        (["a b", "b", ""], None, 8, True),
        (["a b", "b"], ["", ""], 8, True),
        (["a b", "b"], None, 9, True),
        (["a b", "b"], None, 8, False),
    ],
    ids=["text", "order", "joined", "longer", "pair", "row length", "tokenizer"],
)
def test_the_cache_is_not_used_for_anything_else(
    tokenizer, tmp_path, text, pair, row_length, lower_case
):
    """Another text, order, pair, row length or tokenizer is tokenized anew."""
    cache = str(tmp_path)
    tokenize_split(examples(["a b", "b"]), tokenizer, 8, cache)
    poisoned = Poisoned(tokenizer.vocabulary, lower_case=lower_case)
    with pytest.raises(AssertionError, match="was called"):
        tokenize_split(examples(text, pair), poisoned, row_length, cache)


def test_the_cache_tells_two_columns_from_one(tokenizer, tmp_path):
    """The same texts cut otherwise into text and pair are another content."""
    one = tokenize_split(examples(["a", "b"]), tokenizer, 8, str(tmp_path))
    two = tokenize_split(examples(["a"], ["b"]), tokenizer, 8, str(tmp_path))
    assert one.tokens.to_list() == [[CLS, A, SEP], [CLS, B, SEP]]
    assert two.tokens.to_list() == [[CLS, A, SEP, B, SEP]]


def test_a_run_that_breaks_off_leaves_no_cache(tokenizer, tmp_path):
    """Nothing half done is found by the next run."""
    with pytest.raises(AssertionError):
        tokenize_split(examples(["a"]), Poisoned(tokenizer.vocabulary), 8, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert tokenize_split(examples(["a"]), tokenizer, 8, str(tmp_path)).tokens.shape[0] == 1


def test_what_is_in_the_cache_is_mapped_and_not_read(tokenizer, tmp_path):
    """The pages of the file are the tensor's memory, so that the system can take them back."""
    encoded = tokenize_split(examples(["a b", "c"]), tokenizer, 8, str(tmp_path))
    (folder,) = tmp_path.iterdir()
    mapped = Path("/proc/self/maps").read_text("utf-8")
    assert all(str(folder / name) in mapped for name in ("tokens", "types", "splits"))
    assert encoded.tokens.flat_values.dtype == tf.int32
    batch = first(training_batches(encoded, keys.Shape(1, 8, 2), seed=0), 1)[0]
    assert sorted(batch[keys.TOKEN_IDS].ravel().tolist()) == sorted(
        [CLS, A, B, SEP, CLS, C, SEP, 0]
    )


def test_texts_are_tokenized_a_part_at_a_time(tokenizer, tmp_path, monkeypatch):
    """Parts of 2 calls with 2 texts each: 5 texts are two parts, and the last of one text."""
    monkeypatch.setattr(tokenization, "TOKENIZE_AT_ONCE", 2)
    monkeypatch.setattr(tokenization, "CALLS", 2)
    texts = ["a", "b c", "d d d", "a b", "c"]
    for cache in (None, str(tmp_path)):
        encoded = tokenize_split(examples(texts), tokenizer, 4, cache)
        assert encoded.tokens[:, 1:-1].to_list() == [[A], [B, C], [D, D], [A, B], [C]]
        assert encoded.truncated == 1


def test_two_workers_may_fill_one_cache(tokenizer, tmp_path, monkeypatch):
    """Who comes second finds the folder there and reads it."""
    making = files.making

    @contextlib.contextmanager
    def slowly(folder):
        with making(folder) as partial:
            yield partial
            folder.mkdir()
            for name in partial.iterdir():
                shutil.copy(name, folder)

    monkeypatch.setattr(files, "making", slowly)
    encoded = tokenize_split(examples(["a"]), tokenizer, 8, str(tmp_path))
    assert encoded.tokens.to_list() == [[CLS, A, SEP]]
    assert len(list(tmp_path.iterdir())) == 1


# --- compact --------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.lists(st.integers(1, 500), max_size=5), min_size=1, max_size=5), max_size=3
    )
)
def test_compacted_ids_map_back(splits):
    """Every split, looked up in the list of used tokens, is what it was; none is listed in vain.

    Numbers are given when rows are packed; until then tokens are M0's.
    """
    encoded = {
        str(number): TokenizedSplit(
            tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1), None, {}, 0
        )
        for number, rows in enumerate(splits)
    }
    used, (compacted,) = prune_vocabulary(encoded)
    assert used.tolist() == sorted({0}.union(*(row for rows in splits for row in rows)))
    assert list(compacted) == list(encoded)
    for name, split in compacted.items():
        assert split.tokens is encoded[name].tokens
        new = split.renumbered(split.tokens.flat_values)
        assert new.dtype == tf.int32
        back = split.tokens.with_flat_values(used[new.numpy()])
        assert back.to_list() == encoded[name].tokens.to_list()


def test_compact_changes_nothing_but_the_ids(tokenizer):
    """Padding stays 0; types, labels and counts are the same."""
    before = tokenize_split(examples(["a d", "c c c"], label=[1, 0]), tokenizer, 4)
    used, (splits,) = prune_vocabulary({"train": before})
    after = splits["train"]
    assert used.tolist() == [0, CLS, SEP, A, C, D]
    ids = one_batch(after, 10, 2)[keys.TOKEN_IDS].numpy().tolist()
    assert ids == [[1, 3, 5, 2, 1, 4, 4, 2, 0, 0]]
    assert (after.types, after.labels, after.truncated) == (before.types, before.labels, 1)
