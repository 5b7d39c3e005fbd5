"""Messages of KServe's V2 protocol over gRPC, and of Triton's repository extension to it.

Fields are those of open_inference_grpc.proto (github.com/kserve/open-inference-protocol) and of
Triton's grpc_service.proto, as far as strings and float32 need them.
"""

from __future__ import annotations

from tfsocial.serving import wire

SERVICE = "inference.GRPCInferenceService"

_NAMED = {"name": (1, "string"), "version": (2, "string")}
_METADATA = {"name": (1, "string"), "datatype": (2, "string"), "shape": (3, ["int64"])}
_TENSOR = {**_METADATA, "parameters": (4, {"Parameter"}), "contents": (5, "Contents")}
_CHANGE = {"repository_name": (1, "string"), "model_name": (2, "string")}

_TABLE: wire.Table = {
    # A choice of one field; whoever reads asks for the type that is due.
    "Parameter": {
        "bool_param": (1, "bool"),
        "int64_param": (2, "int64"),
        "string_param": (3, "string"),
    },
    "Contents": {"fp32_contents": (6, ["float"]), "bytes_contents": (8, ["bytes"])},
    "Tensor": _TENSOR,
    "Wanted": {"name": (1, "string"), "parameters": (2, {"Parameter"})},
    "InferRequest": {
        "model_name": (1, "string"),
        "model_version": (2, "string"),
        "id": (3, "string"),
        "parameters": (4, {"Parameter"}),
        "inputs": (5, ["Tensor"]),
        "outputs": (6, ["Wanted"]),
        "raw_input_contents": (7, ["bytes"]),
    },
    "InferResponse": {
        "model_name": (1, "string"),
        "model_version": (2, "string"),
        "id": (3, "string"),
        "outputs": (5, ["Tensor"]),
        "raw_output_contents": (6, ["bytes"]),
    },
    "Empty": {},
    "Named": _NAMED,
    "LiveResponse": {"live": (1, "bool")},
    "ReadyResponse": {"ready": (1, "bool")},
    "ServerMetadata": {**_NAMED, "extensions": (3, ["string"])},
    "TensorMetadata": _METADATA,
    "ModelMetadata": {
        "name": (1, "string"),
        "versions": (2, ["string"]),
        "platform": (3, "string"),
        "inputs": (4, ["TensorMetadata"]),
        "outputs": (5, ["TensorMetadata"]),
    },
    "IndexRequest": {"repository_name": (1, "string"), "ready": (2, "bool")},
    "ModelIndex": {**_NAMED, "state": (3, "string"), "reason": (4, "string")},
    "IndexResponse": {"models": (1, ["ModelIndex"])},
    "ChangeRequest": _CHANGE,
}

CLASSES = wire.classes("tfsocial.open_inference", _TABLE)
InferRequest = CLASSES["InferRequest"]
InferResponse = CLASSES["InferResponse"]
