"""What is fitted once all steps are taken: heads, the scale of logits, thresholds."""

from __future__ import annotations

from tfsocial.models import inference
from tfsocial.runs.prepare import Prepared
from tfsocial.training import calibrating, deciding, ood_fitting, probe
from tfsocial.training.callbacks.dev_evaluation import DevEvaluation
from tfsocial.training.deciding import Thresholds


def settle(ready: Prepared, dev: DevEvaluation | None) -> Thresholds:
    """Give the model the weights that are saved, and choose the thresholds of its answers.

    Weights are averaged, or the best on dev; heads and scales are fitted to them, and to those
    from where on a text is out of scope and a label counts.
    """
    ready.model.average.put_in()
    if dev:
        dev.put_in_best()
    c = ready.config.model.final_probe_c
    if c:
        _refit_heads(ready, c, dev)
    text_model, config, splits = ready.model.text_model, ready.config, ready.texts.compacted
    if not config.tasks or "dev" not in splits:
        return Thresholds({}, {})
    on_dev = inference.before_predictions(text_model, ready.evaluation_batches("dev"))
    calibrated = [name for name, task in config.tasks.items() if task.calibrate]
    calibrating.fit(text_model, on_dev.logits, splits["dev"], calibrated)
    if text_model.heads.ood_detectors:
        recalls = {name: task.min_in_scope_recall for name, task in config.tasks.items()}
        ood_fitting.fit(text_model, ready.evaluation_batches("train"), on_dev, splits, recalls)
    return deciding.fit(text_model, on_dev, splits["dev"])


def _refit_heads(ready: Prepared, c: float, dev: DevEvaluation | None) -> None:
    """Fit the heads to the vectors that the encoder came to."""
    text_model = ready.model.text_model
    vectors = inference.embed(text_model, ready.evaluation_batches("train"))
    train = ready.texts.compacted["train"]
    probe.put(text_model.heads, vectors, train, text_model.specs, "probe", c)
    if dev:
        dev.take_back_if_worse()
