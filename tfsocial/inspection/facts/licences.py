"""Under which licences the data and M0 come, and which of them the policy refuses."""

from __future__ import annotations

from typing import Any

from tfsocial.config import Config
from tfsocial.data import provenance
from tfsocial.models import checkpoints


def licence_facts(config: Config, community: checkpoints.Community) -> list[dict[str, Any]]:
    """List each resource's licence, and why the policy refuses it where it does."""
    taken = (*provenance.of_sources(config.data), community.resource(config.model))
    return [
        {
            "what": resource.role,
            "name": resource.name,
            "licence": resource.licence,
            "kind": resource.kind,
            "source": resource.licence_source,
            "acknowledged": resource.acknowledgement,
            "refused": provenance.refusal(resource, config.data.licence_policy),
        }
        for resource in taken
    ]
