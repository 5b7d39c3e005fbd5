"""Requests that schemathesis makes up from the gateway's OpenAPI: none is a fault of the server."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance


@pytest.mark.parametrize(
    "path", ["GET /v1/models", "POST /v1/classify", "POST /v1/embed", "POST /v1/similar"]
)
def test_what_it_promises_is_what_it_does(house, path):
    """Statuses, types and bodies are among those described; 5xx never; without a key 401."""
    there = house()
    key = there.key()
    described = schemathesis.openapi.from_asgi("/openapi.json", there.guard)
    operations = [one.ok() for one in described.get_all_operations()]
    (operation,) = [one for one in operations if one.label == path]

    @settings(max_examples=80, deadline=None, derandomize=True)
    @given(case=operation.as_strategy())
    def asked(case):
        # How many columns a text has is the model's matter: 400, not a schema's.
        case.call_and_validate(headers=key, excluded_checks=[positive_data_acceptance])

    asked()
    assert {one.status for one in there.seen} <= {200, 400, 401, 404, 413}
    assert 200 in {one.status for one in there.seen}


def test_every_operation_is_tried(house):
    described = schemathesis.openapi.from_asgi("/openapi.json", house().guard)
    assert len([one.ok() for one in described.get_all_operations()]) == 4
