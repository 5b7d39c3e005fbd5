"""The messages of TensorFlow Serving that are sent and written here, without its packages.

Importing `tensorflow_serving.apis` imports TensorFlow: 700 MB and seconds, for a client that only
sends strings. On the wire a message is its field numbers and types; those of this table are the
server's (tensorflow_serving/apis/*.proto and tensorflow/core/framework/tensor.proto, release 2.20),
which a test checks against the real classes. The messages have a package of their own, so both may
be imported in one process.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "tfsocial.tf_serving"
FLOAT, INT64, STRING = 1, 9, 7  # tensorflow.DataType, of tensors

# Message -> field -> (number, type); a list repeats, a dict maps strings to a message.
_TABLE: dict[str, dict[str, tuple[int, Any]]] = {
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
    "BytesList": {"value": (1, ["bytes"])},
    "Feature": {"bytes_list": (1, "BytesList")},
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

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bytes": _Field.TYPE_BYTES,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
}


def _typed(field: Any, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"


def _add_field(message: Any, name: str, number: int, kind: Any) -> None:
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if isinstance(kind, str):
        return _typed(field, kind)
    field.label = _Field.LABEL_REPEATED
    if isinstance(kind, list):
        return _typed(field, kind[0])
    # A map is a repeated message of key and value, named after the field.
    entry = message.nested_type.add(name=f"{name.title()}Entry")
    entry.options.map_entry = True
    _add_field(entry, "key", 1, "string")
    _add_field(entry, "value", 2, *kind)
    return _typed(field, f"{message.name}.{entry.name}")


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="tfsocial/tf_serving.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in _TABLE.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in _TABLE
    }


_CLASSES = _classes()
ExamplesRequest = _CLASSES["ExamplesRequest"]
PredictRequest = _CLASSES["PredictRequest"]
PredictResponse = _CLASSES["PredictResponse"]
PredictionLog = _CLASSES["PredictionLog"]
Tensor = _CLASSES["Tensor"]
