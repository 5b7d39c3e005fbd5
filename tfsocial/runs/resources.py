"""Everything a run took from others: M0, the data, its translators, the methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tfsocial.config import Config
from tfsocial.objectives import table
from tfsocial.provenance import resources
from tfsocial.provenance.methods import of_method
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
    return of_method(term.name, type(term.objective))


def _of_step(config: Config) -> Iterator[Resource]:
    """List how the terms are weighed and the step is taken."""
    for does, asked in METHODS.values():
        if setting := asked(config):
            yield of_method(setting, does)
