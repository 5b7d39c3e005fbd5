"""Conversion to TFRecord: the same examples in and out, whole shards, going on, and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfsocial import config
from tfsocial.data import convert
from tfsocial.data.reading import source_rows, tfrecord
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError

TREE = {"label": {}, "tags": {"kind": "multilabel", "column": "tags"}}


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def some(count):
    """Rows of every kind: without a label, with no tag, with a tag that holds the separator."""
    tags = (["a|b"], [], "c|d", None)
    return [
        {
            "text": f"text {i}\n\u2028ü",
            "label": ["x", 3, None][i % 3],
            "tags": tags[i % 4],
            "more": i,
        }
        for i in range(count)
    ]


def chosen(folder, **data):
    tree = {"root": str(folder), "splits": {"train": "train.jsonl"}, "max_bad_fraction": 0.5}
    return config.parse({"data": {**tree, **data}, "tasks": TREE})


def converted(settings, output, shards=4):
    return list(convert.convert(settings.data, settings.tasks, str(output), shards))


def read_back(settings, done):
    changes = convert.use(settings.data, done)
    merged = settings.data.model_dump() | changes
    data = config.parse({"data": merged, "tasks": TREE}).data
    return read_splits(data, settings.tasks)


def same(one, other):
    assert one.splits.keys() == other.splits.keys()
    assert one.label_names == other.label_names
    for split, examples in one.splits.items():
        assert examples.text == other.splits[split].text
        assert examples.pair == other.splits[split].pair
        for task, values in examples.labels.items():
            np.testing.assert_array_equal(values, other.splits[split].labels[task])


def refusal(error, call, *arguments):
    with pytest.raises(error) as caught:
        call(*arguments)
    return str(caught.value)


def test_the_same_examples_in_and_out(tmp_path):
    write(tmp_path / "train.jsonl", [*some(10), {"text": " "}])
    settings = chosen(tmp_path)
    (done,) = converted(settings, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        *(f"train-0000{number}-of-00004.tfrecord" for number in range(4)),
        "train-quarantine.jsonl",
        "train.json",
    ]
    manifest = json.loads((tmp_path / "out" / "train.json").read_text())
    assert [shard["examples"] for shard in manifest["finished"].values()] == [3, 3, 2, 2]
    assert manifest["examples"] == 10
    assert manifest["columns"] == ["text", "label", "tags"]
    assert (done.counts.usable, done.counts.quarantined) == (10, 1)
    (bad,) = (tmp_path / "out" / "train-quarantine.jsonl").read_text().splitlines()
    assert json.loads(bad)["line"] == 11
    same(read_splits(settings.data, settings.tasks), read_back(settings, [done]))


cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
anything = st.fixed_dictionaries(
    {"text": cells, "label": st.none() | cells | st.integers()},
    optional={"tags": st.none() | cells | st.lists(cells, max_size=3)},
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(anything, max_size=6))
def test_any_rows_come_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("any")
    write(folder / "train.jsonl", [*some(4), *rows])
    settings = chosen(folder, max_bad_fraction=0.9)
    done = converted(settings, folder / "out", 2)
    same(read_splits(settings.data, settings.tasks), read_back(settings, done))


def test_the_hash_is_of_examples_in_any_order(tmp_path):
    def content(rows):
        write(tmp_path / "train.jsonl", rows)
        found = chosen(tmp_path)
        total = convert.Content()
        path = str(tmp_path / "train.jsonl")
        for example in source_rows.examples_of(path, "data", found.data, found.data, found.tasks):
            total.add(example)
        return total.examples, total.sha256

    rows = some(6)
    assert content(rows) == content(rows[::-1])
    assert content(rows)[1] != content([*rows[:5], {**rows[5], "label": "y"}])[1]
    assert (
        content([*rows, rows[0], rows[0]])[1] != content(rows)[1]
    )  # an exclusive or is blind here
    assert content([{**row, "more": 0} for row in rows]) == content(rows)


def test_a_stopped_conversion_goes_on_at_the_first_missing_shard(tmp_path, monkeypatch):
    write(tmp_path / "train.jsonl", some(10))
    settings, original, written = chosen(tmp_path), tfrecord.write, []

    def stopping(path, records):
        if len(written) == 2:
            raise KeyboardInterrupt
        original(path, records)
        written.append(path)

    monkeypatch.setattr(tfrecord, "write", stopping)
    with pytest.raises(KeyboardInterrupt):
        converted(settings, tmp_path / "out")
    stamps = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("*.tfrecord"))]
    assert len(stamps) == 2
    monkeypatch.setattr(tfrecord, "write", original)
    done = converted(settings, tmp_path / "out")
    shards = sorted((tmp_path / "out").glob("*.tfrecord"))
    assert len(shards) == 4
    assert [path.stat().st_mtime_ns for path in shards[:2]] == stamps
    same(read_splits(settings.data, settings.tasks), read_back(settings, done))


def test_a_shard_that_is_gone_or_cut_is_written_again(tmp_path):
    write(tmp_path / "train.jsonl", some(10))
    settings = chosen(tmp_path)
    (before,) = converted(settings, tmp_path / "out")
    first, second, *_ = sorted((tmp_path / "out").glob("*.tfrecord"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-2])
    (after,) = converted(settings, tmp_path / "out")
    assert after.manifest == before.manifest


def test_a_shard_with_other_examples_is_noticed(tmp_path):
    write(tmp_path / "train.jsonl", some(10))
    settings = chosen(tmp_path)
    converted(settings, tmp_path / "out")
    first = min((tmp_path / "out").glob("*.tfrecord"))
    raw = [example.text for example in read_texts(first)]
    rows = [tfrecord.values_of(record.numpy()) for record in tf.data.TFRecordDataset(str(first))]
    rows[0]["text"] = rows[0]["text"].replace("0", "7")
    tfrecord.write(str(first), map(tfrecord.record, rows))
    assert len(raw) == 3
    message = refusal(OSError, converted, settings, tmp_path / "out")
    assert "does not hold the examples that were written" in message
    assert str(first) in message


@pytest.mark.parametrize(
    ("change", "which"),
    [
        (lambda rows: rows[:-1], "examples, sha256"),
        (lambda rows: [*rows[:-1], {**rows[-1], "text": "other"}], "sha256"),
    ],
)
def test_a_folder_of_other_data_is_refused(tmp_path, change, which):
    write(tmp_path / "train.jsonl", some(10))
    settings = chosen(tmp_path)
    converted(settings, tmp_path / "out")
    write(tmp_path / "train.jsonl", change(some(10)))
    message = refusal(InputError, converted, settings, tmp_path / "out")
    assert f"train.json is of another conversion ({which}); name a new --output" in message


def test_what_else_is_refused(tmp_path):
    write(tmp_path / "train.jsonl", some(10))
    settings = chosen(tmp_path)
    converted(settings, tmp_path / "out", 2)
    assert "(shards)" in refusal(InputError, converted, settings, tmp_path / "out", 3)
    (tmp_path / "out" / "train.json").write_text("[]")
    assert "is no manifest" in refusal(InputError, converted, settings, tmp_path / "out", 2)
    strict = chosen(tmp_path, max_characters=3, max_bad_fraction=0.0)
    message = refusal(InputError, converted, strict, tmp_path / "new")
    assert message.startswith("data.splits.train: 10 of 10 rows are bad")


def test_no_more_shards_than_examples_and_remote_folders(tmp_path):
    write(tmp_path / "train.jsonl", some(3))
    settings = chosen(tmp_path)
    (done,) = converted(settings, "ram://converted", 8)
    assert done.manifest.shards == 3
    assert tf.io.gfile.exists("ram://converted/train-00002-of-00003.tfrecord")
    same(read_splits(settings.data, settings.tasks), read_back(settings, [done]))


def test_each_source_of_a_mixture_has_its_folder(tmp_path):
    write(tmp_path / "train.jsonl", some(6))
    (tmp_path / "open.csv").write_text("review,sentiment\nfine,1\npoor,0\n")
    tree = {
        "own": {"root": str(tmp_path), "splits": {"train": "train.jsonl"}},
        "open": {
            "root": str(tmp_path),
            "splits": {"train": "open.csv"},
            "text": "review",
            "tasks": ["label"],
            "columns": {"label": "sentiment"},
            "labels": {"label": {"1": "0", "0": "1"}},  # renamed twice, nothing would be left of it
        },
    }
    settings = config.parse({"data": {"mixture": tree}, "tasks": TREE})
    done = converted(settings, tmp_path / "out", 1)
    assert (tmp_path / "out" / "open" / "train-00000-of-00001.tfrecord").exists()
    changes = convert.use(settings.data, done)["mixture"]
    merged = {name: {**source, **changes[name]} for name, source in tree.items()}
    again = config.parse({"data": {"mixture": merged}, "tasks": TREE})
    same(
        read_splits(settings.data, settings.tasks),
        read_splits(again.data, again.tasks),
    )
