"""What `fit` tries: the frozen encoder, L alone, and the recipes that a table is a case for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfsocial.init.recipe import EPOCHS, NOISY, POOL_FACTOR, choose
from tfsocial.init.run import Written

FROZEN, PLAIN = "frozen", "L"
FROZEN_C = 10.0  # of a regression on vectors of length 1
FEWEST_FOR_FULL = 10  # labels a class
MOST_FOR_FEW = 100  # labels a class: few_shot was made for up to 16, and is tried beyond
MOST_EPOCHS = 20  # of the others, where texts are few
DEFAULT_EPOCHS = 8


@dataclass(frozen=True)
class Candidate:
    """A way to train.

    Attributes:
        layers: configs laid over the table's.
        settings: key -> value over those.
        epochs: that it has where time allows.
        moves: whether the encoder learns; else seeds make no difference.
    """

    name: str
    about: str
    layers: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = DEFAULT_EPOCHS
    moves: bool = True


def candidates(written: Written, encoder_layers: int) -> list[Candidate]:
    """List what is worth trying on a table, the simplest first."""
    first, facts = written.roles.tasks[0], written.facts
    per_class = float(np.median([*first.counts.values()])) if first.counts else float(first.rows)
    few = first.kind == "classify" and per_class <= MOST_FOR_FEW
    epochs = EPOCHS["few_shot"] if few else DEFAULT_EPOCHS
    listed = [frozen(encoder_layers), Candidate(PLAIN, "the task's loss alone", epochs=epochs)]
    if few:
        about = "texts near the names of their labels, and near texts of the same label"
        listed.append(_recipe("few_shot", about, EPOCHS["few_shot"]))
    if per_class >= FEWEST_FOR_FULL or first.kind != "classify":
        listed.append(_recipe("full", "the tuned vectors stay near M0's", epochs))
    if facts.noise is not None and facts.noise >= NOISY:
        about = "neighbours in M0's vectors have a say in each label"
        listed.append(_recipe("noisy_labels", about, EPOCHS["noisy_labels"]))
    pool = facts.rows.get("pool", 0)
    if few and pool >= POOL_FACTOR * first.rows:
        about = "labels spread to the texts without one"
        listed.append(_recipe("pool", about, EPOCHS["pool"]))
    return listed


def favourite(written: Written) -> str:
    """Name the candidate that `init` would take."""
    facts = written.facts
    return choose(written.roles.tasks, facts.rows.get("pool", 0), facts.noise).name


def _recipe(name: str, about: str, epochs: int) -> Candidate:
    return Candidate(name, about, (f"recipe:{name}",), epochs=epochs)


def frozen(encoder_layers: int) -> Candidate:
    """Make the probe: M0 as it is under a logistic regression, which is fitted at the end."""
    return Candidate(
        FROZEN,
        "M0 as it is, under a logistic regression",
        settings={
            "model.head_init": "probe",
            "model.head_normalize": True,
            "model.final_probe_c": FROZEN_C,
            "training.frozen_layers": encoder_layers,
            "training.max_steps": 1,
        },
        epochs=1,
        moves=False,
    )
