"""Model folders made without training: random weights, large enough that answers differ."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfsocial.checkpoints import community, model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.config import Model
from tfsocial.models.spec import HeadSpec, LogitScaling, TextModelSpec
from tfsocial.models.text_model import TextModel
from tfsocial.serving.export.publish import publish
from tfsocial.text.tokenizer import Tokenizer

MOOD = {"mood": HeadSpec("classify", ("happy", "sad", "neither"))}
# A task may be called as an output is.
THREE = {
    "mood": MOOD["mood"],
    "embedding": HeadSpec("multilabel", ("card", "order", "thanks")),
    "stars": HeadSpec("regress", ()),
}
# Of these labels the first always counts, the second never, the third from one half on.
THRESHOLDS = {"embedding": (0.0, 1.0, 0.5)}
MODELS = {
    "classify": (MOOD, ("text",)),
    "multilabel": ({"topics": THREE["embedding"]}, ("text",)),
    "regress": ({"stars": THREE["stars"]}, ("text",)),
    "pair": (MOOD, ("body", "reply")),
    "three": (THREE, ("text",)),
    "scope": (
        {"mood": HeadSpec("classify", MOOD["mood"].labels, "relative_mahalanobis")},
        ("text",),
    ),
}
# Of the last one: what a spec may hold besides.
MORE = {
    "scope": {
        "pooling": "pooler",
        "head_normalize": True,
        "calibration": {"mood": LogitScaling((0.5,), (0.0,))},
    }
}


def write_model(
    folder: Path, specs: dict[str, HeadSpec], columns: tuple[str, ...], **more: Any
) -> Path:
    """A model folder with these heads, in rows of 16 tokens with 4 slots."""
    vocabulary = tiny_run.write_vocabulary(folder.parent / f"{folder.name}-vocabulary")
    sizes = {**tiny_run.SIZES, "positions": 32, "vocabulary": str(vocabulary)}
    tf.keras.utils.set_random_seed(0)  # whether two of them agree must not be chance
    m0 = community.of_config(Model(checkpoint="random", random=sizes))
    spec = TextModelSpec(specs, **{"pooling": "mean", **more})
    model = TextModel.of(m0.architecture(), spec)
    randomize(model)
    thresholds = {task: values for task, values in THRESHOLDS.items() if task in specs}
    manifest = ModelManifest(
        **vars(spec), row_length=16, slots=4, text_columns=columns, thresholds=thresholds
    )
    model_folder.save(folder, TextModelBundle(model, Tokenizer.load(vocabulary), manifest))
    return folder


def randomize(model: TextModel) -> None:
    """Weights far from where they start: a fresh BERT says nearly the same of every text."""
    source = np.random.default_rng(0)
    for variable in model.variables:
        if variable.dtype.is_floating:
            variable.assign_add(source.normal(scale=0.3, size=variable.shape))


_MADE: dict[str, tuple[Path, Path]] = {}


def of(name: str, temporary: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The model folder and the SavedModel of one of `MODELS`; made once for all tests."""
    if name not in _MADE:
        folder = temporary.mktemp(name)
        model = write_model(folder / "model", *MODELS[name], **MORE.get(name, {}))
        _MADE[name] = model, publish(model, folder / "served")
    return _MADE[name]


_FORMS: dict[tuple[str, str], Path] = {}


def form(name: str, format: str, temporary: pytest.TempPathFactory) -> Path:
    """The version of one of `MODELS` in another format; made once for all tests."""
    if (name, format) not in _FORMS:
        base = temporary.mktemp(f"{name}-{format}") / "served"
        _FORMS[name, format] = publish(of(name, temporary)[0], base, format=format)
    return _FORMS[name, format]


loaded = functools.cache(tf.saved_model.load)  # once for all tests


def served(saved_model: Path, **columns: list[str]) -> dict[str, np.ndarray]:
    """Outputs of the SavedModel's signature."""
    signature = loaded(str(saved_model)).signatures["serving_default"]
    answers = signature(**{name: tf.constant(texts) for name, texts in columns.items()})
    return {name: value.numpy() for name, value in answers.items()}
