"""Everything a run took from others: M0, the data, its translators, the methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfsocial.config import Config
from tfsocial.objectives import reference, table
from tfsocial.provenance import resources
from tfsocial.provenance.resources import Resource
from tfsocial.runs.methods import METHODS


def of_run(
    config: Config,
    models: Sequence[Resource],
    terms: Sequence[table.Term],
    translators: Sequence[Resource] = (),
) -> tuple[Resource, ...]:
    """List checkpoints, hashed sources, translators, and the methods of terms and step."""
    sources = resources.of_sources(config.data, hashed=True)
    return *models, *sources, *translators, *map(_of_term, terms), *_of_step(config)


def _of_term(term: table.Term) -> Resource:
    return _method(term.name, type(term.objective))


def _of_step(config: Config) -> Iterator[Resource]:
    """List how the terms are weighed and the step is taken."""
    for does, asked in METHODS.values():
        if setting := asked(config):
            yield _method(setting, does)


def _method(name: str, does: Callable[..., Any]) -> Resource:
    return Resource(
        "method",
        f"{name} ({does.__name__})",
        licence=resources.OWN_LICENCE,
        licence_source="written for tfsocial from the paper",
        citation=reference.citation(does),
    )
