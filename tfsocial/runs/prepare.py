"""From a config to a compiled model and the batches it will see: all that precedes step one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsocial.checkpoints import community, named
from tfsocial.checkpoints.community import CommunityCheckpoint, UnusedTensors
from tfsocial.config import Config, Training
from tfsocial.data.augment import chain
from tfsocial.data.augment.chain import Chain
from tfsocial.data.pipeline import service
from tfsocial.data.pipeline.augmented import augmented_batches
from tfsocial.data.pipeline.batches import evaluation_batches, training_batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.errors import InputError
from tfsocial.models import parameters
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import table
from tfsocial.provenance import resources as provenance
from tfsocial.provenance.resources import Resource
from tfsocial.provenance.translators import of_back_translation
from tfsocial.runs import resources
from tfsocial.runs.texts import (
    Texts,
    augmented_split,
    checked_corpus,
    steps_of_epoch,
    tokenized_texts,
)
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training import devices, probe
from tfsocial.training.devices import Device
from tfsocial.training.optimizers import build, rates
from tfsocial.training.providers import table as providers
from tfsocial.training.providers.contract import Context, Settings
from tfsocial.training.social_model import SocialModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A run that waits for its first step.

    Attributes:
        model: compiled; its encoder has M0's weights.
        unused: tensors of M0 the model has no place for.
        resources: all that was taken from others.
    """

    config: Config
    resources: tuple[Resource, ...]
    texts: Texts
    tokenizer: Tokenizer
    model: SocialModel
    unused: UnusedTensors
    epoch_steps: int
    total_steps: int

    def training_batches(self, done: int = 0) -> tf.data.Dataset:
        """Endless, from the one after `done` on."""
        batches, address = self._batches_made_here(done), self.config.data.service
        return service.made_there(batches, address) if address else batches

    def _batches_made_here(self, done: int) -> tf.data.Dataset:
        texts, seed = self.texts, self.config.seed
        if texts.views:
            epochs = self.total_steps / self.epoch_steps
            source = augmented_split(texts, self.tokenizer, seed, epochs)
            return augmented_batches(source, texts.shape, done)
        return training_batches(texts.compacted["train"], texts.shape, seed, done)

    def evaluation_batches(self, split: str) -> tf.data.Dataset:
        """Every example once."""
        return evaluation_batches(self.texts.compacted[split], self.texts.shape)


def prepare(config: Config, workdir: Path, device: Device) -> Prepared:
    """Read, tokenize, build and compile; write config.yaml, provenance.json, quarantine.jsonl.

    Raises:
        InputError: the config, the data or the checkpoint is wrong, or a licence does not fit.
    """
    _check_shares(config, device.strategy.num_replicas_in_sync)
    if config.data.service:
        service.check(config.data.service)
    terms = table.formula(config.tasks, config.objectives)
    providers.check(terms, _settings(config))
    views = chain.build(config.data, config.seed)
    provenance.check(provenance.of_sources(config.data), config.data.licence_policy)
    m0 = community.of_config(config.model)
    second = named.load(config.checkpoints, table.checkpoints(terms))
    models = [m0.resource(config.model), *named.resources(config.checkpoints, second)]
    provenance.check(models, config.data.licence_policy)
    translators = _translators(config, views)
    tokenizer = Tokenizer.load(m0.folder)
    m0.check(tokenizer, config.data.row_length, len(config.data.text))
    corpus = checked_corpus(config, workdir)
    config.write(workdir / "config.yaml")
    taken = resources.of_run(config, models, terms, translators)
    provenance.write(workdir / "provenance.json", _identity(config), taken)
    texts = tokenized_texts(config, corpus, tokenizer, terms, views, m0)
    epoch_steps = steps_of_epoch(config, texts, tokenizer)
    total_steps = _total_steps(config.training, epoch_steps)
    _announce(device, texts.encoded, terms, total_steps)
    keras.utils.set_random_seed(config.seed)
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    with devices.scope(device):
        model, unused = _model(config, m0, second, terms, texts, tokenizer, total_steps, device)
        optimizer = _optimizer(config, model, epoch_steps, total_steps)
        model.compile(optimizer, device.jit_compile, config.training.steps_per_execution)
    return Prepared(config, taken, texts, tokenizer, model, unused, epoch_steps, total_steps)


def _settings(config: Config) -> Settings:
    return Settings(config.data, config.model, config.training, config.seed)


def _identity(config: Config) -> dict[str, Any]:
    """What provenance.json says of the run itself."""
    return {
        "config": {"name": config.name, "sha256": config.fingerprint()},
        "seeds": {"seed": config.seed},
        "licence_policy": config.data.licence_policy,
    }


