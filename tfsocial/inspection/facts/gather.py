"""What a config's data is like before anything is trained on it, as plain values ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfsocial.checkpoints import community
from tfsocial.config import Data, Model, Task
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


def gather(
    data: Data,
    tasks: Mapping[str, Task],
    model: Model,
    quarantine: Path,
    near: float = near_duplicates.NEAR,
) -> Facts:
    """Gather everything the report says; bad rows are written to `quarantine`, however many.

    Raises:
        InputError: the data or the checkpoint cannot be read.
    """
    unlimited = data.model_copy(update={"max_bad_fraction": 1.0})
    corpus = splits.read_splits(unlimited, tasks, quarantine)
    m0 = community.of_config(model)
    tokenizer = Tokenizer.load(m0.folder)
    tokens = tokens_of(corpus, tokenizer)
    pooled = near_duplicates.pool(corpus.splits)
    facts = {
        "splits": {split: split_facts(data, corpus, split) for split in corpus.splits},
        "lengths": length_facts(data, tokens, m0.config.max_position_embeddings, tokenizer),
        "tasks": {name: label_facts(name, task, corpus) for name, task in tasks.items()},
        "repeats": repeat_facts(pooled, corpus, data, near),
        "conflicts": {name: conflict_facts(pooled, corpus, data, name) for name in tasks},
        "quarantine": quarantine_facts(quarantine, data),
        "licences": licence_facts(data, model, m0),
    }
    return facts | {"advice": list(advice(facts))}
