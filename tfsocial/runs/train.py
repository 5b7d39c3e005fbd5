"""The page to read first: a config becomes a trained model, top to bottom."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tf_keras as keras

from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.config import Config, load
from tfsocial.data import examples
from tfsocial.data.pipeline import service
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.errors import InputError
from tfsocial.metrics.scorer import Scorer
from tfsocial.provenance.resources import Resource
from tfsocial.runs import model_card, settling
from tfsocial.runs.prepare import Prepared, prepare
from tfsocial.runs.settling import Settled
from tfsocial.training import checkpoint_files, config_changes, devices
from tfsocial.training.callbacks import dev_evaluation, guard, progress
from tfsocial.training.callbacks.checkpointing import CheckpointCallback
from tfsocial.training.callbacks.dev_evaluation import DevEvaluation
from tfsocial.training.callbacks.drift_constraint import DriftController
from tfsocial.training.callbacks.input_stalls import InputStalls
from tfsocial.training.callbacks.loss_spikes import LossSpikes
from tfsocial.training.callbacks.metrics_logger import MetricsLogger
from tfsocial.training.checkpoint_files import Checkpoint
from tfsocial.training.devices import Cloud
from tfsocial.training.social_model import SocialModel
from tfsocial.training.tracking.trackers import Trackers


@dataclass(frozen=True)
class Run:
    """A finished run: the model as it was saved, what it was made from, its curves.

    Attributes:
        workdir: where this process wrote; of several workers only the chief's is the run's.
        losses: split -> the formula and its terms on it, of a run without tasks, which has no
            other score; see `dev_evaluation.losses`.
    """

    loaded: TextModelBundle
    corpus: examples.Corpus
    encoded: Mapping[str, TokenizedSplit]
    metrics_logger: MetricsLogger
    trackers: Trackers
    steps: int
    resources: tuple[Resource, ...]
    workdir: Path
    losses: Mapping[str, Mapping[str, float]]


def train(
    config: Config,
    workdir: Path,
    device: str = "auto",
    accept_changes: bool = False,
    cloud: Cloud = devices.HERE,
) -> Run:
    """Train a config and leave config.yaml, provenance.json, curves and model/ in `workdir`.

    A workdir that holds this run's checkpoints is gone on with, as if it had never stopped.

    Args:
        device: see `devices.FORMS`.
        accept_changes: whether a run goes on whose config was another one.
        cloud: of a TPU by name.

    Raises:
        InputError: the config, the data or the checkpoint is wrong; before step one.
        guard.Diverged: the loss stopped being finite.
        checkpointing.Interrupted: the system asked the run to stop.
        checkpointing.Unreachable: the filesystem does not say whether there are checkpoints.
    """
    if not accept_changes:
        _refuse_changes(workdir, config)
    hardware = devices.choose(device, config.training, cloud)
    checkpoint_folder = checkpoint_files.folder(config.training, workdir)
    chief = devices.is_chief(hardware.strategy)
    if not chief:
        workdir = Path(tempfile.mkdtemp())  # what the chief writes is enough
    ready = prepare(config, workdir, hardware)
    trackers = Trackers(config.tracking)
    metrics = MetricsLogger(workdir, config.training.log_every, listeners=[trackers.log])
    dev = _dev_evaluation(ready)
    callbacks = {**_callbacks(ready, metrics, dev), "tracking": trackers}
    checkpoints = _checkpointing(ready, workdir, callbacks, checkpoint_folder)
    if config.training.loss_spike and config.training.loss_spike.rollback:
        callbacks["spikes"].roll_back = checkpoints.roll_back
    latest = checkpoints.restore_latest(accept_changes)
    metrics.open()
    if chief:
        trackers.open(config, workdir)
    if not (latest and latest.ended) or _changed(latest, config):
        with devices.together(hardware.strategy), service.watched(config.data.service):
            try:
                _fit(ready, [*callbacks.values(), checkpoints], latest.step if latest else 0)
            except BaseException:
                trackers.close()  # the points of a run that is stopped are not lost
                raise
            finally:  # Keras ends no training that an error ends
                checkpoints.release_signals()
            checkpoints.save(ended=True)
    settled = settling.settle(ready, dev)
    losses = _losses(ready)
    _save(ready, settled, workdir / "model")
    saved = model_folder.load(workdir / "model")
    texts = ready.texts
    steps, resources = ready.total_steps, ready.resources
    return Run(
        saved, texts.corpus, texts.encoded, metrics, trackers, steps, resources, workdir, losses
    )


def _refuse_changes(workdir: Path, config: Config) -> None:
    """Let a workdir's run go on only with the config that it had."""
    path = workdir / "config.yaml"
    if not path.exists():
        return
    try:
        before = load(path, migrate=True)
    except InputError as error:
        raise config_changes.unreadable(str(workdir), str(error)) from None
    config_changes.refuse_changes(str(workdir), before, config)


