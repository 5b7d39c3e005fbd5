"""What htmx asks for: a part of a page, in the place of one that is shown."""

from __future__ import annotations

from starlette.requests import Request


def is_part(request: Request) -> bool:
    """Tell whether htmx asks, for a part of a page."""
    return request.headers.get("hx-request") == "true"