def _translators(config: Config, views: Mapping[str, Chain]) -> tuple[Resource, ...]:
    """Who made the paraphrases that are mixed in; refused where their licence does not fit."""
    if not chain.needs_paraphrases(views):
        return ()
    translators = of_back_translation(config.data)
    provenance.check(translators, config.data.licence_policy)
    return translators


def _check_shares(config: Config, replicas: int) -> None:
    """Refuses a batch that the replicas, each with its micro-batches, cannot share evenly."""
    parts = replicas * config.training.micro_batches
    if config.data.rows % parts:
        raise InputError(
            f"data.rows={config.data.rows}: {replicas} replicas with "
            f"{config.training.micro_batches} micro-batches each cannot share it; "
            f"give a multiple of {parts}"
        )


def _model(
    config: Config,
    m0: CommunityCheckpoint,
    second: Mapping[str, CommunityCheckpoint],
    terms: list[table.Term],
    texts: Texts,
    tokenizer: Tokenizer,
    total_steps: int,
    device: Device,
) -> tuple[SocialModel, UnusedTensors]:
    """With M0's weights, and what of M0 has no place in it."""
    text_model, unused, has_mlm_head = _text_model(config, m0, terms, texts, device)
    context = Context(
        terms,
        _settings(config),
        text_model,
        texts.corpus.splits["train"],
        texts.compacted["train"],
        texts.further,
        tokenizer,
        texts.words,
        texts.shape,
        second,
        has_mlm_head,
    )
    _start_heads(context)
    training = config.training
    model = SocialModel(
        text_model,
        terms,
        total_steps,
        providers.build(context),
        config.objectives,
        training.ema,
        training.micro_batches,
        _frozen(text_model, training),
    )
    return model, unused


def _frozen(text_model: TextModel, training: Training) -> list[str]:
    """List the encoder's weights that do not learn."""
    weights = parameters.of_encoder(text_model.encoder)
    lowest = rates.lowest(weights, training.frozen_layers)
    return [*lowest, *(rates.matrices(weights) if training.tuned == "biases" else [])]


def _start_heads(context: Context) -> None:
    """As the config says, from M0's vectors of train; columns beside them always from train."""
    model, text_model = context.settings.model, context.text_model
    if model.head_init == "random":
        probe.put_features(text_model.heads, context.encoded, text_model.specs)
        return
    start, c = model.head_init, model.probe_c
    probe.put(text_model.heads, context.vectors, context.encoded, text_model.specs, start, c)


def _total_steps(training: Training, epoch_steps: int) -> int:
    """Within the limit; a last epoch that is cut short ends with an execution of the device's.

    Not the only one: Keras knows how long that is, and shortens the execution.
    """
    limited = min(epoch_steps * training.epochs, training.max_steps or 2**31)
    if limited <= epoch_steps:
        return limited
    return limited - limited % epoch_steps % training.steps_per_execution


def _text_model(
    config: Config,
    m0: CommunityCheckpoint,
    terms: list[table.Term],
    texts: Texts,
    device: Device,
) -> tuple[TextModel, UnusedTensors, bool]:
    """Built, with M0's weights; what of M0 has no place; whether its masked-LM head is M0's."""
    architecture, settings = m0.architecture(texts.words), config.model
    text_model = TextModel(
        architecture,
        texts.specs,
        settings.pooling,
        settings.head_dropout,
        config.seed,
        mlm_head=table.needs(terms, "mlm_head"),
        compiled=device.xla,
        head_normalize=settings.head_normalize,
        gradient_checkpointing=config.training.gradient_checkpointing,
        features=texts.features,
    )
    text_model.build()
    unused = m0.fill(text_model.encoder, texts.words)
    if text_model.mlm_head is None:
        return text_model, unused, False
    has_mlm_head, unused = community.take_mlm_head(
        text_model.mlm_head, unused, texts.words, settings.checkpoint
    )
    return text_model, unused, has_mlm_head


def _optimizer(config: Config, model: SocialModel, epoch_steps: int, total_steps: int):
    frozen_for = (config.training.gradual_unfreezing_epochs or 0.0) * epoch_steps
    return build.of_parameters(model.parameters, config.optimizer, total_steps, frozen_for)


def _announce(
    device: Device, encoded: Mapping[str, TokenizedSplit], terms, total_steps: int
) -> None:
    log.info("device: %s", device.reason)
    log.info("formula: %s", " + ".join(f"{term.weight} * {term.name}" for term in terms))
    for name, split in encoded.items():
        log.info(
            "%s: %d examples of %.1f tokens on average, %d cut to the row length",
            name,
            len(split),
            len(split.tokens.flat_values) / len(split),
            split.truncated,
        )
    log.info("%d steps", total_steps)
