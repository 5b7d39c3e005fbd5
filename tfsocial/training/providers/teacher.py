"""What teachers say of train: tuned models that a smaller one learns from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.data.examples import Examples
from tfsocial.data.pipeline.batches import evaluation_batches
from tfsocial.data.pipeline.tokenized_split import tokenize_split
from tfsocial.data.reading.text_cells import CellError
from tfsocial.errors import InputError, nearest
from tfsocial.models import features, inference
from tfsocial.models.spec import HeadSpec
from tfsocial.objectives import table
from tfsocial.objectives.contract import Taught
from tfsocial.objectives.papers.distillation import TeacherCosine
from tfsocial.text.batch import Shape
from tfsocial.training.providers import contract
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants

ROWS = 8  # of a batch that a teacher reads


class Teacher(Provider):
    """Name in `checkpoints` -> `Taught` of train's examples, [n, ...]; each teacher reads once."""

    of_train = True

    def build(self, context: Context, constants: RunConstants) -> dict[str, Taught]:
        terms = [term for term in context.terms if "teacher" in term.objective.needs]
        by_vectors = [term for term in terms if isinstance(term.objective, TeacherCosine)]
        width = context.text_model.encoder.config.hidden_size
        teachers = {}
        for name, key in table.checkpoints(terms).items():
            teacher = model_folder.load(context.checkpoints[name].folder)
            if name in table.checkpoints(by_vectors):
                _check_width(teacher, width, key)
            teachers[name] = _taught(teacher, context.train, context.text_model.specs, key)
        return teachers


def _taught(
    teacher: TextModelBundle, train: Examples, specs: Mapping[str, HeadSpec], key: str
) -> Taught:
    """Let a teacher read train.

    Raises:
        InputError: it lacks a task or a label, train lacks a column that it reads, or is too long.
    """
    places = {task: _places(spec, teacher, task, key) for task, spec in specs.items()}
    its_size = teacher.model.encoder.config.hidden_size
    _check_size(len(train), its_size + sum(map(len, places.values())), key)
    manifest = teacher.manifest
    for name in manifest.features:
        if name not in train.attributes:
            raise InputError(
                f"{key}: the teacher reads {name} beside the text; name it in data.attributes too"
            )
    try:
        beside = features.vectors(manifest.features, train)
    except CellError as reason:
        raise InputError(f"{key}: the teacher cannot read train, {reason}") from None
    encoded = tokenize_split(train, teacher.tokenizer, manifest.row_length, feature_vectors=beside)
    shape = Shape(ROWS, manifest.row_length, manifest.slots)
    read = inference.before_predictions(teacher.model, evaluation_batches(encoded, shape))
    logits = {task: tf.gather(read.logits[task], place, axis=-1) for task, place in places.items()}
    return Taught(read.pooled, logits, tf.ones([len(train)]))


def _places(spec: HeadSpec, teacher: TextModelBundle, task: str, key: str) -> np.ndarray:
    """Find the teacher's columns that stand for a task's logits, int [learned]."""
    its = teacher.manifest.tasks.get(task)
    if its is None or its.kind != spec.kind:
        has = ", ".join(f"{name} ({one.kind})" for name, one in teacher.manifest.tasks.items())
        raise InputError(f"{key}: the teacher has no {spec.kind} task {task}; it has {has}")
    for label in spec.learned_labels:
        if label not in its.learned_labels:
            known = nearest(label, its.learned_labels)
            raise InputError(f"{key}: the teacher's task {task} has no label {label!r}; {known}")
    return np.array(its.places(spec.learned_labels))


def _check_width(teacher: TextModelBundle, width: int, key: str) -> None:
    if (its := teacher.model.encoder.config.hidden_size) != width:
        raise InputError(
            f"{key}: the teacher's vectors have {its} numbers, the model's {width}; leave "
            "teacher_cosine out"
        )


def _check_size(examples: int, numbers: int, key: str) -> None:
    if examples * numbers > contract.MOST_NUMBERS:
        raise InputError(
            f"{key}: {numbers} numbers for each of {examples} examples are more than the "
            f"{contract.MOST_NUMBERS} it keeps; take fewer examples"
        )
