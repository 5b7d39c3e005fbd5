"""Who comes to a page: a visitor by a cookie that was given here, an agent who signed in by key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from tfsocial.apps.pages.staff import NOBODY, PAGES, Staff, check_form, is_at
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.door import Door
from tfsocial.web.sessions import Sessions

HOME = "/support"
OPEN = ("/", HOME)
FILES = ("/web/", f"{HOME}/static/")
CUSTOMERS = f"{HOME}/chat"
AGENTS = tuple(f"{HOME}/{name}" for name in ("inbox", "review", *PAGES))
A_MONTH = 30 * 24 * 3600  # seconds that a visitor's session holds
VISITORS = NOBODY.tenant  # for quotas and numbers


class Entrance:
    """Lets people come to pages; all other paths need a key.

    Args:
        secret: of this gateway.
        door: knows the agents' keys; one that was taken away ends its sessions.
        model: that visitors ask.
    """

    def __init__(self, secret: bytes, door: Door, model: str):
        self._model = model
        self._visitors = Sessions(secret, "visitor", HOME, A_MONTH)
        self.staff = Staff(secret, door, model, HOME)

    def __call__(self, request: Request) -> Caller | None:
        """Tell who comes; None: this is no page.

        Raises:
            Problem: a form of another site.
        """
        path = request.scope["path"]
        if path in OPEN or path.startswith(FILES):
            return NOBODY
        if not is_at(path, (CUSTOMERS, *AGENTS)):
            return None
        check_form(request)
        if is_at(path, (CUSTOMERS,)):
            visitor = self.visitor(request)
            grants = ((self._model, "embed"),)
            return Caller(VISITORS, grants, visitor["id"][:8]) if visitor else NOBODY
        return self.staff.caller(request) or NOBODY

    def visitor(self, request: Request) -> Mapping[str, str] | None:
        """Give a visitor's session: `id`, and `talk`, the number of their talk."""
        return self._visitors.of_request(request)

    def let_in(self, request: Request, response: Response, talk: int = 1) -> None:
        """Make somebody a visitor, or begin another talk of theirs."""
        known = self.visitor(request) or {"id": secrets.token_urlsafe(16)}
        self._visitors.keep(request, response, {**known, "talk": str(talk)})

    def let_out(self, response: Response) -> None:
        """Forget a visitor."""
        self._visitors.end(response)

    def agent(self, request: Request) -> str | None:
        """Give the name of an agent who has signed in with a key that still holds."""
        return self.staff.name(request)
