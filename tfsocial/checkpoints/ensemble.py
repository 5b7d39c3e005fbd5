"""Several model folders that answer as one: the mean of their calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import Answering, TextModelBundle
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec
from tfsocial.text.batch import Batch
from tfsocial.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Ensemble(Answering):
    """Members that read one batch; predictions are means, embeddings stand side by side.

    The texts are tokenized and packed once. Lakshminarayanan, Pritzel & Blundell (2016), Simple
    and Scalable Predictive Uncertainty Estimation using Deep Ensembles, arXiv:1612.01474.

    Attributes:
        members: at least two.
        manifest: the first one's, with the means of the thresholds of all.
    """

    members: tuple[TextModelBundle, ...]
    manifest: ModelManifest

    @property
    def tokenizer(self) -> Tokenizer:  # type: ignore[override]  # a property is no attribute
        return self.members[0].tokenizer

    @property
    def variables(self) -> list[tf.Variable]:
        return [variable for member in self.members for variable in member.variables]

    def answers(self, batch: Batch) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Compute predictions [rows, slots, width] and embeddings [rows, slots, sum of hidden].

        Each member's part of an embedding has the length 1, so the cosine of two embeddings is the
        mean of the members' cosines.
        """
        each = [member.answers(batch) for member in self.members]
        tasks = {task: self._mean(task, [of_all for of_all, _ in each]) for task in each[0][0]}
        vectors = [tf.math.l2_normalize(pooled, -1) for _, pooled in each]
        return tasks, tf.concat(vectors, -1) / np.sqrt(len(vectors))

    def _mean(self, task: str, each: Sequence[Mapping[str, tf.Tensor]]) -> tf.Tensor:
        """Average the members' predictions of a task, columns by the names of labels."""
        labels = self.manifest.tasks[task].labels
        in_order = [
            tf.gather(of_all[task], member.manifest.tasks[task].places(labels), axis=-1)
            for member, of_all in zip(self.members, each, strict=True)
        ]
        return tf.reduce_mean(tf.stack(in_order), 0)


def load(folders: Sequence[Path]) -> Answering:
    """Read one model folder, or several as an ensemble.

    Raises:
        InputError: one is broken, or they cannot answer as one.
    """
    members = tuple(model_folder.load(folder) for folder in folders)
    if len(members) == 1:
        return members[0]
    for member, folder in zip(members[1:], folders[1:], strict=True):
        _check(members[0], member, folder)
    positions = min(member.model.encoder.config.max_position_embeddings for member in members)
    return Ensemble(members, _manifest([member.manifest for member in members], positions))


def _manifest(manifests: Sequence[ModelManifest], positions: int) -> ModelManifest:
    """Describe the ensemble; rows are as long as the longest of a member, as all can read."""
    first = manifests[0]
    return replace(
        first,
        row_length=min(max(one.row_length for one in manifests), positions),
        slots=max(one.slots for one in manifests),
        calibration={},  # the members' own, applied before the mean
        thresholds=_mean_thresholds(manifests),
        label_set_thresholds={
            task: float(np.mean([one.label_set_thresholds[task] for one in manifests]))
            for task in first.label_set_thresholds
            if all(task in one.label_set_thresholds for one in manifests)
        },
    )


def _mean_thresholds(manifests: Sequence[ModelManifest]) -> dict[str, tuple[float, ...]]:
    """Average the thresholds of multilabel tasks, label by label."""
    means = {}
    for task, spec in manifests[0].tasks.items():
        if spec.kind == "multilabel":
            in_order = [
                one.decision_thresholds(task)[one.tasks[task].places(spec.labels)]
                for one in manifests
            ]
            means[task] = tuple(np.mean(in_order, 0).tolist())
    return means


def _check(first: TextModelBundle, member: TextModelBundle, folder: Path) -> None:
    """Refuse a member that does not answer the same of the same texts.

    Raises:
        InputError: says how it differs.
    """
    ours, its = first.manifest, member.manifest
    where = f"--model={folder}"
    tokenizers = [(one.tokenizer.vocabulary, one.tokenizer.settings) for one in (first, member)]
    if tokenizers[0] != tokenizers[1]:
        raise InputError(f"{where}: its vocabulary is not the first model's")
    if len(ours.text_columns) != len(its.text_columns):
        raise InputError(
            f"{where}: reads {len(its.text_columns)} texts, the first model "
            f"{len(ours.text_columns)}"
        )
    if ours.features != its.features:
        raise InputError(
            f"{where}: what its heads read beside the text is not what the first model's read; "
            "train both with the same data.features on the same train"
        )
    if ours.tasks.keys() != its.tasks.keys():
        raise InputError(
            f"{where}: has the tasks {', '.join(its.tasks)}, the first model "
            f"{', '.join(ours.tasks)}"
        )
    for task, spec in ours.tasks.items():
        _check_task(where, task, spec, its.tasks[task])


def _check_task(where: str, task: str, ours: HeadSpec, its: HeadSpec) -> None:
    if ours.kind != its.kind:
        raise InputError(f"{where}: task {task} is {its.kind}, and {ours.kind} in the first model")
    if strange := sorted(set(ours.labels) ^ set(its.labels)):
        owner = "it" if strange[0] in its.labels else "the first model"
        raise InputError(
            f"{where}: of task {task} only {owner} has the label {strange[0]!r}; models of one "
            "label set can answer as one"
        )
