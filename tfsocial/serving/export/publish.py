"""From a `model/` folder to a version that a server may load: whole, checked, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import tfsocial
from tfsocial import files
from tfsocial.checkpoints import ensemble
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.locations import CARD
from tfsocial.checkpoints.model_folder import REFERENCE, Answering
from tfsocial.errors import InputError
from tfsocial.provenance import licences
from tfsocial.serving import agreement, versions
from tfsocial.serving.export import golden, litert, openvino, portable, saved_model
from tfsocial.serving.loading import check_model_folders, load_predictor
from tfsocial.serving.signature import MANIFEST
from tfsocial.serving.text_model import TextModelPredictor

PROVENANCE = "provenance.json"  # beside `model/`, where a run wrote it

# Format -> the functions that make its graph and write it.
FORMATS: dict[str, ModuleType] = {
    "saved_model": saved_model,
    "litert": litert,
    "openvino": openvino,
}
LEAST_COSINE = 0.8  # of a golden request's embedding: below it the graph computes something else


class NotPortable(Exception):
    """What was written is not what it should be."""


def publish(
    model: Path | Sequence[Path],
    base: Path,
    version: int | None = None,
    format: str = "saved_model",
    texts: Sequence[tuple[str, ...]] = (),
    least_agreement: float = 0.0,
) -> Path:
    """Write a model folder, or several as one, as the next version of a served model.

    It is written beside its place, loaded again, asked the golden requests, flushed to the disk,
    and only then renamed, so a server that watches `base` never sees half of it.

    Args:
        model: of several folders the mean of their calibrated probabilities is written.
        base: a folder of numbered versions; made if need be.
        version: left out, the highest there is plus one.
        format: one of FORMATS.
        texts: texts or pairs that both forms are asked, to see how far they say the same.
        least_agreement: share of those texts that must get the same answer.

    Returns:
        `base / version`.

    Raises:
        InputError: `model` is no model folder, several cannot answer as one, `base` is none of
            versions, has that version or another format, the format's package is missing, or too
            few answers are the same.
        NotPortable: the graph would not load in every server, or says something else than the
            model; a fault of this program.
    """
    target = base / str(versions.next_version(base) if version is None else version)
    if target.exists():
        raise InputError(f"{target}: exists already; a version is never overwritten")
    if others := set(versions.versions(base)) - set(versions.versions(base, format)):
        raise InputError(
            f"{base}: version {min(others)} has another format than {format}; a server that "
            "watches the folder could not load both, so name another one"
        )
    models = [model] if isinstance(model, Path) else list(model)
    check_model_folders(models)
    bundle = ensemble.load(models)
    with files.making(target) as unfinished:
        values = _write(bundle, models, format, unfinished)
        values |= _checked(bundle, format, unfinished, texts, least_agreement)
        _write_manifest(unfinished, values)
    return target


def read_agreement(version: Path) -> agreement.Agreement | None:
    """Read how far a version says the same as its model; None if no texts were given for it."""
    values = manifests.read_json(version / MANIFEST)["agreement"]
    return agreement.Agreement(**values) if values else None


def _write(bundle: Answering, models: Sequence[Path], format: str, folder: Path) -> dict[str, Any]:
    """Write all but the checks; give what the manifest says."""
    writer = FORMATS[format]
    module = writer.module(bundle)
    writer.write(module, bundle, folder)
    for number, model in enumerate(models, 1):
        if (model / CARD).is_file():
            name = CARD if len(models) == 1 else f"{number}-{CARD}"
            shutil.copyfile(model / CARD, folder / name)
    values = {
        "format": 1,
        "graph": format,
        "exported": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "tfsocial": tfsocial.__version__,
            **{name: metadata.version(name) for name in ("tensorflow", "tensorflow-text")},
        },
        "model": manifests.to_values(bundle.manifest),
        "signatures": {name: _shapes(one) for name, one in module.functions.items()},
        **_origin(models),
        # Of several the embeddings are others than each one's.
        "reference": _json(models[0] / REFERENCE) if len(models) == 1 else None,
        "files": {str(path.relative_to(folder)): files.sha256(path) for path in _files(folder)},
    }
    _write_manifest(folder, values)
    return values


def _write_manifest(folder: Path, values: Mapping[str, Any]) -> None:
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


def _origin(models: Sequence[Path]) -> dict[str, Any]:
    """Tell whose the model is and what it was made from, as far as its folders say.

    The licence is the strictest; of several models the rest is a list, one entry a model.
    """
    each = [_origin_of(model) for model in models]
    binding = max(
        (one["licence"] for one in each), key=lambda one: licences.strictness(one["name"])
    )
    if len(each) == 1:
        return each[0]
    return {
        "licence": binding,
        **{key: [one[key] for one in each] for key in ("provenance", "weights")},
    }


def _origin_of(model: Path) -> dict[str, Any]:
    licence, source = licences.in_folder(model)
    return {
        "licence": {"name": licence, "source": source},
        "provenance": _json(model.parent / PROVENANCE),
        "weights": {path.name: files.sha256(path) for path in sorted(model.glob("*.safetensors"))},
    }


def _json(path: Path) -> Mapping[str, Any] | None:
    return manifests.read_json(path) if path.is_file() else None


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _checked(
    bundle: Answering,
    format: str,
    folder: Path,
    texts: Sequence[tuple[str, ...]],
    least_agreement: float,
) -> dict[str, Any]:
    """Load what was written, as a server would, and ask it; give what the manifest says of that.

    Raises:
        NotPortable: it is not what it should be; says how.
        InputError: too few of its answers are the model's.
    """
    if format == "saved_model":
        _check_portable(folder)
    model, version = TextModelPredictor(bundle), load_predictor(folder)
    requests = golden.requests(bundle.manifest)
    expected, found = model(requests), version(requests)
    difference = golden.largest_difference(expected, found)
    cosine = agreement.between(bundle.manifest, expected, found).cosine
    exact = format == "saved_model"
    if not (difference <= golden.TOLERANCE if exact else cosine >= LEAST_COSINE):
        raise NotPortable(f"the {format}'s answers differ from the model's by {difference:g}")
    same = agreement.between(bundle.manifest, model.many(texts), version.many(texts))
    if same.least < least_agreement:
        raise InputError(
            f"--format={format}: {same.least:.2%} of {same.texts} answers are the model's, and "
            f"--min_agreement asks for {least_agreement:.2%}; take another format, or ask for less"
        )
    return {
        "golden": {
            "requests": requests,
            "answers": golden.answers(expected),
            # Twice what was seen: another CPU may round otherwise.
            "tolerance": golden.TOLERANCE if exact else 2 * difference,
        },
        "agreement": same._asdict() if texts else None,
    }


def _check_portable(folder: Path) -> None:
    graph = portable.read_graph(folder)
    if unknown := portable.used_ops(graph) - portable.OPS:
        raise NotPortable(f"the graph uses ops that older servers may lack: {sorted(unknown)}")
    if compiled := portable.compiled_functions(graph):
        raise NotPortable(f"functions insist on XLA, which servers have off: {compiled}")
