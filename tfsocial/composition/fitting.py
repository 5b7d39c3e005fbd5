"""A composed model on the data of the runs it was made of: fitted to them, and judged by them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.composition.heads import TaskHead
from tfsocial.composition.parents import Parent
from tfsocial.config import Model, Task
from tfsocial.data import corpus
from tfsocial.data.examples import Examples
from tfsocial.data.pipeline import batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, tokenize_split
from tfsocial.errors import InputError
from tfsocial.metrics.scorer import Scorer
from tfsocial.metrics.scores import PRIMARY
from tfsocial.models import inference, parameters
from tfsocial.models.text_model import TextModel
from tfsocial.runs import settling
from tfsocial.runs.settling import Settled
from tfsocial.text.batch import Shape
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training import probe
from tfsocial.training.deciding import Thresholds

log = logging.getLogger(__name__)

ROWS = 8  # of a batch

Scores = dict[str, float]  # task -> its score on dev


@dataclass(frozen=True)
class RunData:
    """What the heads of a run's tasks are fitted to and judged by.

    Attributes:
        tasks: their sections of the config.
        settings: the config's section of the model.
        examples: split -> its texts; train and, if the run has one, dev.
        encoded: split -> the same as tokens.
    """

    heads: Sequence[TaskHead]
    tasks: Mapping[str, Task]
    settings: Model
    examples: Mapping[str, Examples]
    encoded: Mapping[str, TokenizedSplit]
    shape: Shape
    unknown_id: int

    def batches(self, split: str) -> tf.data.Dataset:
        """Every example once."""
        return batches.evaluation_batches(self.encoded[split], self.shape)

    def with_heads(self, heads: Sequence[TaskHead]) -> RunData:
        """Fit the same tasks' heads another way."""
        ours = [head for head in heads if head.task in self.tasks]
        tasks = {head.task: self.tasks[head.task] for head in ours}
        return replace(self, heads=ours, tasks=tasks)


def load_data(parent: Parent, heads: Sequence[TaskHead]) -> RunData:
    """Read the data of a run again, as its config names them.

    Raises:
        InputError: it has no config, its data cannot be read, or have other labels by now.
    """
    config = parent.config
    if config is None:
        raise InputError(
            f"--add={parent.folder}: has no config.yaml that names data, so nothing can be fitted "
            "to them; say --heads=own or --heads=average, and --nosettle"
        )
    loaded = corpus.load_corpus(config.data, config.tasks, config.seed)
    for head in heads:
        if loaded.label_names.get(parent.own_name(head.task), ()) != head.spec.labels:
            raise InputError(
                f"--add={parent.folder}: its data have other labels of task {head.task} than when "
                "it was trained; give it those data (--set data.root=...)"
            )
    tokenizer, length = Tokenizer.load(parent.model), parent.manifest.row_length
    own = {head.task: parent.own_name(head.task) for head in heads}
    examples = {
        name: replace(split, labels={task: split.labels[old] for task, old in own.items()})
        for name, split in loaded.splits.items()
        if name != "test"
    }
    encoded = {
        name: tokenize_split(split, tokenizer, length, config.data.cache)
        for name, split in examples.items()
    }
    shape = Shape(ROWS, length, parent.manifest.slots)
    tasks = {task: config.tasks[old] for task, old in own.items()}
    return RunData(heads, tasks, config.model, examples, encoded, shape, tokenizer.unknown_id)


class Fitted(NamedTuple):
    """A model folder's model with the answers that were fitted, and its scores.

    Attributes:
        scores: task -> its score on dev; without the tasks that have no dev.
    """

    scores: Scores
    model: TextModel


def fit(folder: Path, datas: Sequence[RunData]) -> Fitted:
    """Fit a model folder's answers to the data of its runs, and write them into it.

    Heads that are to be fitted anew are, unless dev falls; then the scale of logits, the scores
    that tell what is out of scope, and thresholds, on dev; without a dev the scale alone, on
    train's folds.
    """
    bundle = model_folder.load(folder)
    scores: Scores = {}
    thresholds, reference = Thresholds({}, {}), None
    for data in datas:
        settled = _fit_one(bundle.model, data)
        thresholds.thresholds.update(settled.thresholds.thresholds)
        thresholds.label_set_thresholds.update(settled.thresholds.label_set_thresholds)
        reference = reference or settled.reference
        scores |= _scores(data, settled.predictions)
    manifest = replace(bundle.manifest, **vars(bundle.model.spec), **thresholds._asdict())
    fitted = TextModelBundle(bundle.model, bundle.tokenizer, manifest)
    model_folder.save_answers(folder, fitted, reference)
    return Fitted(scores, bundle.model)


