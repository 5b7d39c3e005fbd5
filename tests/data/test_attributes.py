"""Columns beside text and label: read, kept through all that happens to examples, and packed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenized_by_hand import encoded_of

from tfsocial import config
from tfsocial.data import convert, corpus
from tfsocial.data.attributes import Attribute, joined
from tfsocial.data.pipeline import batches, disk_cache, tokenized_split
from tfsocial.data.reading import splits
from tfsocial.errors import InputError
from tfsocial.text import batch as keys
from tfsocial.text import packing

ROWS = "text,label,user,when\nhi,b,u7,2024\nyo,a,,2023\nhm,a, u7 ,2024\nok,b,u7,\n"


def parsed(folder, rows=ROWS, name="train.csv", tasks=None, **data):
    (folder / name).write_text(rows, encoding="utf-8")
    own = {"attributes": {"reader": "user", "year": "when"}} | data
    section = {"root": str(folder), "splits": {"train": name}, **own}
    return config.parse({"data": section, "tasks": tasks or {"label": {}}})


def read(chosen):
    return splits.read_splits(chosen.data, chosen.tasks).splits["train"]


@pytest.mark.parametrize("cached", [False, True])
def test_values_are_kept_as_they_are_written(tmp_path, cached):
    """Spaces too; what is not there is empty and has no number. A file may hold the numbers."""
    knobs = {"cache": str(tmp_path / "cache")} if cached else {}
    train = read(parsed(tmp_path, **knobs))
    assert list(train.attributes["reader"]) == ["u7", "", " u7 ", "u7"]
    assert train.attributes["reader"].codes.tolist() == [0, -1, 1, 0]
    assert train.attributes["reader"].codes.dtype == np.int32
    assert isinstance(train.attributes["reader"].codes, np.memmap) == cached
    assert list(train.attributes["year"]) == ["2024", "2023", "2024", ""]


def test_rows_taken_keep_theirs(tmp_path):
    """In the order in which they are taken, more than once too."""
    train = read(parsed(tmp_path)).taken(np.array([2, 0, 0]))
    assert list(train.attributes["reader"]) == [" u7 ", "u7", "u7"]


def test_json_values_of_each_kind(tmp_path):
    """Numbers and truths as JSON writes them; a list is no value, and the row is bad."""
    cells = [3, 1.5, True, None, "x", ["a"]]
    rows = [{"text": str(cell), "label": "a", "user": cell, "when": 1} for cell in cells]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    chosen = parsed(tmp_path, lines, "train.jsonl", max_bad_fraction=0.5)
    found = splits.read_splits(chosen.data, chosen.tasks, tmp_path / "bad.jsonl")
    assert list(found.splits["train"].attributes["reader"]) == ["3", "1.5", "true", "", "x"]
    bad = json.loads((tmp_path / "bad.jsonl").read_text("utf-8"))
    assert bad["reason"] == "column 'user' is a list; expected one value"


def test_a_missing_column_is_named_with_its_key(tmp_path):
    """As a label's is."""
    chosen = parsed(tmp_path, attributes={"reader": "usr"})
    with pytest.raises(InputError) as caught:
        read(chosen)
    assert "has no column 'usr', which data.attributes.reader names" in str(caught.value)
    assert "did you mean user?, or leave the attribute out" in str(caught.value)


def mixture(folder):
    (folder / "own.csv").write_text(ROWS, encoding="utf-8")
    (folder / "open.csv").write_text("text,label,who\nhey,a,u9\nhello,b,u7\n", encoding="utf-8")
    for name in ("bare", "dev"):
        (folder / f"{name}.csv").write_text(f"text,label\nby {name},a\n", encoding="utf-8")
    of = {
        "own": {"attributes": {"reader": "user"}},
        "open": {"attributes": {"reader": "who"}},
        "bare": {},
    }
    parts = {name: own | {"splits": {"train": f"{name}.csv"}} for name, own in of.items()}
    parts["bare"]["splits"]["dev"] = "dev.csv"
    return config.parse({"data": {"root": str(folder), "mixture": parts}, "tasks": {"label": {}}})


def test_a_mixture_has_the_attributes_of_all_sources(tmp_path):
    """One value is the same wherever it stands; who has no column has no value, dev neither."""
    chosen = mixture(tmp_path)
    found = corpus.load_corpus(chosen.data, chosen.tasks, chosen.seed)
    reader = found.splits["train"].attributes["reader"]
    assert sorted(reader) == sorted(["u7", "", " u7 ", "u7", "u9", "u7", ""])
    assert len(reader.values) == 3
    assert list(found.splits["dev"].attributes["reader"]) == [""]


