"""The graph of a SavedModel: tokenizer, packing, encoder and heads behind three signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import Answering
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.export import warmup
from tfsocial.serving.signature import columns as inputs_of
from tfsocial.serving.signature import is_number, prefix

TOP = 5  # labels listed with their probabilities
Answer = Callable[..., dict[str, tf.Tensor]]


class ServingModule(tf.Module):
    """Strings in; labels, probabilities and vectors out.

    `serving_default` takes `text` (and `text_pair`) string [n], of a model that reads columns
    beside the text one more input each, float32 [n] with NaN where a number is missing, or
    string [n], and gives, for the only task,

        label              string [n]          best label; of a multilabel task all that reach
                                               their threshold, joined by the task's separator
        probabilities      float32 [n, labels] in the order of the manifest
        top_labels         string [n, k]       the likeliest first, k at most 5
        top_probabilities  float32 [n, k]
        out_of_distribution float32 [n]        of a classification: how likely the text belongs to
                                               no class, by the task's detector; without one,
                                               1 - the highest probability
        value              float32 [n]         instead of all these, of a regression
        embedding          float32 [n, hidden] pooled encoder output

    With several tasks all but `embedding` are prefixed by `<task>_`. `embed` takes the same and
    gives `embedding` alone. Each task with labels has `classify`, or with several tasks
    `classify_<task>`: `inputs` string [n], serialized tf.Example, to `classes` and `scores`
    [n, labels], the likeliest first; a regression has `regress`, with `outputs` float32 [n].

    Not traced under XLA: TensorFlow Serving has it switched off. Only variables are tracked,
    not the Keras model, which loads three times slower.
    """

    def __init__(self, bundle: Answering):
        super().__init__(name="tfsocial")
        self.tokenizer = bundle.tokenizer
        self.weights = bundle.variables
        self._manifest = bundle.manifest
        types = _types(bundle.manifest)
        inputs = [tf.TensorSpec([None], dtype, column) for column, dtype in types.items()]
        # One graph that all signatures call: it is the size of the encoder.
        self._numbers = tf.function(
            lambda *columns: bundle.answer(columns), inputs, autograph=False
        )
        self.functions = {
            "serving_default": tf.function(self._answers, inputs, autograph=False),
            "embed": tf.function(self._embedding, inputs, autograph=False),
            **self._of_examples(types),
        }

    def _answers(self, *columns: tf.Tensor) -> dict[str, tf.Tensor]:
        tasks, embedding = self._numbers(*columns)
        answers = {"embedding": embedding}
        for task, values in tasks.items():
            for name, answer in task_answers(self._manifest, task, values).items():
                answers[prefix(self._manifest, task) + name] = answer
        return answers

    def _embedding(self, *columns: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embedding": self._numbers(*columns)[1]}

    def _of_examples(self, types: Mapping[str, tf.DType]) -> dict[str, Answer]:
        """Make the signatures of TensorFlow Serving's Classify and Regress calls."""
        several = len(self._manifest.tasks) > 1
        inputs = [tf.TensorSpec([None], tf.string, "inputs")]
        signatures = {}
        for task, spec in self._manifest.tasks.items():
            name = "regress" if spec.kind == "regress" else "classify"
            answer = self._of_example(types, task, spec)
            signatures[f"{name}_{task}" if several else name] = tf.function(
                answer, inputs, autograph=False
            )
        return signatures

    def _of_example(self, types: Mapping[str, tf.DType], task: str, spec: HeadSpec) -> Answer:
        features = {column: tf.io.FixedLenFeature([], dtype) for column, dtype in types.items()}

        def answer(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            parsed = tf.io.parse_example(inputs, features)
            values = self._numbers(*(parsed[column] for column in types))[0][task]
            if spec.kind == "regress":
                return {"outputs": values[:, 0]}
            scores, classes = top(spec.labels, values, len(spec.labels))
            return {"classes": classes, "scores": scores}

        return answer


def _types(manifest: ModelManifest) -> dict[str, tf.DType]:
    """Give the type of each input, by its name."""
    return {
        column: tf.float32 if is_number(manifest, column) else tf.string
        for column in inputs_of(manifest)
    }


def module(bundle: Answering) -> ServingModule:
    """Make the graph with its signatures."""
    return ServingModule(bundle)


def write(module: ServingModule, bundle: Answering, folder: Path) -> None:
    """Write the SavedModel and the requests that warm it up."""
    tf.saved_model.save(module, str(folder), signatures=module.functions)
    warmup.write(folder, bundle.manifest, tuple(module.functions))


def task_answers(manifest: ModelManifest, task: str, values: tf.Tensor) -> dict[str, tf.Tensor]:
    """Make a task's outputs from its predictions [n, width]."""
    spec = manifest.tasks[task]
    if spec.kind == "regress":
        return {"value": values[:, 0]}
    names = tf.constant(spec.labels)
    scores, labels = top(spec.labels, values, min(TOP, len(spec.labels)))
    answers = {"probabilities": values, "top_labels": labels, "top_probabilities": scores}
    if spec.kind == "classify":
        outside = values[:, -1] if spec.scope else 1 - tf.reduce_max(values, -1)
        return {**answers, "label": labels[:, 0], "out_of_distribution": outside}
    reached = values >= tf.constant(manifest.decision_thresholds(task))
    reaching = tf.ragged.boolean_mask(tf.broadcast_to(names, tf.shape(values)), reached)
    joined = tf.strings.reduce_join(reaching, -1, separator=spec.separator)
    return {**answers, "label": joined}


def top(names: Sequence[str], values: tf.Tensor, k: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Give the k highest of values [n, width] and their names, [n, k] each."""
    scores, places = tf.math.top_k(values, k)
    return scores, tf.gather(tf.constant(names), places)
