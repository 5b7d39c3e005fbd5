"""JSON schema of a config, for editors."""

from __future__ import annotations

import json

from pydantic import BaseModel

from tfsocial.config.run import Config


def json_schema(root: type[BaseModel] = Config) -> str:
    """Return the JSON schema of a config's root."""
    return json.dumps(root.model_json_schema(), indent=2)
