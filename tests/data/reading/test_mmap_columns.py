"""Texts and numbers in files: what is read is what was written, and runs do not notice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from tfsocial import __main__ as door
from tfsocial import config
from tfsocial.data.reading import mmap_columns
from tfsocial.data.reading.mmap_columns import Column, Numbers, Store, StoredTexts
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.sampling import mixture

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=30)


def written_to(folder, *columns) -> list[StoredTexts]:
    """Columns of one file, a row at a time as they are read."""
    store = Store(str(folder))
    growing = [Column(store) for _ in columns]
    for row in zip(*columns, strict=True):
        for column, text in zip(growing, row, strict=True):
            column.append(text)
    return [column.stored() for column in growing]


@given(texts, st.data())
def test_what_was_written_is_read(tmp_path_factory, written, data):
    """One by one, in a row, in part, in another order and some of them twice."""
    folder = tmp_path_factory.getbasetemp()
    (found,) = written_to(folder, written)
    assert list(found) == written
    assert [found[row] for row in range(len(found))] == written
    assert found[2:5] == written[2:5]
    places = st.integers(0, max(len(written) - 1, 0))
    rows = data.draw(st.lists(places, max_size=9 if written else 0))
    chosen = mmap_columns.taken(found, np.array(rows, np.int64))
    assert list(chosen) == mmap_columns.taken(written, rows)
    both = mmap_columns.joined([found, chosen])
    assert list(both) == [*written, *chosen]
    assert isinstance(both, StoredTexts)


def test_more_than_a_block(tmp_path, monkeypatch):
    """Two columns lie between each other in one file; blocks of 4 end in the middle."""
    monkeypatch.setattr(mmap_columns, "_BLOCK", 4)
    one, other = [f"ä{i}" for i in range(10)], [f"{i}" * i for i in range(10)]
    assert [list(column) for column in written_to(tmp_path, one, other)] == [one, other]
    (alone,) = written_to(tmp_path, one)
    assert list(alone) == one


def test_the_file_has_no_name(tmp_path):
    """A run that is killed leaves nothing to clean up."""
    (found,) = written_to(tmp_path, ["a text"])
    assert list(tmp_path.iterdir()) == []
    assert found[0] == "a text"


def test_text_may_be_added_after_some_was_read(tmp_path):
    store = Store(str(tmp_path))
    column = Column(store)
    column.append("first")
    assert column.stored()[0] == "first"
    column.append("second")
    assert list(column.stored()) == ["first", "second"]


# --- numbers --------------------------------------------------------------------------------

PARTS = st.lists(st.one_of(st.integers(-9, 9), st.lists(st.integers(-9, 9), max_size=7)))


@given(PARTS, st.sampled_from("iqf"))
def test_numbers_are_those_that_were_added(tmp_path_factory, parts, type):
    """One or several at a time, more than are written together, in memory and in a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmap_columns, "_NUMBERS", 3)
        for folder in (None, str(tmp_path_factory.getbasetemp())):
            column = Numbers(type, folder)
            for part in parts:
                column.extend(np.array(part)) if isinstance(part, list) else column.append(part)
            found = column.stored()
            assert found.dtype == np.dtype(type)
            assert found.tolist() == np.hstack([[], *parts]).tolist()
            assert len(column) == len(found)


@given(st.lists(st.integers(0, 2), max_size=9), st.booleans())
def test_gathered_by_hand(tmp_path_factory, which, wide):
    rows = np.float32([[1, 2], [3, np.nan], [5, 6]]) if wide else np.int32([4, -1, 9])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmap_columns, "_NUMBERS", 4)
        for folder in (None, str(tmp_path_factory.getbasetemp())):
            found = mmap_columns.gathered(rows, np.array(which, np.int32), folder)
            np.testing.assert_array_equal(found, rows[which])
            assert found.dtype == rows.dtype


# --- what is read with a cache is what is read without one ----------------------------------


