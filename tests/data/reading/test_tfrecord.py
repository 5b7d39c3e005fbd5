"""TFRecord: what is written is read, and what others write, and what is no TFRecord."""

from __future__ import annotations

import gzip

import pytest
import tensorflow as tf

from tfsocial import config
from tfsocial.config import Task
from tfsocial.data.reading import storage, tfrecord
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.reading.text_cells import Text
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError


def put(path, rows):
    tfrecord.write(str(path), map(tfrecord.record, rows))
    return path


def read(path, tasks):
    data = config.Data(root=str(path.parent), splits={"train": path.name}, max_bad_fraction=0.5)
    return read_splits(data, tasks)


def test_cells_of_every_kind_come_back(tmp_path):
    rows = [
        {"text": "a", "label": "x", "mood": ["s|t"], "stars": 0.1},
        {"text": "b", "label": None, "mood": [], "stars": None},
        {"text": "c", "label": 7, "mood": "u|v", "stars": "3"},
        {"text": "d", "label": "x", "mood": None, "stars": 2},
    ]
    tasks = {
        "label": Task(),
        "mood": Task(kind="multilabel", column="mood"),
        "stars": Task(kind="regress", column="stars"),
    }
    corpus = read(put(tmp_path / "train.tfrecord", rows), tasks)
    train = corpus.splits["train"]
    assert train.text == ["a", "b", "c", "d"]
    assert corpus.label_names == {"label": ("7", "x"), "mood": ("s|t", "u", "v"), "stars": ()}
    assert train.labels["label"].tolist() == [1, -1, 0, 1]
    assert train.labels["mood"][:3].tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert train.labels["stars"].ravel().tolist()[0] == pytest.approx(0.1)
    assert train.origin.where(2) == f"{tmp_path}/train.tfrecord:3"


def test_numbers_of_other_writers(tmp_path):
    features = {
        "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"hi"])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[3])),
        "stars": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    path = tmp_path / "train.tfrecord.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        writer.write(example.SerializeToString())
    tasks = {"label": Task(), "stars": Task(kind="regress", column="stars")}
    corpus = read(path, tasks)
    assert corpus.label_names["label"] == ("3",)
    assert corpus.splits["train"].labels["stars"].tolist() == [[0.5]]


def test_a_bad_record_goes_to_quarantine(tmp_path):
    path = tmp_path / "in.tfrecord"
    good = tfrecord.record({"text": "good"})
    broken = tfrecord.record({"text": "caf\udce9"})
    tfrecord.write(str(path), [good, b"\xff\xff no example", broken, good])
    found = list(read_texts(path))
    assert [type(item) for item in found] == [Text, BadRow, BadRow, Text]
    assert found[1].reason == "the record is no tf.train.Example"
    assert found[2].reason == "invalid UTF-8"
    assert found[3].line == 4


@pytest.mark.parametrize("name", ["in.tfrecord", "in.tfrecord.gz"])
def test_what_is_no_tfrecord_is_one_sentence(tmp_path, name):
    path = tmp_path / name
    raw = b"text,label\nhi,x\n" * 9
    path.write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    with pytest.raises(InputError, match="is cut short, damaged or no TFRecord"):
        list(read_texts(path))


def test_a_file_cut_short_says_after_how_many(tmp_path):
    path = put(tmp_path / "in.tfrecord", [{"text": "one"}, {"text": "two"}])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match="after 1 records is cut short"):
        list(read_texts(path))


def test_absent_and_empty_files(tmp_path):
    with pytest.raises(InputError, match=r"none\.tfrecord: cannot be read"):
        list(read_texts(tmp_path / "none.tfrecord"))
    with pytest.raises(InputError, match="has no rows"):
        list(read_texts(put(tmp_path / "empty.tfrecord", [])))


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = put(tmp_path / "in.tfrecord", [{"text": "old"}])

    def failing():
        yield tfrecord.record({"text": "new"})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        tfrecord.write(str(path), failing())
    assert [item.text for item in read_texts(path)] == ["old"]


def test_what_a_bucket_says_is_one_line():
    """A stand-in for gs://: of an absent bucket TensorFlow's message has two lines."""
    error = tf.errors.UnavailableError(None, None, "no host\n\t when reading")
    with pytest.raises(InputError) as caught, storage.file_errors("gs://nobody/x.csv"):
        raise error
    assert str(caught.value) == (
        "gs://nobody/x.csv: cannot be read (no host when reading); "
        "check the path, the network and the credentials"
    )
