"""Who comes to the monitor's pages: people who signed in with a key."""

from __future__ import annotations

from starlette.requests import Request

from tfsocial.apps.pages.staff import NOBODY, PAGES, Staff, check_form, is_at
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.door import Door

HOME = "/monitor"
OPEN = ("/", HOME)
FILES = ("/web/", f"{HOME}/static/")
OWN = tuple(f"{HOME}/{name}" for name in ("board", "on", "incident", "health", *PAGES))


class Entrance:
    """Lets people come to pages; all other paths need a key.

    Args:
        secret: of this gateway.
        door: knows the keys.
        model: that they may manage.
    """

    def __init__(self, secret: bytes, door: Door, model: str):
        self.staff = Staff(secret, door, model, HOME)

    def __call__(self, request: Request) -> Caller | None:
        """Tell who comes; None: this is no page.

        Raises:
            Problem: a form of another site.
        """
        path = request.scope["path"]
        if path in OPEN or path.startswith(FILES):
            return NOBODY
        if not is_at(path, OWN):
            return None
        check_form(request)
        return self.staff.caller(request) or NOBODY
