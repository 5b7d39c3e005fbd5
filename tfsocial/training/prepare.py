"""From a config to a compiled model and the batches it will see: all that precedes step one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Config, InputError, Task, Training
from tfsocial.data import back_translation, corpus, pipeline, provenance, service, sources
from tfsocial.data.augment import chain
from tfsocial.data.augment.chain import Chain
from tfsocial.data.batch import Shape, WordParts
from tfsocial.data.provenance import Resource
from tfsocial.data.text import Tokenizer
from tfsocial.models import checkpoints, paraphrasing
from tfsocial.models.checkpoints import Community, Leftovers
from tfsocial.models.heads import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import table
from tfsocial.training import devices, fisher, given, label_propagation, resources, word_head
from tfsocial.training.devices import Device
from tfsocial.training.given import Given
from tfsocial.training.optimizers import build, rates
from tfsocial.training.step import SocialModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Texts:
    """The data of a run.

    Attributes:
        corpus: examples as they were read.
        specs: task -> what its head predicts.
        encoded: split -> its tokens in M0's vocabulary.
        compacted: split -> its tokens in the vocabulary of `words`.
        names: task -> its label names as tokens of `words`, where an objective reads them.
        words: int64 [used], the ids in M0's vocabulary of the tokens that occur.
        word_parts: what masking must know of them, where an objective masks.
        views: view -> what train's texts go through; empty where they are not augmented.
        shape: of a batch.
    """

    corpus: sources.Corpus
    specs: Mapping[str, HeadSpec]
    encoded: Mapping[str, pipeline.Encoded]
    compacted: Mapping[str, pipeline.Encoded]
    names: Mapping[str, pipeline.Encoded]
    words: np.ndarray
    word_parts: WordParts | None
    views: Mapping[str, Chain]
    shape: Shape

    @property
    def fingerprint(self) -> str:
        """Of what the run trains on and is picked by: train, the paraphrases mixed in, and dev."""
        splits = [self.compacted[split] for split in ("train", "dev") if split in self.compacted]
        mixed = self.views[""].paraphrases if self.views else None  # the same for each view
        found = [*map(pipeline.fingerprint, splits), *([mixed.fingerprint] if mixed else [])]
        return " ".join(found)


@dataclass(frozen=True)
class Prepared:
    """A run that waits for its first step.

    Attributes:
        model: compiled; its encoder has M0's weights.
        leftovers: tensors of M0 the model has no place for.
        resources: all that was taken from others.
    """

    config: Config
    resources: tuple[Resource, ...]
    texts: Texts
    tokenizer: Tokenizer
    model: SocialModel
    leftovers: Leftovers
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
            source = _source(texts, self.tokenizer, seed, epochs)
            return pipeline.augmented_batches(source, texts.shape, done)
        return pipeline.training_batches(texts.compacted["train"], texts.shape, seed, done)

    def evaluation_batches(self, split: str) -> tf.data.Dataset:
        """Every example once."""
        return pipeline.evaluation_batches(self.texts.compacted[split], self.texts.shape)


def prepare(config: Config, workdir: Path, chosen: Device) -> Prepared:
    """Reads, tokenizes, builds and compiles; writes config.yaml, provenance.json and
    quarantine.jsonl.

    Raises:
        InputError: the config, the data or the checkpoint is wrong, or a licence does not fit.
    """
    _check_shares(config, chosen.strategy.num_replicas_in_sync)
    if config.data.service:
        service.check(config.data.service)
    terms = table.formula(config)
    views = chain.build(config.data, config.seed)
    provenance.check(provenance.of_sources(config.data), config.data.licence_policy)
    community = checkpoints.community(config.model)
    beside = label_propagation.beside_m0(terms)
    models = [community.resource(config.model)]
    models += [resources.beside_m0(name, second) for name, second in beside.items()]
    provenance.check(models, config.data.licence_policy)
    translators = _translators(config, views)
    tokenizer = Tokenizer.load(community.folder)
    community.check(tokenizer, config.data.row_length, len(config.data.text))
    found = _corpus(config, workdir)
    config.write(workdir / "config.yaml")
    taken = resources.of_run(config, models, terms, translators)
    provenance.write(workdir / "provenance.json", _identity(config), taken)
    texts = _texts(config, found, tokenizer, terms, views, community)
    epoch_steps = _epoch_steps(config, texts, tokenizer)
    total_steps = _total_steps(config.training, epoch_steps)
    _announce(chosen, texts.encoded, terms, total_steps)
    keras.utils.set_random_seed(config.seed)
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    with devices.scope(chosen):
        model, leftovers = _model(config, community, beside, terms, texts, total_steps, chosen)
        optimizer = _optimizer(config, model, epoch_steps, total_steps)
        model.compile(optimizer, chosen.jit_compile, config.training.steps_per_execution)
    return Prepared(config, taken, texts, tokenizer, model, leftovers, epoch_steps, total_steps)


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
    found = back_translation.resources(config.data)
    provenance.check(found, config.data.licence_policy)
    return found


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
    community: Community,
    beside: Mapping[str, Community],
    terms: list[table.Term],
    texts: Texts,
    total_steps: int,
    chosen: Device,
) -> tuple[SocialModel, Leftovers]:
    """With M0's weights, and what of M0 has no place in it."""
    text_model, leftovers = _text_model(config, community, texts, chosen)
    frozen = rates.lowest(text_model.encoder, config.training.frozen_layers)
    constants, leftovers = _constants(config, beside, terms, text_model, texts, leftovers)
    training = config.training
    model = SocialModel(
        text_model,
        terms,
        total_steps,
        constants,
        config.objectives,
        training.ema,
        training.micro_batches,
        frozen,
    )
    return model, leftovers


