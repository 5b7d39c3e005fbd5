"""Everything a run took from others: M0, the data, its translators, the methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tfsocial.config import Config, Model
from tfsocial.data import provenance
from tfsocial.data.provenance import Resource
from tfsocial.models.checkpoints import Community
from tfsocial.objectives import reference, table
from tfsocial.training.label_propagation import KEY


def of_run(
    config: Config,
    models: Sequence[Resource],
    terms: Sequence[table.Term],
    translators: Sequence[Resource] = (),
) -> tuple[Resource, ...]:
    """Checkpoints, each source with a hash of its content, translators, the method of each term."""
    given = provenance.of_sources(config.data, hashed=True)
    return *models, *given, *translators, *map(_of_term, terms)


def beside_m0(checkpoint: str, community: Community) -> Resource:
    """A second checkpoint, of which only it itself says the licence."""
    return replace(community.resource(Model(checkpoint=checkpoint)), key=f"{KEY}.beside")


def _of_term(term: table.Term) -> Resource:
    kind = type(term.objective)
    return Resource(
        "method",
        f"{term.name} ({kind.__name__})",
        licence=provenance.OWN_LICENCE,
        licence_source="written for tfsocial from the paper",
        citation=reference.citation(kind),
    )
