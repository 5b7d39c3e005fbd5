"""The messages of TensorFlow Serving that are sent and written here, without its packages.

Importing `tensorflow_serving.apis` imports TensorFlow: 700 MB and seconds, for a client that only
sends strings. On the wire a message is its field numbers and types; those of this table are the
server's (tensorflow_serving/apis/*.proto and tensorflow/core/framework/tensor.proto, release 2.20),
which a test checks against the real classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfsocial.serving import wire

FLOAT, INT64, STRING = 1, 9, 7  # tensorflow.DataType, of tensors
AVAILABLE = 30  # ModelVersionStatus.State

_TABLE: wire.Table = {
    "Dim": {"size": (1, "int64")},
    "TensorShape": {"dim": (2, ["Dim"])},
    "Tensor": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "TensorShape"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, ["float"]),
        "string_val": (8, ["bytes"]),
        "int64_val": (10, ["int64"]),
    },
    "Int64Value": {"value": (1, "int64")},
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "Int64Value"),
        "signature_name": (3, "string"),
        "version_label": (4, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec"),
        "inputs": (2, {"Tensor"}),
        "output_filter": (3, ["string"]),
    },
    "PredictResponse": {"outputs": (1, {"Tensor"}), "model_spec": (2, "ModelSpec")},
    "StatusRequest": {"model_spec": (1, "ModelSpec")},
    "Status": {"error_code": (1, "int32"), "error_message": (2, "string")},
    "VersionStatus": {"version": (1, "int64"), "state": (2, "int32"), "status": (3, "Status")},
    "StatusResponse": {"model_version_status": (1, ["VersionStatus"])},
    "BytesList": {"value": (1, ["bytes"])},
    "FloatList": {"value": (1, ["float"])},
    "Feature": {"bytes_list": (1, "BytesList"), "float_list": (2, "FloatList")},
    "Features": {"feature": (1, {"Feature"})},
    "Example": {"features": (1, "Features")},
    "ExampleList": {"examples": (1, ["Example"])},
    "Input": {"example_list": (1, "ExampleList")},
    # ClassificationRequest and RegressionRequest are alike, so are their logs.
    "ExamplesRequest": {"model_spec": (1, "ModelSpec"), "input": (2, "Input")},
    "ExamplesLog": {"request": (1, "ExamplesRequest")},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictionLog": {
        "classify_log": (2, "ExamplesLog"),
        "regress_log": (3, "ExamplesLog"),
        "predict_log": (6, "PredictLog"),
    },
}

_CLASSES = wire.classes("tfsocial.tf_serving", _TABLE)
ExamplesRequest = _CLASSES["ExamplesRequest"]
PredictRequest = _CLASSES["PredictRequest"]
PredictResponse = _CLASSES["PredictResponse"]
PredictionLog = _CLASSES["PredictionLog"]
StatusRequest = _CLASSES["StatusRequest"]
StatusResponse = _CLASSES["StatusResponse"]
Tensor = _CLASSES["Tensor"]


def fill(request: Any, signature: str, columns: Mapping[str, Sequence[str | float]]) -> None:
    """Put a signature's name and strings or numbers [n] of each input into a PredictRequest."""
    request.model_spec.signature_name = signature
    for column, values in columns.items():
        tensor = request.inputs[column]
        tensor.tensor_shape.dim.add(size=len(values))
        texts = [value.encode() for value in values if isinstance(value, str)]
        tensor.dtype = STRING if texts else FLOAT
        tensor.string_val.extend(texts)
        tensor.float_val.extend(value for value in values if not isinstance(value, str))