def _fit_one(text_model: TextModel, data: RunData) -> Settled:
    vectors = _refit(text_model, data)
    if "dev" in data.encoded:
        return settling.fit_answers(
            text_model, data.tasks, data.encoded, data.batches, data.unknown_id
        )
    if vectors is not None:
        train = settling.LabelledVectors(vectors, data.encoded["train"], data.examples["train"])
        refitted = {task: data.tasks[task] for task in _refitted(data)}
        length = data.shape.row_length
        settling.cross_fit(text_model, data.settings, refitted, train, length)
    return Settled(Thresholds({}, {}), None, {})


def _refitted(data: RunData) -> list[str]:
    return [head.task for head in data.heads if head.how == "refit"]


def _refit(text_model: TextModel, data: RunData) -> np.ndarray | None:
    """Fit heads anew to train's vectors, float32 [n, hidden]; keep the old where dev falls."""
    specs = {task: text_model.specs[task] for task in _refitted(data)}
    if not specs:
        return None
    vectors = inference.embed(text_model, data.batches("train"))
    settings = data.settings
    places = parameters.of_heads(text_model.heads).where(lambda one: one.task in specs)
    old, has_dev = places.arrays(), "dev" in data.encoded
    before = _dev_mean(text_model, data, [*specs]) if has_dev else 0.0
    c = settings.final_probe_c or settings.probe_c
    probe.put(text_model.heads, vectors, data.encoded["train"], specs, "probe", c)
    if has_dev and _dev_mean(text_model, data, [*specs]) < before:
        log.info("dev falls with heads fitted anew: the old ones stay")
        places.assign(old)
    return vectors


def _dev_mean(text_model: TextModel, data: RunData, tasks: Sequence[str]) -> float:
    predictions = inference.predict(text_model, data.batches("dev"))
    of_tasks = {task: predictions[task] for task in tasks}
    return float(np.mean([*_scores(data, of_tasks).values()]))


def judge(run: Parent, datas: Sequence[RunData]) -> Scores:
    """Score a run's model as it is; task -> its score on dev.

    Args:
        datas: of all runs; what has none of this one's tasks is not asked.
    """
    model = model_folder.load(run.model).model
    scores: Scores = {}
    for data in datas:
        heads = [head for head in data.heads if run in head.parents]
        if heads and "dev" in data.encoded:
            its = inference.predict(model, data.batches("dev"))
            scores |= _scores(data, {head.task: _by_name(head, run, its) for head in heads})
    return scores


def _by_name(head: TaskHead, run: Parent, its: Mapping[str, np.ndarray]) -> np.ndarray:
    """Order a run's predictions of a task as the labels of its home are."""
    places = run.manifest.tasks[head.task].places(head.spec.labels)
    return its[run.own_name(head.task)][:, places]


def embed(model: TextModel, datas: Sequence[RunData]) -> np.ndarray:
    """Embed every text of dev, vectors of length 1, float32 [n, hidden]."""
    each = [inference.embed(model, data.batches("dev")) for data in datas if "dev" in data.encoded]
    vectors = np.concatenate(each)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _scores(data: RunData, predictions: Mapping[str, np.ndarray]) -> Scores:
    """Score predictions of dev: task -> the number of its kind in `metrics.scores.PRIMARY`."""
    scorer = Scorer.of(data.tasks)
    found = {}
    for task, of_task in predictions.items():
        spec = next(head.spec for head in data.heads if head.task == task)
        labels = data.encoded["dev"].labels[task].numpy()
        numbers = scorer.scores(task, spec, labels, of_task)
        found[task] = float(numbers.get(PRIMARY[spec.kind], 0.0))
    return found