def _total_steps(training: Training, epoch_steps: int) -> int:
    """Within the limit; a last epoch that is cut short ends with an execution of the device's.

    Not the only one: Keras knows how long that is, and shortens the execution.
    """
    limited = min(epoch_steps * training.epochs, training.max_steps or 2**31)
    if limited <= epoch_steps:
        return limited
    return limited - limited % epoch_steps % training.steps_per_execution


def _corpus(config: Config, workdir: Path) -> sources.Corpus:
    found = corpus.of_run(config.data, config.tasks, config.seed, workdir)
    for name, task in config.tasks.items():
        if task.ood_score:
            _check_threshold(name, task, found)
    return found


def _check_threshold(name: str, task: Task, found: sources.Corpus) -> None:
    """Refuses a score without what its threshold is chosen on."""
    where = f"tasks.{name}.ood_detector={task.ood_score}"
    if "dev" not in found.splits:
        raise InputError(f"{where} needs data.splits.dev to choose its threshold on")
    labels, names = found.splits["dev"].labels[name], found.label_names[name]
    if not np.any((labels >= 0) & (labels != names.index(task.ood_label))):
        raise InputError(
            f"{where} needs texts in scope in data.splits.dev to choose its threshold on; none of "
            f"its rows has a label of task {name} other than {task.ood_label!r}"
        )


def _texts(
    config: Config,
    found: sources.Corpus,
    tokenizer: Tokenizer,
    terms: list[table.Term],
    views: Mapping[str, Chain],
    community: Community,
) -> Texts:
    data = config.data
    encoded = {
        name: pipeline.encode(examples, tokenizer, data.row_length, data.cache)
        for name, examples in found.splits.items()
    }
    specs = {
        name: HeadSpec(task.kind, found.label_names[name], task.ood_score)
        for name, task in config.tasks.items()
    }
    names = {
        task: pipeline.encode_names(spec.learned_labels, tokenizer, data.row_length)
        for task, spec in specs.items()
        if spec.labels and table.needs(terms, "names")
    }
    masks = table.needs(terms, "words")
    keep = [tokenizer.mask_id] if masks else []
    keep = _reachable(views, tokenizer) or keep
    words, (compacted, names) = pipeline.compact(encoded, names, keep=keep)
    shape = Shape(data.rows, data.row_length, data.slots)
    parts = tokenizer.word_parts(words) if masks else None
    train = found.splits["train"]
    paraphrases = paraphrasing.of_run(data, config.model, views, community, train)
    views = chain.with_knowledge(views, train, tokenizer.word_parts(words), paraphrases)
    return Texts(found, specs, encoded, compacted, names, words, parts, views, shape)