def test_what_was_converted_has_the_same_attributes(tmp_path):
    """Through TFRecord and back, a number and a truth of JSON included."""
    cells = [3, True, None, "x|y"]
    rows = [{"text": f"t{i}", "label": "a", "user": cell} for i, cell in enumerate(cells)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    chosen = parsed(tmp_path, lines, "train.jsonl", attributes={"reader": "user"})
    done = list(convert.convert(chosen.data, chosen.tasks, str(tmp_path / "out"), shards=2))
    assert done[0].manifest.columns == ["text", "label", "user"]
    data = chosen.data.model_dump() | convert.use(chosen.data, done)
    again = config.parse({"data": data, "tasks": {"label": {}}})
    assert list(read(again).attributes["reader"]) == list(read(chosen).attributes["reader"])


VALUES = st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=8)


def column(values):
    known = sorted({*values} - {""})
    codes = [known.index(value) if value else -1 for value in values]
    return Attribute(np.array(codes, np.int32), tuple(known))


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_joined_columns_are_the_columns_one_after_the_other(parts):
    """Each value has one number, whichever parts hold it."""
    found = joined([column(values) for values in parts])
    assert list(found) == [value for values in parts for value in values]
    assert len({*found.values}) == len(found.values)


# --- in batches ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (
            {"tasks": {"stars": {"kind": "regress", "list": "raeder"}}},
            r"tasks\.stars\.list: raeder is no attribute of data\.attributes, did you mean reader",
        ),
        (
            {"tasks": {"label": {"list": "reader"}}},
            r"tasks\.label\.list is for tasks of kind regress, whose losses can rank",
        ),
        (
            {"data": {"attributes": {"reader": "user"}, "together": "user"}},
            r"data\.together: user is no attribute of data\.attributes, ",
        ),
        (
            {
                "data": {"attributes": {"reader": "user"}, "together": "reader", "rows": 4},
                "training": {"micro_batches": 2},
            },
            r"data\.together: training\.micro_batches would divide groups; leave out one",
        ),
        (
            {
                "data": {
                    "attributes": {"reader": "user"},
                    "together": "reader",
                    "augment": [{"word_drop": {}}],
                }
            },
            r"data\.together: data\.augment would divide groups",
        ),
        (
            {"data": {"attributes": {"a": "b"}, "mixture": {"own": {}}}},
            r"data names attributes beside a mixture; say for each of its sources",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tree, sentence):
    """By key path."""
    tree = {"data": {"attributes": {"reader": "user"}}, **tree}
    with pytest.raises(InputError, match=sentence):
        config.parse(tree)


def test_batches_have_the_lists_of_the_tasks_that_name_one(tokenizer, tmp_path):
    """Numbers of the attribute; -1 where there is none and in empty slots."""
    chosen = parsed(tmp_path)
    train = read(chosen)
    encoded = tokenized_split.tokenize_split(train, tokenizer, 8, lists={"stars": "reader"})
    shape = keys.Shape(2, 8, 3)
    (batch,) = batches.evaluation_batches(encoded, shape)
    assert batch["group/stars"].dtype == np.int32
    assert batch["group/stars"].shape == (2, 3)
    ids, codes = batch[keys.EXAMPLE_ID].numpy(), batch["group/stars"].numpy()
    expected = np.where(ids >= 0, np.array([0, -1, 1, 0])[np.maximum(ids, 0)], -1)
    np.testing.assert_array_equal(codes, expected)
    assert tokenized_split.fingerprint(encoded) != tokenized_split.fingerprint(
        tokenized_split.tokenize_split(train, tokenizer, 8, lists={"stars": "year"})
    )
    assert "group/stars" not in next(
        iter(batches.evaluation_batches(tokenized_split.tokenize_split(train, tokenizer, 8), shape))
    )


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(-1, 3), min_size=1, max_size=30), st.integers(0, 9))
def test_packing_keeps_every_example_in_its_list(codes, seed):
    """Wherever it stands, in training and in evaluation."""
    lengths = 1 + (np.arange(len(codes)) * 5) % 7
    codes = np.array(codes, np.int32)
    encoded = replace(encoded_of(lengths), groups={"stars": disk_cache.as_tensor(codes)})
    shape = keys.Shape(2, 9, 3)
    endless = batches.training_batches(encoded, shape, seed)
    steps = batches.steps_per_epoch(encoded, shape)
    for source in (endless.take(steps), batches.evaluation_batches(encoded, shape)):
        for batch in source:
            ids, found = batch[keys.EXAMPLE_ID].numpy(), batch["group/stars"].numpy()
            present = ids != packing.EMPTY
            np.testing.assert_array_equal(found[present], codes[ids[present]])
            assert np.all(found[~present] == -1)
    kept = tokenized_split.sample(encoded, 3)
    assert len(kept.groups["stars"]) == min(3, len(codes))
