"""A SavedModel that takes plain strings: tokenizer, packing, encoder and heads in one graph."""

from __future__ import annotations

import json
from pathlib import Path

import tensorflow as tf

from tfsocial import files
from tfsocial.config import InputError
from tfsocial.models import checkpoints, inference
from tfsocial.models.checkpoints import Loaded, Manifest

MANIFEST = Path("assets.extra") / "tfsocial.json"
TEXT, PAIR = "text", "text_pair"


class ServingModule(tf.Module):
    """Strings in; per example the label, the probabilities and the embedding out.

    Signature `serving_default`: `text` (and `text_pair`) string [n] to, for the only task,

        label          string [n]          best label; of a multilabel task all that reach their
                                           threshold, joined by "|"
        probabilities  float32 [n, labels] in the order of the manifest; a regression has
                                           `value` float32 [n] instead
        embedding      float32 [n, hidden] pooled encoder output

    With several tasks `label`, `probabilities` and `value` are prefixed by `<task>_`.

    Not traced under XLA: TensorFlow Serving has it switched off. Only variables are tracked,
    not the Keras model, which loads three times slower.
    """

    def __init__(self, loaded: Loaded):
        super().__init__(name="tfsocial")
        self.tokenizer = loaded.tokenizer
        self.weights = list(loaded.model.variables)
        manifest = loaded.manifest
        columns = (TEXT, PAIR)[: len(manifest.text_columns)]

        def serve(*texts: tf.Tensor) -> dict[str, tf.Tensor]:
            tasks, embedding = inference.answer(loaded, texts)
            answers = {"embedding": embedding}
            for task, values in tasks.items():
                for name, answer in _answers(manifest, task, values).items():
                    answers[prefix(manifest, task) + name] = answer
            return answers

        signature = [tf.TensorSpec([None], tf.string, column) for column in columns]
        self.serve = tf.function(serve, input_signature=signature)


def export(model: Path, output: Path) -> None:
    """Writes the SavedModel of a run's `model/` folder; whole or not at all.

    Raises:
        InputError: `output` exists, or `model` is not a model folder.
    """
    if output.exists():
        raise InputError(f"--output={output}: exists already; a version is never overwritten")
    loaded = checkpoints.load(model)
    with files.making(output) as unfinished:
        _write(loaded, unfinished)


def prefix(manifest: Manifest, task: str) -> str:
    """What a task's outputs begin with: nothing where it is the only one."""
    return f"{task}_" if len(manifest.tasks) > 1 else ""


def read_manifest(folder: Path) -> Manifest:
    """Tasks, labels and text columns of a SavedModel.

    Raises:
        InputError: the SavedModel was not written by `export`.
    """
    try:
        return checkpoints.manifest_of(json.loads((folder / MANIFEST).read_text("utf-8")))
    except InputError as error:
        raise InputError(f"{folder / MANIFEST}: {error}; export the model again") from None
    except (OSError, ValueError):
        raise InputError(
            f"{folder}: is not a SavedModel of tfsocial ({MANIFEST} is missing)"
        ) from None


def _write(loaded: Loaded, folder: Path) -> None:
    module = ServingModule(loaded)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    (folder / MANIFEST).parent.mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(
        json.dumps(checkpoints.manifest_values(loaded.manifest)), "utf-8"
    )


def _answers(manifest: Manifest, task: str, values: tf.Tensor) -> dict[str, tf.Tensor]:
    """A task's outputs from its predictions [n, width]."""
    spec = manifest.tasks[task]
    if spec.kind == "regress":
        return {"value": values[:, 0]}
    names = tf.constant(spec.labels)
    if spec.kind == "classify":
        return {"label": tf.gather(names, tf.argmax(values, -1)), "probabilities": values}
    reached = values >= tf.constant(manifest.decision_thresholds(task))
    chosen = tf.ragged.boolean_mask(tf.broadcast_to(names, tf.shape(values)), reached)
    return {"label": tf.strings.reduce_join(chosen, -1, separator="|"), "probabilities": values}