def _reachable(views: Mapping[str, Chain], tokenizer: Tokenizer) -> Sequence[int]:
    """Ids that augmentation can bring in: any, once a text has changed before the tokenizer."""
    if any(view.reads_text for view in views.values()):
        return range(tokenizer.vocabulary_size)
    return [tokenizer.mask_id] if views else []


def _source(texts: Texts, tokenizer: Tokenizer, seed: int, epochs: float) -> pipeline.Source:
    train = texts.corpus.splits["train"]
    columns = []
    if any(view.reads_text for view in texts.views.values()):
        found = [train.text] if train.pair is None else [train.text, train.pair]
        columns = [tf.constant(list(column)) for column in found]
    encoded = texts.compacted["train"]
    return pipeline.Source(encoded, columns, tokenizer, texts.views, seed, epochs)


def _epoch_steps(config: Config, texts: Texts, tokenizer: Tokenizer) -> int:
    if not texts.views:
        return pipeline.steps_per_epoch(texts.compacted["train"], texts.shape)
    source = _source(texts, tokenizer, config.seed, config.training.epochs)
    return pipeline.augmented_steps_per_epoch(source, texts.shape)


def _text_model(
    config: Config, community: Community, texts: Texts, device: Device
) -> tuple[TextModel, Leftovers]:
    """Built, with M0's weights in its encoder; and what of M0 has no place in it."""
    architecture, chosen = community.architecture(texts.words), config.model
    text_model = TextModel(
        architecture,
        texts.specs,
        chosen.pooling,
        chosen.head_dropout,
        config.seed,
        word_head=texts.word_parts is not None,
        compiled=device.xla,
        head_normalize=chosen.head_normalize,
        recompute=config.training.gradient_checkpointing,
    )
    text_model.build()
    return text_model, community.fill(text_model.encoder, texts.words)


def _constants(
    config: Config,
    beside: Mapping[str, Community],
    terms: list[table.Term],
    text_model: TextModel,
    texts: Texts,
    leftovers: Leftovers,
) -> tuple[Given, Leftovers]:
    """What the terms need of M0 and of the data; starts the heads and the word head."""
    train, shape = texts.compacted["train"], texts.shape
    vectors = given.vectors_of_m0(config, terms, text_model, train, shape)
    probes = given.started(config, terms, text_model, train, vectors)
    labels = texts.corpus.splits["train"].labels
    parts, length = texts.word_parts, shape.row_length
    lasting = None if config.data.augment else vectors
    constants = given.make(terms, text_model, probes, labels, texts.names, parts, length, lasting)
    if table.needs(terms, "spread"):
        spread = label_propagation.of_train(
            terms, text_model, constants, texts.corpus.splits["train"], vectors, beside, length
        )
        constants = replace(constants, spread=spread)
    if text_model.word_head is None:
        return constants, leftovers
    batches = pipeline.training_batches(train, shape, config.seed)
    from_m0, leftovers = checkpoints.take_word_head(
        text_model.word_head, leftovers, texts.words, config.model.checkpoint
    )
    if not from_m0:
        log.info("M0 has no masked-LM head: learning one on train, %d steps", word_head.STEPS)
        word_head.learn(text_model, constants, batches)
    if table.needs(terms, "fisher"):
        constants = replace(constants, fisher=fisher.diagonal(text_model, constants, batches))
    return constants, leftovers


def _optimizer(config: Config, model: SocialModel, epoch_steps: int, total_steps: int):
    multipliers = rates.multipliers(model.text_model, config.optimizer, model.term_variables)
    frozen_for = (config.training.gradual_unfreezing_epochs or 0.0) * epoch_steps
    begins = rates.begins(model.text_model.encoder, frozen_for)
    return build.optimizer(config.optimizer, total_steps, multipliers, begins)


def _announce(
    chosen: Device, encoded: Mapping[str, pipeline.Encoded], terms, total_steps: int
) -> None:
    log.info("device: %s", chosen.reason)
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
