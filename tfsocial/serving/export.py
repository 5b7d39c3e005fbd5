"""A SavedModel that takes plain strings: tokenizer, packing, encoder and heads in one graph."""

from __future__ import annotations

import json
from pathlib import Path

import tensorflow as tf

from tfsocial import files
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.errors import InputError
from tfsocial.serving.saved_model import COLUMNS, MANIFEST, prefix


class ServingModule(tf.Module):
    """Strings in; per example the label, the probabilities and the embedding out.

    Signature `serving_default`: `text` (and `text_pair`) string [n] to, for the only task,

        label          string [n]          best label; of a multilabel task all that reach their
                                           threshold, joined by the task's separator
        probabilities  float32 [n, labels] in the order of the manifest; a regression has
                                           `value` float32 [n] instead
        embedding      float32 [n, hidden] pooled encoder output

    With several tasks `label`, `probabilities` and `value` are prefixed by `<task>_`.

    Not traced under XLA: TensorFlow Serving has it switched off. Only variables are tracked,
    not the Keras model, which loads three times slower.
    """

    def __init__(self, loaded: TextModelBundle):
        super().__init__(name="tfsocial")
        self.tokenizer = loaded.tokenizer
        self.weights = list(loaded.model.variables)
        manifest = loaded.manifest
        columns = COLUMNS[: len(manifest.text_columns)]

        def serve(*texts: tf.Tensor) -> dict[str, tf.Tensor]:
            tasks, embedding = loaded.answer(texts)
            answers = {"embedding": embedding}
            for task, values in tasks.items():
                for name, answer in _answers(manifest, task, values).items():
                    answers[prefix(manifest, task) + name] = answer
            return answers

        signature = [tf.TensorSpec([None], tf.string, column) for column in columns]
        self.serve = tf.function(serve, signature, autograph=False)


def export(model: Path, output: Path) -> None:
    """Write the SavedModel of a run's `model/` folder; whole or not at all.

    Raises:
        InputError: `output` exists, or `model` is not a model folder.
    """
    if output.exists():
        raise InputError(f"--output={output}: exists already; a version is never overwritten")
    loaded = model_folder.load(model)
    with files.making(output) as unfinished:
        _write(loaded, unfinished)


def _write(loaded: TextModelBundle, folder: Path) -> None:
    module = ServingModule(loaded)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    (folder / MANIFEST).parent.mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(manifests.to_values(loaded.manifest)), "utf-8")


def _answers(manifest: ModelManifest, task: str, values: tf.Tensor) -> dict[str, tf.Tensor]:
    """Make a task's outputs from its predictions [n, width]."""
    spec = manifest.tasks[task]
    if spec.kind == "regress":
        return {"value": values[:, 0]}
    names = tf.constant(spec.labels)
    if spec.kind == "classify":
        return {"label": tf.gather(names, tf.argmax(values, -1)), "probabilities": values}
    reached = values >= tf.constant(manifest.decision_thresholds(task))
    labels = tf.ragged.boolean_mask(tf.broadcast_to(names, tf.shape(values)), reached)
    return {
        "label": tf.strings.reduce_join(labels, -1, separator=spec.separator),
        "probabilities": values,
    }
