"""Who comes to an application's pages without a key: visitors, known by a signed cookie."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from tfsocial.apps.pages.staff import NOBODY, Staff, StaffEntrance, check_form, is_at
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.door import Door
from tfsocial.web.sessions import Sessions

A_MONTH = 30 * 24 * 3600  # seconds that a visitor's session holds
VISITORS = NOBODY.tenant  # for quotas and numbers


class VisitorEntrance(StaffEntrance):
    """Lets staff and visitors come to pages; all other paths need a key.

    Args:
        secret: of this gateway.
        door: knows the keys.
        model: that staff may manage, and that reads what visitors write.
        home: path that the pages are under.
        own: of the staff's pages, below it.
        visited: path that visitors' pages are under.
    """

    def __init__(
        self, secret: bytes, door: Door, model: str, home: str, own: Sequence[str], visited: str
    ):
        super().__init__(Staff(secret, door, model, home), home, own)
        self._model, self._visited = model, visited
        self._visitors = Sessions(secret, "visitor", home, A_MONTH)

    def __call__(self, request: Request) -> Caller | None:
        """Tell who comes; None: this is no page.

        Raises:
            Problem: a form of another site.
        """
        if not is_at(request.scope["path"], (self._visited,)):
            return super().__call__(request)
        check_form(request)
        visitor = self.visitor(request)
        grants = ((self._model, "embed"),)
        return Caller(VISITORS, grants, visitor["id"][:8]) if visitor else NOBODY

    def visitor(self, request: Request) -> Mapping[str, str] | None:
        """Give a visitor's session: `id`, and what it was kept with."""
        return self._visitors.of_request(request)

    def let_in(self, request: Request, response: Response, **values: str) -> None:
        """Make somebody a visitor, or keep something else of one."""
        known = self.visitor(request) or {"id": secrets.token_urlsafe(16)}
        self._visitors.keep(request, response, {**known, **values})

    def let_out(self, response: Response) -> None:
        """Forget a visitor."""
        self._visitors.end(response)
