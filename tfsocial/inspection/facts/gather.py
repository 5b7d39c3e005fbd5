"""What a config's data is like before anything is trained on it, as plain values ready for JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfsocial.checkpoints import community
from tfsocial.config import Config
from tfsocial.data.reading import splits
from tfsocial.inspection import near_duplicates
from tfsocial.inspection.advice import advice
from tfsocial.inspection.facts.labels import label_facts
from tfsocial.inspection.facts.lengths import length_facts, tokens_of
from tfsocial.inspection.facts.licences import licence_facts
from tfsocial.inspection.facts.repeats import conflict_facts, repeat_facts
from tfsocial.inspection.facts.splits import quarantine_facts, split_facts
from tfsocial.text.tokenizer import Tokenizer

Facts = dict[str, Any]


def gather(config: Config, quarantine: Path, near: float = near_duplicates.NEAR) -> Facts:
    """Gather everything the report says; bad rows are written to `quarantine`, however many.

    Raises:
        InputError: the data or the checkpoint cannot be read.
    """
    unlimited = config.data.model_copy(update={"max_bad_fraction": 1.0})
    corpus = splits.read_splits(unlimited, config.tasks, quarantine)
    m0 = community.of_config(config.model)
    tokenizer = Tokenizer.load(m0.folder)
    tokens = tokens_of(corpus, tokenizer)
    pooled = near_duplicates.pool(corpus.splits)
    facts = {
        "name": config.name,
        "splits": {split: split_facts(config, corpus, split) for split in corpus.splits},
        "lengths": length_facts(config, tokens, m0.config.max_position_embeddings, tokenizer),
        "tasks": {name: label_facts(name, task, corpus) for name, task in config.tasks.items()},
        "repeats": repeat_facts(pooled, corpus, config, near),
        "conflicts": {
            name: conflict_facts(pooled, corpus, config, name)
            for name, task in config.tasks.items()
        },
        "quarantine": quarantine_facts(quarantine, config),
        "licences": licence_facts(config, m0),
    }
    return facts | {"advice": list(advice(facts))}
