"""A model repository for NVIDIA's Triton Inference Server, around versions of a SavedModel.

Triton's own TensorFlow backend was deprecated with release 25.03; what is left is its Python
backend, for which `model.py` beside this file is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfsocial import files
from tfsocial.checkpoints.manifest import read_json
from tfsocial.errors import InputError
from tfsocial.serving import versions
from tfsocial.serving.signature import DEFAULT, MANIFEST, read_manifest

TYPES = {"string": "TYPE_STRING", "float32": "TYPE_FP32"}
QUEUE = 64  # requests that wait; one more is refused with 503
BATCH = 32


def write(base: Path, output: Path, name: str, seen_as: str, queue: int = QUEUE) -> None:
    """Write the repository's folder of one model, with its newest version.

    Args:
        base: folder of the versions, here.
        output: the repository; the model's folder in it must not be there.
        seen_as: `base` as the server sees it.
        queue: requests that may wait.

    Raises:
        InputError: there is no version, or the model is in the repository already.
    """
    there = versions.versions(base, "saved_model")
    if not there:
        raise InputError(f"{base}: holds no version; tfsocial export writes one")
    folder = output / name
    if folder.exists():
        raise InputError(f"{folder}: exists already; name another model or remove it")
    newest = base / str(there[-1])
    read_manifest(newest)  # it is one of ours
    signature = read_json(newest / MANIFEST)["signatures"][DEFAULT]
    text = model_config(name, f"{seen_as}/{there[-1]}", signature, queue)
    with files.making(folder) as unfinished:
        (unfinished / "1").mkdir()
        shutil.copyfile(Path(__file__).parent / "model.py", unfinished / "1" / "model.py")
        (unfinished / "config.pbtxt").write_text(text, encoding="utf-8")


def model_config(
    name: str, saved_model: str, signature: Mapping[str, Mapping[str, Sequence]], queue: int
) -> str:
    """Write config.pbtxt: inputs and outputs of a signature, batching, and how many may wait.

    Args:
        saved_model: its folder as the server sees it.
        signature: `inputs` and `outputs`, name -> type and shape, as the manifest has them.
    """
    tensors = [
        f'{side} {{ name: "{tensor}" data_type: {TYPES[dtype]} dims: [ {(*shape, 1)[0]} ] }}'
        for side, key in (("input", "inputs"), ("output", "outputs"))
        for tensor, (dtype, _, *shape) in signature[key].items()
    ]
    return "\n".join(
        [
            f'name: "{name}"',
            'backend: "python"',
            f"max_batch_size: {BATCH}",
            *tensors,
            "dynamic_batching {",
            "  max_queue_delay_microseconds: 2000",
            f"  default_queue_policy {{ max_queue_size: {queue} }}",
            "}",
            "instance_group [ { kind: KIND_CPU } ]",
            f'parameters {{ key: "saved_model" value {{ string_value: "{saved_model}" }} }}',
            "",
        ]
    )