@pytest.fixture
def settings(tmp_path):
    """Pairs of texts from two sources, one of them without labels, and a bad row."""
    rows = [("my card", "is late", "sad"), ("thänks", "a lot", "happy"), ("", "x", "sad")]
    columns = ("text", "other", "mood")
    for name in ("own.csv", "dev.csv"):
        tiny_run.write_csv(tmp_path / name, columns, rows * 3)
    tiny_run.write_csv(tmp_path / "pool.csv", columns[:2], [("nice", "order"), ("it", "is")])
    parts = {
        "own": {"splits": {"train": "own.csv", "dev": "dev.csv"}, "sampling_weight": 2},
        "pool": {"splits": {"train": "pool.csv"}, "tasks": [], "sampling_weight": 1},
    }
    pairs = ["text", "other"]
    rooted = {name: {"root": str(tmp_path), "text": pairs, **own} for name, own in parts.items()}
    data = {"mixture": rooted, "text": pairs, "max_bad_fraction": 0.5}
    tasks = {"mood": {"column": "mood"}}
    return [
        config.parse({"data": {**data, **cache}, "tasks": tasks})
        for cache in ({}, {"cache": str(tmp_path / "cache")})
    ]


def test_a_corpus_is_the_same_with_a_cache(settings):
    listed, kept = (
        mixture.mixed(read_splits(each.data, each.tasks), each.data, seed=0) for each in settings
    )
    for split, examples in listed.splits.items():
        other = kept.splits[split]
        assert isinstance(other.text, StoredTexts)
        assert (list(other.text), list(other.pair)) == (examples.text, examples.pair)
        np.testing.assert_array_equal(other.labels["mood"], examples.labels["mood"])
        assert [other.origin.where(row) for row in range(len(other))] == [
            examples.origin.where(row) for row in range(len(examples))
        ]
    assert kept.parts == listed.parts
    assert kept.counts == listed.counts


def test_a_run_is_the_same_with_a_cache(tmp_path):
    """Weights bit for bit, and every number of the report. Words are changed as they are read."""
    _same(tmp_path, ("data.augment=[{word_swap: {rate: 0.5}}]",), ["listed", "kept"])


def test_the_next_run_reads_the_cache(tmp_path):
    """And is the same too. Tokens are changed as they are kept, some of train is drawn, and
    baselines read all of it.
    """
    masked = "data.augment=[{token_mask: {rate: 0.5}}]"
    knobs = (masked, "data.shots=3", "report.baselines=true")
    _same(tmp_path, knobs, ["listed", "kept", "again"])


def _same(folder: Path, knobs: tuple[str, ...], names: list[str]) -> None:
    """Runs of these knobs end alike; all but the first have the cache."""
    moods = tiny_run.write_moods(folder / "moods")
    for name in names:
        cache = () if name == "listed" else (f"data.cache={folder / 'cache'}",)
        _run(tiny_run.write_config(moods, *knobs, *cache), folder / name)
    reports, weights = ([read(folder / name) for name in names] for read in (_report, _weights))
    for report, other in zip(reports[1:], weights[1:], strict=True):
        assert report == reports[0]
        assert not [name for name in other if not np.array_equal(weights[0][name], other[name])]


def _report(workdir: Path) -> dict:
    return json.loads((workdir / "report.json").read_text("utf-8"))


def _weights(workdir: Path) -> dict[str, np.ndarray]:
    model = workdir / "model"
    return load_file(model / "model.safetensors") | load_file(model / "heads.safetensors")


def _run(path: Path, workdir: Path) -> None:
    assert door.main(["train", f"--config={path}", f"--workdir={workdir}", "--device=cpu"]) == 0


def test_all_that_grows_with_the_data_lies_in_files(tmp_path):
    """Texts and where they begin, files and lines, labels of each kind."""
    rows = [("my card", "sad", "a|b", "0.5"), ("thanks", "", "", "")]
    tiny_run.write_csv(tmp_path / "all.csv", ("text", "mood", "topics", "stars"), rows)
    tasks = {
        "mood": {"column": "mood"},
        "topics": {"column": "topics", "kind": "multilabel", "separator": "|"},
        "stars": {"column": "stars", "kind": "regress"},
    }
    data = {"root": str(tmp_path), "splits": {"train": "all.csv"}, "cache": str(tmp_path / "cache")}
    read = config.parse({"data": data, "tasks": tasks})
    train = read_splits(read.data, read.tasks).splits["train"]
    numbers = [train.text.begin, train.text.size, train.origin.file, train.origin.line]
    assert all(isinstance(column, np.memmap) for column in (*numbers, *train.labels.values()))
    assert train.labels["mood"].tolist() == [0, -1]
    np.testing.assert_array_equal(train.labels["topics"], [[1, 1], [np.nan, np.nan]])
    np.testing.assert_array_equal(train.labels["stars"], [[0.5], [np.nan]])
