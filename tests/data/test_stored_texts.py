"""Texts in a file: what is read is what was written, in any order, and runs do not notice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from tfsocial import config
from tfsocial.data import mixture, sources, stored_texts
from tfsocial.data.stored_texts import Column, Store, StoredTexts

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=30)


def stored(folder, *columns) -> list[StoredTexts]:
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
    (found,) = stored(folder, written)
    assert list(found) == written
    assert [found[row] for row in range(len(found))] == written
    assert found[2:5] == written[2:5]
    places = st.integers(0, max(len(written) - 1, 0))
    rows = data.draw(st.lists(places, max_size=9 if written else 0))
    chosen = stored_texts.taken(found, np.array(rows, np.int64))
    assert list(chosen) == stored_texts.taken(written, rows)
    both = stored_texts.joined([found, chosen])
    assert list(both) == [*written, *chosen]
    assert isinstance(both, StoredTexts)


def test_more_than_a_block(tmp_path, monkeypatch):
    """Two columns lie between each other in one file; blocks of 4 end in the middle."""
    monkeypatch.setattr(stored_texts, "_BLOCK", 4)
    one, other = [f"ä{i}" for i in range(10)], [f"{i}" * i for i in range(10)]
    assert [list(column) for column in stored(tmp_path, one, other)] == [one, other]
    (alone,) = stored(tmp_path, one)
    assert list(alone) == one


def test_the_file_has_no_name(tmp_path):
    """A run that is killed leaves nothing to clean up."""
    (found,) = stored(tmp_path, ["a text"])
    assert list(tmp_path.iterdir()) == []
    assert found[0] == "a text"


def test_text_may_be_added_after_some_was_read(tmp_path):
    store = Store(str(tmp_path))
    column = Column(store)
    column.append("first")
    assert column.stored()[0] == "first"
    column.append("second")
    assert list(column.stored()) == ["first", "second"]


# --- what is read with a cache is what is read without one ----------------------------------


@pytest.fixture
def settings(tmp_path):
    """Pairs of texts from two sources, one of them without labels, and a bad row."""
    rows = [("my card", "is late", "sad"), ("thänks", "a lot", "happy"), ("", "x", "sad")]
    columns = ("text", "other", "mood")
    tiny_run.write_csv(tmp_path / "own.csv", columns, rows * 3)
    tiny_run.write_csv(tmp_path / "pool.csv", columns[:2], [("nice", "order"), ("it", "is")])
    parts = {
        "own": {"splits": {"train": "own.csv", "dev": "own.csv"}, "rate": 2},
        "pool": {"splits": {"train": "pool.csv"}, "tasks": [], "rate": 1},
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
        mixture.mixed(sources.read(each.data, each.tasks), each.data, seed=0) for each in settings
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


@pytest.mark.parametrize(
    "knobs",
    [
        ("data.augment=[{word_swap: {rate: 0.5}}]",),
        ("data.augment=[{token_mask: {rate: 0.5}}]",),
        ("data.shots=3", "report.baselines=true"),
    ],
    ids=["words", "tokens", "shots"],
)
def test_a_run_is_the_same_with_a_cache(tmp_path, knobs):
    """Weights bit for bit, and every number of the report."""
    _same(tmp_path, knobs, ["listed", "kept"])


def test_the_next_run_reads_the_cache(tmp_path):
    """And is the same too."""
    _same(tmp_path, (), ["listed", "kept", "again"])


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
    return load_file(workdir / "model" / "model.safetensors")


def _run(path: Path, workdir: Path) -> None:
    from tfsocial import __main__ as door

    assert door.main(["train", f"--config={path}", f"--workdir={workdir}", "--device=cpu"]) == 0