def _changed(latest: Checkpoint, config: Config) -> bool:
    """Say whether a run that has ended has something to do with this config all the same."""
    return bool(latest.unreadable or config_changes.changed(latest.config, config))


def _fit(ready: Prepared, callbacks: Sequence[keras.callbacks.Callback], done: int) -> None:
    """Take the steps that are left after these."""
    epoch, step = divmod(done, ready.epoch_steps)
    if done and (step == 0 or done == ready.total_steps):
        _end_epoch(ready.model, callbacks, (done - 1) // ready.epoch_steps)
    if done == ready.total_steps or ready.model.stop_training:
        return
    ready.model.start_at(epoch, step)
    ready.model.fit(
        ready.training_batches(done),
        steps_per_epoch=min(ready.epoch_steps, ready.total_steps),
        epochs=-(-ready.total_steps // ready.epoch_steps),
        callbacks=callbacks,
        verbose=0,
    )


def _end_epoch(
    model: SocialModel, callbacks: Sequence[keras.callbacks.Callback], epoch: int
) -> None:
    """End an epoch whose steps were all done when the run stopped, perhaps without its score."""
    logs = {name: metric.result().numpy() for name, metric in model.step_metrics.means.items()}
    keras.callbacks.CallbackList(callbacks, model=model).on_epoch_end(epoch, logs)


def _callbacks(
    ready: Prepared, metrics: MetricsLogger, dev: DevEvaluation | None
) -> dict[str, keras.callbacks.Callback]:
    """Make callbacks in the order they must run in: what picks weights before what reads scores.

    Their names are those of checkpoints, those of earlier releases too.
    """
    training = ready.config.training
    by_name = {
        "guard": guard.Guard(ready.total_steps),
        "spikes": LossSpikes(training.loss_spike) if training.loss_spike else None,
        # TensorFlow tells no time where operations are deterministic.
        "stalls": None if training.deterministic else InputStalls(bool(ready.texts.views)),
        "near": _drift_controller(ready, metrics),
        "dev": dev,
        "curves": metrics,
        "progress": progress.Progress(
            ready.total_steps, training.epochs, training.monitor if ready.config.tasks else "-loss"
        ),
    }
    present = {name: callback for name, callback in by_name.items() if callback}
    for callback in present.values():
        callback.set_model(ready.model)
    return present


def _checkpointing(
    ready: Prepared, workdir: Path, callbacks: Mapping[str, keras.callbacks.Callback], folder: str
) -> CheckpointCallback:
    """Make the writer of checkpoints: only the chief's lie where all read."""
    training = ready.config.training
    chief = devices.is_chief(ready.model.distribute_strategy)
    remembering = {
        name: callback for name, callback in callbacks.items() if hasattr(callback, "restore")
    }
    return CheckpointCallback(
        ready.model,
        folder if chief else str(workdir / "checkpoints"),
        ready.config,
        ready.texts.fingerprint,
        remembering,
        callbacks.get("dev"),
        training.checkpoint_every,
        training.checkpoints_kept,
        source=folder,
    )


def _dev_evaluation(ready: Prepared) -> DevEvaluation | None:
    """Make what scores each epoch when there is a dev split to score."""
    if "dev" not in ready.texts.compacted:
        return None
    batches, training = ready.evaluation_batches("dev"), ready.config.training
    dev = ready.texts.compacted["dev"]
    scorer = Scorer.of(ready.config.tasks)
    return DevEvaluation(dev, batches, scorer, training.monitor, training.patience)


def _drift_controller(ready: Prepared, metrics: MetricsLogger) -> DriftController | None:
    """Make what moves the weights that follow from a drift constraint, if some do."""
    if not ready.model.formula.alphas:
        return None
    compacted = ready.texts.compacted
    measured = compacted.get("dev", compacted["train"])
    return DriftController(ready.model, measured, ready.texts.shape, metrics)


def _losses(ready: Prepared) -> dict[str, dict[str, float]]:
    """Compute the losses of dev and test, where no task has scores there."""
    splits = [split for split in ready.texts.compacted if split != "train"]
    if ready.config.tasks:
        return {}
    return {
        split: dev_evaluation.losses(ready.model, ready.evaluation_batches(split))
        for split in splits
    }


def _save(ready: Prepared, settled: Settled, folder: Path) -> None:
    text_model, shape = ready.model.text_model, ready.texts.shape
    manifest = ModelManifest(
        **vars(text_model.spec),
        row_length=shape.row_length,
        slots=shape.slots,
        text_columns=ready.config.data.text,
        **settled.thresholds._asdict(),
    )
    bundle = TextModelBundle(text_model, ready.tokenizer, manifest)
    about = model_card.text(ready.config, text_model.specs, ready.resources)
    model_folder.save(folder, bundle, ready.unused, ready.texts.words, about, settled.reference)
