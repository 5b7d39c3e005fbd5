"""Small splits, and what reading says of them."""

from __future__ import annotations

import csv
import gzip
import io
import json

import pytest

from tfsocial import config
from tfsocial.config import Task
from tfsocial.data.reading import file_rows
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.splits import read_splits
from tfsocial.errors import InputError

LABEL = {"label": Task()}


def data(root, train="train.csv", dev=(), test=(), **knobs):
    splits = {"train": train, "dev": dev, "test": test}
    return config.Data(root=root and str(root), splits=splits, **knobs)


def put(folder, content, name="train.csv"):
    path = folder / name
    raw = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def read(folder, content, tasks=None, name="train.csv", quarantine=None, **knobs):
    put(folder, content, name)
    knobs.setdefault("max_bad_fraction", 1.0)
    return read_splits(data(folder, train=name, **knobs), tasks or LABEL, quarantine)


def rows(path, **knobs):
    """(line, reason) of a bad row, (line, texts) of a good one."""
    return [
        (row.line, row.reason if isinstance(row, BadRow) else tuple(row.values.values()))
        for row in file_rows.read_rows(path, **knobs)
    ]


def refusal(call, *arguments, **knobs):
    with pytest.raises(InputError) as caught:
        call(*arguments, **knobs)
    return str(caught.value)


def quarantined(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def as_csv(pairs, delimiter=","):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows([("text", "other"), *pairs])
    return stream.getvalue()
