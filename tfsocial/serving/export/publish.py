"""From a `model/` folder to a version that a server may load: whole, checked, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import tensorflow as tf

import tfsocial
from tfsocial import files
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.locations import CARD
from tfsocial.checkpoints.model_folder import REFERENCE, TextModelBundle
from tfsocial.errors import InputError
from tfsocial.provenance import licences
from tfsocial.serving import versions
from tfsocial.serving.export import golden, portable, warmup
from tfsocial.serving.export.module import ServingModule
from tfsocial.serving.saved_model import SavedModelPredictor
from tfsocial.serving.signature import MANIFEST
from tfsocial.serving.text_model import TextModelPredictor

PROVENANCE = "provenance.json"  # beside `model/`, where a run wrote it


def publish(model: Path, base: Path, version: int | None = None) -> Path:
    """Write a model folder's SavedModel as the next version of a served model.

    It is written beside its place, loaded again, asked the golden requests, flushed to the disk,
    and only then renamed, so a server that watches `base` never sees half of it.

    Args:
        base: a folder of numbered versions; made if need be.
        version: left out, the highest there is plus one.

    Returns:
        `base / version`.

    Raises:
        InputError: `model` is no model folder, `base` is none of versions, or has that version.
        NotPortable: the graph would not load in every server, or says something else than the
            model; a fault of this program.
    """
    target = base / str(versions.next_version(base) if version is None else version)
    if target.exists():
        raise InputError(f"{target}: exists already; a version is never overwritten")
    bundle = model_folder.load(model)
    with files.making(target) as unfinished:
        _write(bundle, model, unfinished)
        _check(unfinished)
    return target


class NotPortable(Exception):
    """What was written is not what it should be."""


def _write(bundle: TextModelBundle, model: Path, folder: Path) -> None:
    module = ServingModule(bundle)
    tf.saved_model.save(module, str(folder), signatures=module.functions)
    warmup.write(folder, bundle.manifest, tuple(module.functions))
    if (model / CARD).is_file():
        shutil.copyfile(model / CARD, folder / CARD)
    answers = TextModelPredictor(bundle)(golden.requests(bundle.manifest))
    values = {
        "format": 1,
        "exported": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "tfsocial": tfsocial.__version__,
            **{name: metadata.version(name) for name in ("tensorflow", "tensorflow-text")},
        },
        "model": manifests.to_values(bundle.manifest),
        "signatures": {name: _shapes(one) for name, one in module.functions.items()},
        **_origin(model),
        "reference": _json(model / REFERENCE),
        "golden": {
            "requests": golden.requests(bundle.manifest),
            "answers": golden.answers(answers),
            "tolerance": golden.TOLERANCE,
        },
        "files": {str(path.relative_to(folder)): _sha256(path) for path in _files(folder)},
    }
    text = json.dumps(values, ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _shapes(function: Any) -> dict[str, Any]:
    """Describe a signature: inputs and outputs with their types and shapes, None for any size."""
    concrete = function.get_concrete_function()
    inputs = {spec.name: spec for spec in function.input_signature}
    return {
        side: {name: [spec.dtype.name, *spec.shape.as_list()] for name, spec in specs.items()}
        for side, specs in (("inputs", inputs), ("outputs", concrete.structured_outputs))
    }


def _origin(model: Path) -> dict[str, Any]:
    """Tell whose the model is and what it was made from, as far as its folder says."""
    licence, source = licences.in_folder(model)
    return {
        "licence": {"name": licence, "source": source},
        "provenance": _json(model.parent / PROVENANCE),
        "weights": {path.name: _sha256(path) for path in sorted(model.glob("*.safetensors"))},
    }


def _json(path: Path) -> Mapping[str, Any] | None:
    return manifests.read_json(path) if path.is_file() else None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(folder: Path) -> None:
    """Load what was written, as a server would, and ask it.

    Raises:
        NotPortable: it is not what it should be; says how.
    """
    graph = portable.read_graph(folder)
    if unknown := portable.used_ops(graph) - portable.OPS:
        raise NotPortable(f"the graph uses ops that older servers may lack: {sorted(unknown)}")
    if compiled := portable.compiled_functions(graph):
        raise NotPortable(f"functions insist on XLA, which servers have off: {compiled}")
    expected = manifests.read_json(folder / MANIFEST)["golden"]["answers"]
    difference = golden.largest_difference(SavedModelPredictor(folder), expected)
    if not difference <= golden.TOLERANCE:
        raise NotPortable(f"the SavedModel's answers differ from the model's by {difference:g}")
