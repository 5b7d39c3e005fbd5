"""The texts of a run: read, checked, tokenized, in a vocabulary of only the tokens that occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.config import Config, Task, unjoinable
from tfsocial.data import corpus
from tfsocial.data.augment import chain
from tfsocial.data.augment.chain import Chain
from tfsocial.data.examples import Corpus
from tfsocial.data.pipeline import tokenized_split
from tfsocial.data.pipeline.augmented import AugmentedSplit, augmented_steps_per_epoch
from tfsocial.data.pipeline.batches import steps_per_epoch
from tfsocial.data.pipeline.tokenized_split import (
    TokenizedSplit,
    prune_vocabulary,
    tokenize_names,
    tokenize_split,
)
from tfsocial.errors import InputError
from tfsocial.models import features
from tfsocial.models.spec import FeatureSpec, HeadSpec
from tfsocial.objectives import table
from tfsocial.runs.paraphrases import of_run
from tfsocial.text.batch import Shape
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training.providers import table as providers


@dataclass(frozen=True)
class Texts:
    """The data of a run.

    Attributes:
        corpus: examples as they were read.
        specs: task -> what its head predicts.
        features: name -> a column that heads read beside the text.
        encoded: split -> its tokens in M0's vocabulary.
        compacted: split -> its tokens in the vocabulary of `words`.
        further: need -> task -> names that its provider reads, as tokens of `words`.
        words: int64 [used], the ids in M0's vocabulary of the tokens that occur.
        views: view -> what train's texts go through; empty where they are not augmented.
        shape: of a batch.
    """

    corpus: Corpus
    specs: dict[str, HeadSpec]
    features: dict[str, FeatureSpec]
    encoded: Mapping[str, TokenizedSplit]
    compacted: Mapping[str, TokenizedSplit]
    further: Mapping[str, Mapping[str, TokenizedSplit]]
    words: np.ndarray
    views: Mapping[str, Chain]
    shape: Shape

    @property
    def fingerprint(self) -> str:
        """Of what the run trains on and is picked by: train, the paraphrases mixed in, and dev."""
        splits = [self.compacted[split] for split in ("train", "dev") if split in self.compacted]
        mixed = self.views[""].paraphrases if self.views else None  # the same for each view
        fingerprints = [
            *map(tokenized_split.fingerprint, splits),
            *([mixed.fingerprint] if mixed else []),
        ]
        return " ".join(fingerprints)


def checked_corpus(config: Config, workdir: Path) -> Corpus:
    """Read the examples of a run; refuse labels that could not be learned or told apart.

    Raises:
        InputError: see `corpus.load_corpus`; or a task asks for what its labels do not have.
    """
    loaded = corpus.load_corpus(config.data, config.tasks, config.seed, workdir)
    for name, task in config.tasks.items():
        if task.ood_score:
            _check_threshold(name, task, loaded)
        if task.kind == "multilabel" and (said := unjoinable(task, loaded.label_names[name])):
            # A list of JSON can hold one; answers could not be told apart.
            raise InputError(f"tasks.{name} {said}")
    return loaded


def _check_threshold(name: str, task: Task, loaded: Corpus) -> None:
    """Refuse a score without what its threshold is chosen on."""
    where = f"tasks.{name}.ood_detector={task.ood_score}"
    if "dev" not in loaded.splits:
        raise InputError(f"{where} needs data.splits.dev to choose its threshold on")
    labels, names = loaded.splits["dev"].labels[name], loaded.label_names[name]
    if not np.any((labels >= 0) & (labels != names.index(task.ood_label))):
        raise InputError(
            f"{where} needs texts in scope in data.splits.dev to choose its threshold on; none of "
            f"its rows has a label of task {name} other than {task.ood_label!r}"
        )


def tokenized_texts(
    config: Config,
    corpus: Corpus,
    tokenizer: Tokenizer,
    terms: list[table.Term],
    views: Mapping[str, Chain],
    m0: CommunityCheckpoint,
) -> Texts:
    """Tokenize a run's examples, in a vocabulary of the tokens that can occur."""
    data = config.data
    fitted = features.fit(data, corpus.splits["train"])
    lists = {name: task.list for name, task in config.tasks.items() if task.list}
    encoded = {
        name: tokenize_split(
            examples,
            tokenizer,
            data.row_length,
            data.cache,
            lists,
            features.vectors(fitted, examples),
            data.together,
        )
        for name, examples in corpus.splits.items()
    }
    specs = {
        name: HeadSpec(task.kind, corpus.label_names[name], task.ood_score, task.separator)
        for name, task in config.tasks.items()
    }
    further = {
        need: {
            task: tokenize_names(names, tokenizer, data.row_length)
            for task, names in by_task.items()
        }
        for need, by_task in providers.texts(terms, specs).items()
    }
    keep = _reachable(views, tokenizer) or providers.token_ids(terms, tokenizer)
    words, (compacted, *others) = prune_vocabulary(encoded, *further.values(), keep=keep)
    further = dict(zip(further, others, strict=True))
    shape = Shape(data.rows, data.row_length, data.slots)
    train = corpus.splits["train"]
    paraphrases = of_run(data, config.model, views, m0, train)
    views = chain.with_knowledge(views, train, tokenizer.word_parts(words), paraphrases)
    return Texts(corpus, specs, fitted, encoded, compacted, further, words, views, shape)


def _reachable(views: Mapping[str, Chain], tokenizer: Tokenizer) -> Sequence[int]:
    """List ids that augmentation can bring in: any, once texts change before the tokenizer."""
    if any(view.reads_text for view in views.values()):
        return range(tokenizer.vocabulary_size)
    return [tokenizer.mask_id] if views else []


def augmented_split(texts: Texts, tokenizer: Tokenizer, seed: int, epochs: float) -> AugmentedSplit:
    """Describe what augmentation reads of train."""
    train = texts.corpus.splits["train"]
    columns = []
    if any(view.reads_text for view in texts.views.values()):
        raw = [train.text] if train.pair is None else [train.text, train.pair]
        columns = [tf.constant(list(column)) for column in raw]
    encoded = texts.compacted["train"]
    return AugmentedSplit(encoded, columns, tokenizer, texts.views, seed, epochs)


def steps_of_epoch(config: Config, texts: Texts, tokenizer: Tokenizer) -> int:
    """Count the training batches of an epoch."""
    if not texts.views:
        return steps_per_epoch(texts.compacted["train"], texts.shape)
    source = augmented_split(texts, tokenizer, config.seed, config.training.epochs)
    return augmented_steps_per_epoch(source, texts.shape)
