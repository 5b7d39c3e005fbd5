"""Who comes to a page: a visitor by a cookie that was given here, an agent who signed in by key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from tfsocial.apps.pages.staff import NOBODY, Staff, StaffEntrance, check_form, is_at
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.door import Door
from tfsocial.web.sessions import Sessions

HOME = "/support"
CUSTOMERS = f"{HOME}/chat"
AGENTS = ("inbox", "review")
A_MONTH = 30 * 24 * 3600  # seconds that a visitor's session holds
VISITORS = NOBODY.tenant  # for quotas and numbers


class Entrance(StaffEntrance):
    """Lets agents and visitors come to pages; all other paths need a key.

    Args:
        secret: of this gateway.
        door: knows the agents' keys; one that was taken away ends its sessions.
        model: that visitors ask.
    """

    def __init__(self, secret: bytes, door: Door, model: str):
        super().__init__(Staff(secret, door, model, HOME), HOME, AGENTS)
        self._model = model
        self._visitors = Sessions(secret, "visitor", HOME, A_MONTH)

    def __call__(self, request: Request) -> Caller | None:
        """Tell who comes; None: this is no page.

        Raises:
            Problem: a form of another site.
        """
        if not is_at(request.scope["path"], (CUSTOMERS,)):
            return super().__call__(request)
        check_form(request)
        visitor = self.visitor(request)
        grants = ((self._model, "embed"),)
        return Caller(VISITORS, grants, visitor["id"][:8]) if visitor else NOBODY

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
