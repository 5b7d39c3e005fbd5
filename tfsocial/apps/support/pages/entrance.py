"""Who comes to a page: a visitor by a cookie that was given here, an agent who signed in by key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.door import Door
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web.policy import is_own_form
from tfsocial.web.sessions import Sessions

HOME = "/support"
OPEN = ("/", HOME)
FILES = ("/web/", f"{HOME}/static/")
CUSTOMERS = f"{HOME}/chat"
AGENTS = tuple(f"{HOME}/{name}" for name in ("inbox", "review", "sign-in", "sign-out", "language"))
A_MONTH, A_SHIFT = 30 * 24 * 3600, 12 * 3600  # seconds that a session holds
VISITORS = "visitors"  # their tenant, for quotas and numbers
NOBODY = Caller(VISITORS, (), "page")


class Entrance:
    """Lets people come to pages; all other paths need a key.

    Args:
        secret: of this gateway.
        door: knows the agents' keys; one that was taken away ends its sessions.
        model: that visitors ask.
    """

    def __init__(self, secret: bytes, door: Door, model: str):
        self._door, self._model = door, model
        self._visitors = Sessions(secret, "visitor", HOME, A_MONTH)
        self._agents = Sessions(secret, "agent", HOME, A_SHIFT)

    def __call__(self, request: Request) -> Caller | None:
        """Tell who comes; None: this is no page.

        Raises:
            Problem: a form of another site.
        """
        path = request.scope["path"]
        if path in OPEN or path.startswith(FILES):
            return NOBODY
        if not _is_at(path, (CUSTOMERS, *AGENTS)):
            return None
        if request.method not in ("GET", "HEAD") and not is_own_form(request.headers):
            raise Problem("forbidden", "Origin: this form is another site's; open the page itself")
        if _is_at(path, (CUSTOMERS,)):
            visitor = self.visitor(request)
            grants = ((self._model, "embed"),)
            return Caller(VISITORS, grants, visitor["id"][:8]) if visitor else NOBODY
        return self._agent_caller(request) or NOBODY

    # --- customers -------------------------------------------------------------------------

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

    # --- agents ----------------------------------------------------------------------------

    def agent(self, request: Request) -> str | None:
        """Give the name of an agent who has signed in with a key that still holds."""
        session = self._agents.of_request(request)
        return session["name"] if session and self._agent_caller(request) else None

    async def sign_in(self, request: Request, response: Response, name: str, key: str) -> None:
        """Let an agent in.

        Raises:
            Problem: the key is not known, or is none of an agent's.
        """
        caller = await self._door.caller("", key)
        caller.check("manage", self._model)
        if self._door.keys().get(caller.credential) is None:
            raise Problem("forbidden", "key: sign in with a key; tokens are for programs")
        self._agents.keep(request, response, {"key": caller.credential, "name": name})

    def sign_out(self, response: Response) -> None:
        """Let an agent go."""
        self._agents.end(response)

    def _agent_caller(self, request: Request) -> Caller | None:
        session = self._agents.of_request(request)
        key = self._door.keys().get(session["key"]) if session else None
        return key.caller if key is not None and not key.expired else None


def _is_at(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)
