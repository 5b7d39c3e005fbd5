"""What is fitted once all steps are taken: heads, the scale of logits, thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints import community
from tfsocial.config import Model, Task
from tfsocial.data.examples import Examples
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.metrics import drift
from tfsocial.models import inference
from tfsocial.models.text_model import TextModel
from tfsocial.runs.prepare import Prepared
from tfsocial.training import calibrating, deciding, ood_fitting, probe
from tfsocial.training.callbacks.dev_evaluation import DevEvaluation
from tfsocial.training.deciding import Thresholds


class Settled(NamedTuple):
    """What is known of the model beside its weights.

    Attributes:
        reference: what texts of dev look like; see `metrics.drift`. None without tasks or dev.
        predictions: task -> what it says of dev, [n, width].
    """

    thresholds: Thresholds
    reference: Mapping[str, Any] | None
    predictions: Mapping[str, np.ndarray]


def settle(ready: Prepared, dev: DevEvaluation | None) -> Settled:
    """Give the model the weights that are saved, and choose the thresholds of its answers.

    Weights are averaged, or the best on dev; heads and scales are fitted to them, and to those
    from where on a text is out of scope and a label counts.
    """
    ready.model.average.put_in()
    if dev:
        dev.put_in_best()
    c = ready.config.model.final_probe_c
    vectors = _refit_heads(ready, c, dev) if c else None
    text_model, config, splits = ready.model.text_model, ready.config, ready.texts.compacted
    if not config.tasks or "dev" not in splits:
        if c and vectors is not None:
            examples, length = ready.texts.corpus.splits["train"], ready.texts.shape.row_length
            train = LabelledVectors(vectors, splits["train"], examples)
            cross_fit(text_model, config.model, config.tasks, train, length)
        return Settled(Thresholds({}, {}), None, {})
    unknown = ready.tokenizer.unknown_id
    return fit_answers(text_model, config.tasks, splits, ready.evaluation_batches, unknown)


def calibrated(tasks: Mapping[str, Task]) -> list[str]:
    """List the tasks whose logits are to be scaled."""
    return [name for name, task in tasks.items() if task.calibrate]


def fit_answers(
    text_model: TextModel,
    tasks: Mapping[str, Task],
    splits: Mapping[str, TokenizedSplit],
    batches: Callable[[str], tf.data.Dataset],
    unknown_id: int,
) -> Settled:
    """Fit to dev what turns the logits of tasks into answers: scales, scores, thresholds.

    Args:
        tasks: of those the model has.
        splits: train and dev.
        batches: gives every example of a split once.
    """
    dev = splits["dev"]
    on_dev = inference.before_predictions(text_model, batches("dev"))
    logits = {task: values.numpy() for task, values in on_dev.logits.items()}
    labels = {task: values.numpy() for task, values in dev.labels.items()}
    calibrating.fit(text_model, (logits, labels), calibrated(tasks))
    detectors = text_model.heads.ood_detectors
    recalls = {name: task.min_in_scope_recall for name, task in tasks.items() if name in detectors}
    if recalls:
        ood_fitting.fit(text_model, batches("train"), on_dev, splits, recalls)
    of_all = text_model.predictions(*on_dev)
    specs = {task: text_model.specs[task] for task in tasks}
    predictions = {task: of_all[task].numpy() for task in tasks}
    unknown = float(np.mean(dev.tokens.flat_values.numpy() == unknown_id))
    vectors = on_dev.pooled.numpy()
    reference = drift.reference(dev.lengths.numpy(), unknown, vectors, specs, predictions)
    return Settled(deciding.fit(specs, predictions, dev), reference, predictions)


class LabelledVectors(NamedTuple):
    """Train as the tuned encoder sees it, float32 [n, hidden], its labels and its texts."""

    vectors: np.ndarray
    encoded: TokenizedSplit
    examples: Examples


def cross_fit(
    text_model: TextModel,
    settings: Model,
    tasks: Mapping[str, Task],
    train: LabelledVectors,
    row_length: int,
) -> None:
    """Fit the scales of tasks' logits where there is no dev, to heads fitted to parts of train.

    Those judge examples that they were fitted without: on the tuned encoder's vectors, and on M0's
    where heads read the direction alone; else the lengths of the two would not compare.
    """
    each, m0 = [train.vectors], community.of_config(settings)
    if m0.trained and settings.head_normalize:
        each.append(m0.embedder(settings.pooling, row_length)(train.examples))
    specs = {task: text_model.specs[task] for task in tasks}
    c = settings.final_probe_c or settings.probe_c
    judged = [
        probe.out_of_fold_logits(text_model.heads, one, train.encoded, specs, c) for one in each
    ]
    calibrating.cross_fit(text_model, judged, calibrated(tasks))


def _refit_heads(ready: Prepared, c: float, dev: DevEvaluation | None) -> np.ndarray:
    """Fit the heads to the vectors of train that the encoder came to, float32 [n, hidden]."""
    text_model = ready.model.text_model
    vectors = inference.embed(text_model, ready.evaluation_batches("train"))
    train = ready.texts.compacted["train"]
    probe.put(text_model.heads, vectors, train, text_model.specs, "probe", c)
    if dev:
        dev.take_back_if_worse()
    return vectors
