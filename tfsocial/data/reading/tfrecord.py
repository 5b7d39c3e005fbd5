"""TFRecord: rows as tf.train.Example, read from any writer and written by `convert`.

A value is a feature of the column's name: bytes (UTF-8), int64 or float. One value is the cell
itself, several are a list, no kind of feature at all is a cell that is empty. What is written
is bytes throughout, numbers by their digits, so that nothing is rounded on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tfsocial.data.reading import rows, storage
from tfsocial.data.reading.rows import BadRow, Row
from tfsocial.errors import InputError

SUFFIX = "tfrecord"


def read_rows(file: str) -> Iterator[Row | BadRow]:
    """Read the rows of one file, plain or .gz, in order; a row's line is its number, from 1.

    Raises:
        InputError: the file cannot be read, is damaged, or has no records.
    """
    return rows.sound(_rows(file), file)


def _rows(file: str) -> Iterator[Row | BadRow]:
    from google.protobuf.message import DecodeError

    for number, record in enumerate(_records(file), 1):
        try:
            values = values_of(record)
        except DecodeError:
            yield BadRow(file, number, "the record is no tf.train.Example", "")
        else:
            yield Row(values, file, number, rows.as_json(values))


def _records(file: str) -> Iterator[bytes]:
    import tensorflow as tf

    compression, number = "GZIP" if file.lower().endswith(".gz") else "", 0
    try:
        for record in tf.data.TFRecordDataset(file, compression).as_numpy_iterator():
            number += 1
            yield record
    except tf.errors.DataLossError:  # the next record cannot be found behind a damaged one
        place = f"after {number} records " if number else ""
        raise InputError(
            f"{file}: {place}is cut short, damaged or no TFRecord; fetch or convert it again"
        ) from None
    except tf.errors.OpError as error:
        raise storage.unreadable(file, error.message) from None


def values_of(record: bytes) -> dict[str, Any]:
    """Read column -> cell of a serialized tf.train.Example.

    >>> values_of(record({"text": "hé", "label": ["x"], "stars": 0.1, "mood": None}))
    {'label': ['x', ''], 'mood': None, 'stars': '0.1', 'text': 'hé'}
    """
    import tensorflow as tf

    features = tf.train.Example.FromString(record).features.feature
    return {name: _cell(features[name]) for name in sorted(features)}


def _cell(feature: Any) -> Any:
    kind = feature.WhichOneof("kind")
    if kind is None:
        return None
    values = list(getattr(feature, kind).value)
    if kind == "bytes_list":
        values = [value.decode("utf-8", "surrogateescape") for value in values]
    return values[0] if len(values) == 1 else values


def record(values: Mapping[str, Any]) -> bytes:
    """Serialize a row's cells as a tf.train.Example."""
    import tensorflow as tf

    features = {name: _feature(value) for name, value in values.items()}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _feature(value: Any) -> Any:
    """Make a feature.

    Of a list of one label the second is empty: a label alone would be split at separators.
    """
    import tensorflow as tf

    if value is None:
        return tf.train.Feature()
    values = value if isinstance(value, list) else [value]
    encoded = [str(item).encode("utf-8", "surrogateescape") for item in values]
    if isinstance(value, list) and len(value) == 1:
        encoded.append(b"")
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))


def write(path: str, records: Iterable[bytes]) -> None:
    """Write a file of records, local or gs://, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    import tensorflow as tf

    partial = f"{path}.partial"
    try:
        with tf.io.TFRecordWriter(partial) as writer:
            for one in records:
                writer.write(one)
        tf.io.gfile.rename(partial, path, overwrite=True)
    except tf.errors.OpError as error:
        raise OSError(None, error.message, path) from None
