"""The page to read first: a config becomes a trained model, top to bottom."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Config, ConfigError
from tfsocial.data import pipeline, shots, sources
from tfsocial.data.batch import Shape
from tfsocial.data.text import Tokenizer
from tfsocial.models import checkpoints, inference
from tfsocial.models.checkpoints import Loaded, Manifest
from tfsocial.models.encoder import PackedBert
from tfsocial.models.heads import Heads, HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import table
from tfsocial.training import devices, probe, watch
from tfsocial.training.forward import Given
from tfsocial.training.optimizers import build, rates
from tfsocial.training.step import SocialModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A finished run: the model as it was saved, the data it was made from, its curves."""

    loaded: Loaded
    corpus: sources.Corpus
    encoded: Mapping[str, pipeline.Encoded]
    curves: watch.Curves
    steps: int


def train(config: Config, workdir: Path, judge: watch.Judge, device: str = "auto") -> Run:
    """Trains a config and leaves config.yaml, tensorboard/, metrics.jsonl and model/ in `workdir`.

    Args:
        judge: gives a task's scores on the dev split; see `watch.Judge`.
        device: see `devices.DEVICES`.

    Raises:
        ConfigError: the config, the data or the checkpoint is wrong; before step one.
        watch.Diverged: the loss stopped being finite.
    """
    terms = table.formula(config)
    chosen = devices.choose(device, config.training)
    community = checkpoints.community(config.model)
    tokenizer = Tokenizer.load(community.folder)
    community.check(tokenizer, config.data.row_length)
    corpus = sources.read(config.data, config.tasks, workdir / "quarantine.jsonl")
    if "train" not in corpus.splits:
        raise ConfigError("data.splits.train names no files; there is nothing to learn from")
    if config.data.shots:
        record = workdir / "train_drawn.jsonl"
        corpus = shots.draw(corpus, config.tasks, config.data.shots, config.seed, record)
    config.write(workdir / "config.yaml")

    shape = Shape(config.data.rows, config.data.row_length, config.data.slots)
    encoded = {
        name: pipeline.encode(examples, tokenizer, shape.row_length, config.data.cache)
        for name, examples in corpus.splits.items()
    }
    words, compacted = pipeline.compact(encoded)
    specs = {
        name: HeadSpec(task.kind, corpus.label_names[name]) for name, task in config.tasks.items()
    }
    epoch_steps = pipeline.steps_per_epoch(compacted["train"], shape)
    total_steps = min(epoch_steps * config.training.epochs, config.training.max_steps or 2**31)
    _announce(chosen, encoded, terms, total_steps)

    keras.utils.set_random_seed(config.seed)
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    with devices.scope(chosen):
        text_model = TextModel(
            community.architecture(words),
            specs,
            config.model.pooling,
            config.model.head_dropout,
            config.seed,
        )
        text_model.build()
        leftovers = community.fill(text_model.encoder, words)
        given = Given(
            _frozen_copy(text_model.encoder) if config.objectives.community else None,
            _probed(config, terms, text_model, compacted["train"], shape),
            table.losses(terms),
            _label_counts(corpus.splits["train"], specs),
        )
        model = SocialModel(
            text_model, terms, total_steps, given, config.objectives, config.training.ema
        )
        multipliers = rates.multipliers(text_model, config.optimizer, model.term_variables)
        frozen_for = (config.training.unfreeze_every or 0.0) * epoch_steps
        begins = rates.begins(text_model.encoder, frozen_for)
        optimizer = build.optimizer(config.optimizer, total_steps, multipliers, begins)
        model.compile(optimizer, jit_compile=chosen.jit_compile)

    curves = watch.Curves(workdir, config.training.log_every)
    dev = _dev_score(compacted, shape, judge, config)
    model.fit(
        pipeline.training_batches(compacted["train"], shape, config.seed),
        steps_per_epoch=min(epoch_steps, total_steps),
        epochs=-(-total_steps // epoch_steps),
        callbacks=[
            watch.Guard(total_steps),
            watch.KeepAverage(),
            *dev,
            curves,
            watch.Progress(total_steps, config.training.epochs, config.training.monitor),
        ],
        verbose=0,
    )
    manifest = Manifest(
        specs,
        config.model.pooling,
        shape.row_length,
        shape.slots,
        config.data.text,
        thresholds=dev[0].thresholds() if dev else {},
    )
    checkpoints.save(workdir / "model", Loaded(text_model, tokenizer, manifest), leftovers, words)
    return Run(checkpoints.load(workdir / "model"), corpus, encoded, curves, total_steps)


def _label_counts(train: sources.Examples, specs: Mapping[str, HeadSpec]) -> dict[str, np.ndarray]:
    """Training examples of each class of each classification."""
    return {
        task: np.bincount(train.labels[task][train.labels[task] >= 0], minlength=spec.width)
        for task, spec in specs.items()
        if spec.kind == "classify"
    }


def _frozen_copy(encoder: PackedBert) -> PackedBert:
    """M0: the same weights, never to be trained."""
    m0 = PackedBert(encoder.config, pooler=encoder.has_pooler, name="m0")
    m0.build()
    m0.set_weights(encoder.get_weights())
    m0.trainable = False
    return m0


def _probed(
    config: Config, terms, text_model: TextModel, train: pipeline.Encoded, shape: Shape
) -> Heads | None:
    """Starts the heads as the config says, from vectors that are still M0's.

    Returns:
        Linear probes on M0, for the objectives that need them.
    """
    start, teacher = config.model.head_init, table.needs_probe(terms)
    if start == "random" and not teacher:
        return None
    vectors = inference.embed(text_model, pipeline.evaluation_batches(train, shape))
    if start != "random":
        probe.put(text_model.heads, probe.fit(vectors, train, text_model.specs, start))
    if not teacher:
        return None
    probes = Heads(text_model.specs, text_model.encoder.config.hidden_size, 0.0, name="probes")
    probes.build()
    probe.put(probes, probe.fit(vectors, train, text_model.specs, "probe"))
    return probes


def _dev_score(encoded, shape: Shape, judge: watch.Judge, config: Config) -> list[watch.DevScore]:
    """Scores each epoch when there is a dev split to score."""
    if "dev" not in encoded:
        return []
    batches = pipeline.evaluation_batches(encoded["dev"], shape)
    training = config.training
    return [watch.DevScore(encoded["dev"], batches, judge, training.monitor, training.patience)]


def _announce(chosen: devices.Device, encoded, terms: list[table.Term], total_steps: int) -> None:
    log.info("device: %s", chosen.reason)
    log.info("formula: %s", " + ".join(f"{term.weight} * {term.name}" for term in terms))
    for name, split in encoded.items():
        tokens = float(tf.reduce_mean(tf.cast(split.lengths, tf.float32)))
        log.info(
            "%s: %d examples of %.1f tokens on average, %d cut to the row length",
            name,
            len(split),
            tokens,
            split.truncated,
        )
    log.info("%d steps", total_steps)
