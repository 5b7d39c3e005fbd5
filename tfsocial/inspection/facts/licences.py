"""Under which licences the data and M0 come, and which of them the policy refuses."""

from __future__ import annotations

from typing import Any

from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.config import Data, Model
from tfsocial.provenance import resources


def licence_facts(data: Data, model: Model, m0: CommunityCheckpoint) -> list[dict[str, Any]]:
    """List each resource's licence, and why the policy refuses it where it does."""
    taken = (*resources.of_sources(data), m0.resource(model))
    return [
        {
            "what": resource.role,
            "name": resource.name,
            "licence": resource.licence,
            "kind": resource.kind,
            "source": resource.licence_source,
            "acknowledged": resource.acknowledgement,
            "refused": resources.refusal(resource, data.licence_policy),
        }
        for resource in taken
    ]
