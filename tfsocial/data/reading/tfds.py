"""Sets of TensorFlow Datasets by name: tfds:NAME[/CONFIG][:VERSION], and parts of their splits.

The package tensorflow-datasets is an extra (`pip install tfsocial[data]`). A set that is
not prepared yet is downloaded where there is a network. Class labels become their names.
"""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfsocial import config, extras
from tfsocial.data.reading import rows
from tfsocial.data.reading.rows import BadRow, Row
from tfsocial.errors import InputError

_HOST = "storage.googleapis.com"  # keeps what TFDS has prepared


def names(source: config.Source, split: str, key: str = "data") -> tuple[str, ...]:
    """List SOURCE#PART of each part of a split that the config names; prepare the set.

    Raises:
        InputError: the package, the set, its config, its version or a part is not there.
    """
    builder = _builder(source, key)
    parts = getattr(source.splits, split)
    for part in parts:
        _check_part(source, builder, part, f"{key}.splits.{split}")
    return tuple(f"{source.source}#{part}" for part in parts)


def read_rows(source: config.Source, name: str) -> Iterator[Row | BadRow]:
    """Read the rows of one part in the set's order; a row's line is its number, from 1.

    Raises:
        InputError: as `names`, or the part is empty.
    """
    return rows.sound(_rows(source, name), name)


def _rows(source: config.Source, name: str) -> Iterator[Row]:
    library, builder = _library(source.source), _builder(source, "data")
    features = {
        column: feature for column, feature in builder.info.features.items() if _flat(feature)
    }
    cells = {column: _cells(library, feature) for column, feature in features.items()}
    examples = builder.as_dataset(
        split=name.rpartition("#")[2],
        decoders=library.decode.PartialDecoding(dict.fromkeys(features, True)),
        read_config=library.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    for number, example in enumerate(examples.as_numpy_iterator(), 1):
        values = {column: cell(example[column]) for column, cell in cells.items()}
        yield Row(values, name, number, rows.as_json(values))


def _flat(feature: Any) -> bool:
    """Tell whether a feature is a value or a list of values: no image, no table."""
    return isinstance(feature.shape, tuple) and len(feature.shape) <= 1


def _cells(library: Any, feature: Any) -> Callable[[Any], Any]:
    """Return what makes a plain value of a feature's."""
    inner = getattr(feature, "feature", feature)
    label = inner if isinstance(inner, library.features.ClassLabel) else None

    def one(value: Any) -> Any:
        if label is not None:
            return label.int2str(int(value)) if value >= 0 else None
        if isinstance(value, bytes):
            return value.decode("utf-8", "surrogateescape")
        return value.item()

    def cell(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.ndim:
            return [one(item) for item in value]
        return one(value)

    return cell


def _library(name: str) -> Any:
    tensorflow_datasets: Any = extras.library(
        "tensorflow_datasets", "tensorflow-datasets", "data", name
    )
    tensorflow_datasets.disable_progress_bar()
    return tensorflow_datasets


def _builder(source: config.Source, key: str) -> Any:
    """Prepare the set."""
    library, name = _library(source.source), source.source.removeprefix("tfds:")
    try:
        builder = library.builder(name, data_dir=source.root, try_gcs=False)
    except (ValueError, AssertionError, OSError) as error:
        raise InputError(
            f"{key}.source: {source.source} cannot be found ({rows.first_line(error)}); correct "
            f"the name, or give the folder that holds it prepared with --set {key}.root=DIR"
        ) from None
    if not builder.is_prepared():
        _prepare(source, builder, key)
    return builder


def _prepare(source: config.Source, builder: Any, key: str) -> None:
    reason = "there is no network" if _offline() else ""
    try:
        if not reason:
            builder.download_and_prepare()
    # What a set's own code raises when it cannot be had is of any kind.
    except Exception as error:
        reason = rows.first_line(error) or type(error).__name__
    if reason:
        name, folder = source.source.removeprefix("tfds:"), source.root or "the folder of TFDS"
        raise InputError(
            f"{key}.source: {source.source} is not prepared in {folder} and cannot be downloaded "
            f"({reason}); where there is a network run `tfds build {name} --data_dir=DIR`, "
            f"copy DIR here and give it with --set {key}.root=DIR"
        ) from None


def _offline() -> bool:
    """Tell whether TFDS's host has no address and no proxy stands in: asking it takes minutes."""
    if urllib.request.getproxies():
        return False
    try:
        socket.getaddrinfo(_HOST, 443)
    except OSError:
        return True
    return False


def _check_part(source: config.Source, builder: Any, part: str, place: str) -> None:
    try:
        count = builder.info.splits[part].num_examples
    except (KeyError, ValueError, AssertionError):
        raise InputError(
            f"{place}: {source.source} has no {part!r}; its splits are "
            f"{rows.listed(sorted(builder.info.splits))}, and a part of one is as train[:80%]"
        ) from None
    if not count:
        raise InputError(f"{place}: {part!r} of {source.source} holds no example")
