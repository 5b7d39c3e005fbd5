"""What is fitted once all steps are taken: heads, the scale of logits, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tfsocial.checkpoints import community
from tfsocial.metrics import drift
from tfsocial.models import inference
from tfsocial.runs.prepare import Prepared
from tfsocial.training import calibrating, deciding, ood_fitting, probe
from tfsocial.training.callbacks.dev_evaluation import DevEvaluation
from tfsocial.training.deciding import Thresholds


class Settled(NamedTuple):
    """What is known of the model beside its weights.

    Attributes:
        reference: what texts of dev look like; see `metrics.drift`. None without tasks or dev.
    """

    thresholds: Thresholds
    reference: Mapping[str, Any] | None


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
    calibrated = [name for name, task in config.tasks.items() if task.calibrate]
    if not config.tasks or "dev" not in splits:
        if c and vectors is not None:
            calibrating.cross_fit(text_model, _of_folds(ready, vectors, c), calibrated)
        return Settled(Thresholds({}, {}), None)
    on_dev = inference.before_predictions(text_model, ready.evaluation_batches("dev"))
    logits = {task: values.numpy() for task, values in on_dev.logits.items()}
    labels = {task: values.numpy() for task, values in splits["dev"].labels.items()}
    calibrating.fit(text_model, (logits, labels), calibrated)
    if text_model.heads.ood_detectors:
        recalls = {name: task.min_in_scope_recall for name, task in config.tasks.items()}
        ood_fitting.fit(text_model, ready.evaluation_batches("train"), on_dev, splits, recalls)
    tasks = text_model.predictions(*on_dev)
    predictions = {task: values.numpy() for task, values in tasks.items()}
    thresholds = deciding.fit(text_model.specs, predictions, splits["dev"])
    return Settled(thresholds, _reference(ready, on_dev.pooled.numpy(), predictions))


def _reference(
    ready: Prepared, embeddings: np.ndarray, predictions: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Summarize dev: what later texts are compared with."""
    dev = ready.texts.compacted["dev"]
    unknown = np.mean(dev.tokens.flat_values.numpy() == ready.tokenizer.unknown_id)
    specs = ready.model.text_model.specs
    return drift.reference(dev.lengths.numpy(), float(unknown), embeddings, specs, predictions)


def _of_folds(ready: Prepared, vectors: np.ndarray, c: float) -> list[calibrating.Judged]:
    """Let heads judge train's examples that they were fitted without.

    On the tuned encoder's vectors, and on M0's where heads read the direction alone: the lengths of
    the two would not compare.
    """
    settings, text_model = ready.config.model, ready.model.text_model
    each = [vectors]
    m0 = community.of_config(settings)
    if m0.trained and settings.head_normalize:
        embedder = m0.embedder(settings.pooling, ready.texts.shape.row_length)
        each.append(embedder(ready.texts.corpus.splits["train"]))
    train = ready.texts.compacted["train"]
    return [
        probe.out_of_fold_logits(text_model.heads, one, train, text_model.specs, c) for one in each
    ]


def _refit_heads(ready: Prepared, c: float, dev: DevEvaluation | None) -> np.ndarray:
    """Fit the heads to the vectors of train that the encoder came to, float32 [n, hidden]."""
    text_model = ready.model.text_model
    vectors = inference.embed(text_model, ready.evaluation_batches("train"))
    train = ready.texts.compacted["train"]
    probe.put(text_model.heads, vectors, train, text_model.specs, "probe", c)
    if dev:
        dev.take_back_if_worse()
    return vectors
