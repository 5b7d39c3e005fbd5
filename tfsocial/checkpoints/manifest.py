"""What a saved model says of itself beside the weights; imports no framework."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

import tfsocial
from tfsocial.checkpoints import bert_names
from tfsocial.checkpoints.locations import CONFIG
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec, TextModelSpec


@dataclass(frozen=True)
class ModelManifest(TextModelSpec):
    """The parts of a text model and how texts come to it; the `tfsocial` block of config.json.

    What `model/` was written before a field came to `TextModelSpec` has its default.

    Attributes:
        thresholds: a multilabel task's decision thresholds, one per label.
        label_set_thresholds: classification -> the probability that a label must reach to be in
            the set that holds the right one nine times of ten; see `metrics.label_sets`.
    """

    row_length: int
    slots: int
    text_columns: tuple[str, ...]
    thresholds: dict[str, tuple[float, ...]] = field(default_factory=dict)
    label_set_thresholds: dict[str, float] = field(default_factory=dict)
    version: str = tfsocial.__version__

    def check_text_alone(self, where: str) -> None:
        """Refuse a model whose heads read columns beside the text, where nobody hands them in.

        Raises:
            InputError: it is one; begins with `where`.
        """
        if self.features:
            raise InputError(
                f"{where}: the model reads {', '.join(self.features)} beside the text, which only "
                "train, evaluate, predict and an exported SavedModel take; train one without "
                "data.features for this"
            )

    def decision_thresholds(self, task: str) -> np.ndarray:
        """Return from what probability on each label of a multilabel task counts, float32 [C]."""
        default = (0.5,) * self.tasks[task].width
        return np.array(self.thresholds.get(task, default), np.float32)


_MANIFEST = pydantic.TypeAdapter(ModelManifest)


def to_values(manifest: ModelManifest) -> dict[str, Any]:
    """Turn a manifest into JSON values; `of_values` reads them back.

    A model without features says nothing of them, so that a version before them reads it too.
    """
    tasks = {task: spec._asdict() for task, spec in manifest.tasks.items()}
    values = asdict(manifest) | {"tasks": tasks}
    if not manifest.features:
        del values["features"]
    return values


def of_values(values: Any) -> ModelManifest:
    """Read a manifest from its JSON values.

    Raises:
        InputError: they are none; says what is wrong with them, not where they came from.

    >>> of_values({"tasks": {}})
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: pooling is missing
    """
    known = [field.name for field in fields(ModelManifest)]
    strange = [key for key in values if key not in known] if isinstance(values, dict) else []
    if strange:
        raise InputError(f"{strange[0]} is not known to this version, {tfsocial.__version__}")
    try:
        return _MANIFEST.validate_python(values)
    except pydantic.ValidationError as error:
        raise InputError(_flaw(error.errors()[0])) from None


def read(folder: Path) -> ModelManifest:
    """Read the manifest of a model folder.

    Raises:
        InputError: it has none, or a broken one.
    """
    values = read_json(folder / CONFIG).get("tfsocial")
    if values is None:
        raise InputError(
            f"{folder / CONFIG}: has no 'tfsocial' block, so it holds no heads; "
            "train on it first (--set model.checkpoint=...)"
        )
    try:
        return of_values(values)
    except InputError as error:
        raise InputError(
            f"{folder / CONFIG}: its 'tfsocial' block cannot be used ({error}); "
            "take the folder as the run left it"
        ) from None


def config_json(
    architecture: Mapping[str, Any], manifest: ModelManifest, tensors: Iterable[str]
) -> bytes:
    """Write config.json of a model folder: what PyTorch's classes read, and the manifest.

    Args:
        architecture: the values of the encoder's `BertConfig`.
        tensors: names of all that lies beside it.
    """
    values = {**architecture, **_label_maps(manifest.tasks)}
    values |= {"tfsocial": to_values(manifest)}
    values |= {"architectures": [bert_names.architecture(tensors)], "model_type": "bert"}
    return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()


def _label_maps(tasks: Mapping[str, HeadSpec]) -> dict[str, Any]:
    """Give id2label and label2id of the first task with labels: what other programs look for."""
    labels = next((spec.labels for spec in tasks.values() if spec.labels), ())
    return {
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def read_json(path: Path) -> dict[str, Any]:
    """Read an object of JSON.

    Raises:
        InputError: the file holds none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected an object, found {type(values).__name__}")
    return values


def _flaw(detail: Mapping[str, Any]) -> str:
    key = ".".join(map(str, detail["loc"])) or "it"
    if detail["type"] in ("missing", "missing_argument"):
        return f"{key} is missing"
    return f"{key}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
