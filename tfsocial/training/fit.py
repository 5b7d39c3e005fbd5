"""The page to read first: a config becomes a trained model, top to bottom."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tf_keras as keras

from tfsocial.config import Config, load
from tfsocial.data import pipeline, service, sources
from tfsocial.data.provenance import Resource
from tfsocial.models import card, checkpoints, inference
from tfsocial.models.checkpoints import Loaded, Manifest
from tfsocial.training import devices, outside, probe, resume, watch
from tfsocial.training.budget import KeepNear
from tfsocial.training.curves import Curves
from tfsocial.training.devices import Cloud
from tfsocial.training.prepare import Prepared, prepare
from tfsocial.training.spikes import Spikes
from tfsocial.training.stalls import Stalls
from tfsocial.training.step import SocialModel


@dataclass(frozen=True)
class Run:
    """A finished run: the model as it was saved, what it was made from, its curves.

    Attributes:
        workdir: where this process wrote; of several workers only the chief's is the run's.
        losses: split -> the formula and its terms on it, of a run without tasks, which has no
            other score; see `watch.losses`.
    """

    loaded: Loaded
    corpus: sources.Corpus
    encoded: Mapping[str, pipeline.Encoded]
    curves: Curves
    steps: int
    resources: tuple[Resource, ...]
    workdir: Path
    losses: Mapping[str, Mapping[str, float]]


def train(
    config: Config,
    workdir: Path,
    judge: watch.Judge,
    device: str = "auto",
    accept_changes: bool = False,
    cloud: Cloud = devices.HERE,
) -> Run:
    """Trains a config and leaves config.yaml, provenance.json, curves and model/ in `workdir`.

    A workdir that holds this run's checkpoints is gone on with, as if it had never stopped.

    Args:
        judge: gives a task's scores on the dev split; see `watch.Judge`.
        device: see `devices.FORMS`.
        accept_changes: whether a run goes on whose config was another one.
        cloud: of a TPU by name.

    Raises:
        InputError: the config, the data or the checkpoint is wrong; before step one.
        watch.Diverged: the loss stopped being finite.
        resume.Interrupted: the system asked the run to stop.
        resume.Unreachable: the filesystem does not say whether there are checkpoints.
    """
    if not accept_changes and (workdir / "config.yaml").exists():
        resume.refuse_changes(str(workdir), load(workdir / "config.yaml"), config)
    chosen = devices.choose(device, config.training, cloud)
    kept = resume.folder(config, workdir)
    if not devices.is_chief(chosen.strategy):
        workdir = Path(tempfile.mkdtemp())  # what the chief writes is enough
    ready = prepare(config, workdir, chosen)
    curves = Curves(workdir, config.training.log_every)
    dev = _dev_score(ready, judge)
    callbacks = _callbacks(ready, curves, dev)
    keeper = _keeper(ready, workdir, callbacks, kept)
    if config.training.loss_spike and config.training.loss_spike.rollback:
        callbacks["spikes"].roll_back = keeper.roll_back
    taken = keeper.take_up(accept_changes)
    curves.open()
    if not (taken and taken.ended) or resume.changed(taken.config, config):
        with devices.together(chosen.strategy), service.watched(config.data.service):
            _fit(ready, [*callbacks.values(), keeper], taken.step if taken else 0)
            keeper.save(ended=True)
    ready.model.average.put_in()
    if dev:
        dev.put_in_best()
    if config.model.final_probe_c:
        _refit_heads(ready, config.model.final_probe_c, dev)
    _fit_scopes(ready)
    losses = _losses(ready)
    _save(ready, dev.thresholds() if dev else {}, workdir / "model")
    saved = checkpoints.load(workdir / "model")
    texts = ready.texts
    steps, taken_in = ready.total_steps, ready.resources
    return Run(saved, texts.corpus, texts.encoded, curves, steps, taken_in, workdir, losses)


def _fit(ready: Prepared, callbacks: Sequence[keras.callbacks.Callback], done: int) -> None:
    """The steps that are left after these."""
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
    """Of an epoch whose steps were all done when the run stopped, and perhaps not its score."""
    logs = {name: metric.result().numpy() for name, metric in model.curves.items()}
    keras.callbacks.CallbackList(callbacks, model=model).on_epoch_end(epoch, logs)


def _callbacks(
    ready: Prepared, curves: Curves, dev: watch.DevScore | None
) -> dict[str, keras.callbacks.Callback]:
    """In the order they must run in: what picks weights before what reads scores."""
    training = ready.config.training
    found = {
        "guard": watch.Guard(ready.total_steps),
        "spikes": Spikes(training.loss_spike) if training.loss_spike else None,
        # TensorFlow tells no time where operations are deterministic.
        "stalls": None if training.deterministic else Stalls(bool(ready.texts.views)),
        "near": _keep_near(ready, curves),
        "dev": dev,
        "curves": curves,
        "progress": watch.Progress(
            ready.total_steps, training.epochs, training.monitor if ready.config.tasks else "-loss"
        ),
    }
    present = {name: callback for name, callback in found.items() if callback}
    for callback in present.values():
        callback.set_model(ready.model)
    return present


def _keeper(
    ready: Prepared, workdir: Path, callbacks: Mapping[str, keras.callbacks.Callback], kept: str
) -> resume.Keeper:
    """Only the chief writes where all read: elsewhere than `kept` lies what nobody needs."""
    training = ready.config.training
    chief = devices.is_chief(ready.model.distribute_strategy)
    remembering = {name: own for name, own in callbacks.items() if hasattr(own, "restore")}
    return resume.Keeper(
        ready.model,
        kept if chief else str(workdir / "checkpoints"),
        ready.config,
        ready.texts.fingerprint,
        remembering,
        callbacks.get("dev"),
        training.checkpoint_every,
        training.checkpoints_kept,
        source=kept,
    )


def _dev_score(ready: Prepared, judge: watch.Judge) -> watch.DevScore | None:
    """Scores each epoch when there is a dev split to score."""
    if "dev" not in ready.texts.compacted:
        return None
    batches, training = ready.evaluation_batches("dev"), ready.config.training
    dev = ready.texts.compacted["dev"]
    return watch.DevScore(dev, batches, judge, training.monitor, training.patience)


def _keep_near(ready: Prepared, curves: Curves) -> KeepNear | None:
    """Moves the weights that are budgets, if some are."""
    if not ready.model.budgets:
        return None
    compacted = ready.texts.compacted
    measured = compacted.get("dev", compacted["train"])
    return KeepNear(ready.model, measured, ready.texts.shape, curves)


def _refit_heads(ready: Prepared, c: float, dev: watch.DevScore | None) -> None:
    """Fits the heads to the vectors that the encoder came to."""
    text_model = ready.model.text_model
    vectors = inference.embed(text_model, ready.evaluation_batches("train"))
    train = ready.texts.compacted["train"]
    probe.put(text_model.heads, vectors, train, text_model.specs, "probe", c)
    if dev:
        dev.take_back_if_worse()


def _fit_scopes(ready: Prepared) -> None:
    """Chooses the thresholds of tasks that tell by score what is out of scope."""
    text_model = ready.model.text_model
    if text_model.heads.scopes:
        batches = {split: ready.evaluation_batches(split) for split in ("train", "dev")}
        kept = {name: task.min_in_scope_recall for name, task in ready.config.tasks.items()}
        outside.fit(text_model, batches, ready.texts.compacted, kept)


def _losses(ready: Prepared) -> dict[str, dict[str, float]]:
    """Of dev and test, where no task has scores there."""
    splits = [split for split in ready.texts.compacted if split != "train"]
    if ready.config.tasks:
        return {}
    return {split: watch.losses(ready.model, ready.evaluation_batches(split)) for split in splits}


def _save(ready: Prepared, thresholds: Mapping[str, tuple[float, ...]], folder: Path) -> None:
    text_model, shape = ready.model.text_model, ready.texts.shape
    manifest = Manifest(
        text_model.specs,
        text_model.pooling,
        shape.row_length,
        shape.slots,
        ready.config.data.text,
        thresholds=thresholds,
        head_normalize=text_model.heads.normalize,
    )
    loaded = Loaded(text_model, ready.tokenizer, manifest)
    shutil.rmtree(folder, ignore_errors=True)  # of a start that was killed after it had saved
    about = card.text(ready.config, text_model.specs, ready.resources)
    checkpoints.save(folder, loaded, ready.leftovers, ready.texts.words, about)
