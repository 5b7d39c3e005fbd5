"""Requests that a server sends to itself before it answers others: the first ones are slow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfsocial.checkpoints.manifest import ModelManifest
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
    columns = inputs_of(manifest)
    for words in WORDS:
        for batch in BATCHES:
            yield _predict("serving_default", columns, [_text(words)] * batch)
    for signature in signatures:
        if signature == "embed":
            yield _predict(signature, columns, [_text(WORDS[0])])
        elif signature != "serving_default":
            yield _of_example(signature, columns, _text(WORDS[0]))


def _text(words: int) -> str:
    return " ".join(["order"] * words)


def _predict(signature: str, columns: Sequence[str], texts: Sequence[str]) -> Any:
    log = messages.PredictionLog()
    messages.fill(log.predict_log.request, signature, dict.fromkeys(columns, texts))
    return log


def _of_example(signature: str, columns: Sequence[str], text: str) -> Any:
    log = messages.PredictionLog()
    kind = log.regress_log if signature.startswith("regress") else log.classify_log
    kind.request.model_spec.signature_name = signature
    example = kind.request.input.example_list.examples.add()
    for column in columns:
        example.features.feature[column].bytes_list.value.append(text.encode())
    return log
