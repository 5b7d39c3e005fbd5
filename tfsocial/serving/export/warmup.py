"""Requests that a server sends to itself before it answers others: the first ones are slow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.serving.signature import COLUMNS, is_number
from tfsocial.serving.signature import columns as inputs_of
from tfsocial.serving.tf_serving import messages
from tfsocial.serving.tf_serving.config import BATCHES

FILE = Path("assets.extra") / "tf_serving_warmup_requests"  # where TensorFlow Serving looks
WORDS = (4, 14, 60)  # of a text; about as many tokens


def write(folder: Path, manifest: ModelManifest, signatures: Sequence[str]) -> None:
    """Write the requests into a SavedModel: each batch size with each length, each signature."""
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records(manifest, signatures):
            writer.write(record.SerializeToString())


def records(manifest: ModelManifest, signatures: Sequence[str]) -> Iterator[Any]:
    """Yield a PredictionLog a request."""
    for words in WORDS:
        for batch in BATCHES:
            yield _predict("serving_default", _row(manifest, words), batch)
    for signature in signatures:
        if signature == "embed":
            yield _predict(signature, _row(manifest, WORDS[0]), 1)
        elif signature != "serving_default":
            yield _of_example(signature, _row(manifest, WORDS[0]))


def _row(manifest: ModelManifest, words: int) -> dict[str, str | float]:
    """Make a value of each input; of columns beside the text those that say least."""
    text = " ".join(["order"] * words)
    return {
        column: text if column in COLUMNS else float("nan") if is_number(manifest, column) else ""
        for column in inputs_of(manifest)
    }


def _predict(signature: str, row: Mapping[str, str | float], times: int) -> Any:
    log = messages.PredictionLog()
    columns = {column: [value] * times for column, value in row.items()}
    messages.fill(log.predict_log.request, signature, columns)
    return log


def _of_example(signature: str, row: Mapping[str, str | float]) -> Any:
    log = messages.PredictionLog()
    kind = log.regress_log if signature.startswith("regress") else log.classify_log
    kind.request.model_spec.signature_name = signature
    example = kind.request.input.example_list.examples.add()
    for column, value in row.items():
        feature = example.features.feature[column]
        if isinstance(value, str):
            feature.bytes_list.value.append(value.encode())
        else:
            feature.float_list.value.append(value)
    return log
