"""Everything a run took from others: M0, the data, its translators, the methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tfsocial.config import Config, Model
from tfsocial.data import provenance
from tfsocial.data.provenance import Resource
from tfsocial.models import checkpoints
from tfsocial.models.checkpoints import Community
from tfsocial.objectives import reference, table
from tfsocial.objectives.community import LabelPropagation
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


def of_m0(config: Config, community: Community) -> Resource:
    """M0, or of an untrained encoder the checkpoint that has its words."""
    model = config.model
    chosen = model.checkpoint if community.trained else model.random.vocabulary
    return provenance.of_checkpoint(model, chosen, community.folder)


def beside_m0(terms: Sequence[table.Term]) -> list[Resource]:
    """The checkpoints that terms read beside M0, of which only they themselves say the licence.

    Raises:
        ConfigError: one cannot be had.
    """
    spreading = (t.objective for t in terms if isinstance(t.objective, LabelPropagation))
    return [_beside(objective.beside) for objective in spreading if objective.beside]


def _beside(checkpoint: str) -> Resource:
    key = f"{KEY}.beside"
    folder = checkpoints.resolve(checkpoint, key)
    return replace(
        provenance.of_checkpoint(Model(checkpoint=checkpoint), checkpoint, folder), key=key
    )


def _of_term(term: table.Term) -> Resource:
    kind = type(term.objective)
    return Resource(
        "method",
        f"{term.name} ({kind.__name__})",
        licence=provenance.OWN_LICENCE,
        licence_source="written for tfsocial from the paper",
        citation=reference.citation(kind),
    )
