"""The page to read first: a config becomes a trained model, top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tf_keras as keras

from tfsocial.config import Config
from tfsocial.data import pipeline, sources
from tfsocial.data.provenance import Resource
from tfsocial.models import card, checkpoints
from tfsocial.models.checkpoints import Loaded, Manifest
from tfsocial.training import outside, watch
from tfsocial.training.budget import KeepNear
from tfsocial.training.prepare import Prepared, prepare


@dataclass(frozen=True)
class Run:
    """A finished run: the model as it was saved, what it was made from, its curves."""

    loaded: Loaded
    corpus: sources.Corpus
    encoded: Mapping[str, pipeline.Encoded]
    curves: watch.Curves
    steps: int
    resources: tuple[Resource, ...]


def train(config: Config, workdir: Path, judge: watch.Judge, device: str = "auto") -> Run:
    """Trains a config and leaves config.yaml, provenance.json, curves and model/ in `workdir`.

    Args:
        judge: gives a task's scores on the dev split; see `watch.Judge`.
        device: see `devices.DEVICES`.

    Raises:
        ConfigError: the config, the data or the checkpoint is wrong; before step one.
        watch.Diverged: the loss stopped being finite.
    """
    ready = prepare(config, workdir, device)
    curves = watch.Curves(workdir, config.training.log_every)
    dev = _dev_score(ready, judge)
    ready.model.fit(
        ready.training_batches(),
        steps_per_epoch=min(ready.epoch_steps, ready.total_steps),
        epochs=-(-ready.total_steps // ready.epoch_steps),
        callbacks=_callbacks(ready, curves, dev),
        verbose=0,
    )
    _fit_scopes(ready)
    thresholds = dev[0].thresholds() if dev else {}
    _save(ready, thresholds, workdir / "model")
    saved = checkpoints.load(workdir / "model")
    texts = ready.texts
    return Run(saved, texts.corpus, texts.encoded, curves, ready.total_steps, ready.resources)


def _callbacks(
    ready: Prepared, curves: watch.Curves, dev: list[watch.DevScore]
) -> list[keras.callbacks.Callback]:
    """In the order they must run in: what picks weights before what reads scores."""
    training = ready.config.training
    return [
        watch.Guard(ready.total_steps),
        watch.KeepAverage(),
        *_keep_near(ready, curves),
        *dev,
        curves,
        watch.Progress(ready.total_steps, training.epochs, training.monitor),
    ]


def _dev_score(ready: Prepared, judge: watch.Judge) -> list[watch.DevScore]:
    """Scores each epoch when there is a dev split to score."""
    if "dev" not in ready.texts.compacted:
        return []
    batches, training = ready.evaluation_batches("dev"), ready.config.training
    dev = ready.texts.compacted["dev"]
    return [watch.DevScore(dev, batches, judge, training.monitor, training.patience)]


def _keep_near(ready: Prepared, curves: watch.Curves) -> list[KeepNear]:
    """Moves the weights that are budgets, if some are."""
    if not ready.model.budgets:
        return []
    compacted = ready.texts.compacted
    return [
        KeepNear(ready.model, compacted.get("dev", compacted["train"]), ready.texts.shape, curves)
    ]


def _fit_scopes(ready: Prepared) -> None:
    """Chooses the thresholds of tasks that tell by score what is out of scope."""
    text_model = ready.model.text_model
    if text_model.heads.scopes:
        batches = {split: ready.evaluation_batches(split) for split in ("train", "dev")}
        outside.fit(text_model, batches, ready.texts.compacted)


def _save(ready: Prepared, thresholds: Mapping[str, tuple[float, ...]], folder: Path) -> None:
    text_model, shape = ready.model.text_model, ready.texts.shape
    manifest = Manifest(
        text_model.specs,
        text_model.pooling,
        shape.row_length,
        shape.slots,
        ready.config.data.text,
        thresholds=thresholds,
    )
    loaded = Loaded(text_model, ready.tokenizer, manifest)
    about = card.text(ready.config, text_model.specs, ready.resources)
    checkpoints.save(folder, loaded, ready.leftovers, ready.texts.words, about)
