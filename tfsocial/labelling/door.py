"""Who may come in: this machine's own browser, or who has the token."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tfsocial.web.policy import HEADERS, is_loopback, is_own_form

TOKEN = "token"
SENT = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


def new_token() -> str:
    """Make up a token nobody guesses."""
    return secrets.token_urlsafe(24)


class Door:
    """Lets through who asks this server by its own name, from its own pages, with the token.

    Other sites' pages can send forms to a server on this machine, and names of theirs can be made
    to mean this machine: the first are told by Origin, the second by Host.

    Args:
        token: that a browser brings once, in the address; None: none is needed.
    """

    def __init__(self, app: ASGIApp, token: str | None = None):
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(Request(scope))
        if refused is not None:
            await refused(scope, receive, send)
            return

        async def with_headers(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *SENT]
            await send(message)

        await self._app(scope, receive, with_headers)

    def _refused(self, request: Request):
        headers = request.headers
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self._token is None and not is_loopback(host):
            return PlainTextResponse(f"Host {host!r}: ask for localhost or 127.0.0.1\n", 403)
        if request.method == "POST" and not is_own_form(headers):
            return PlainTextResponse("Origin: this form is another site's\n", 403)
        return self._without_token(request)

    def _without_token(self, request: Request):
        if self._token is None or _equal(request.cookies.get(TOKEN), self._token):
            return None
        if not _equal(request.query_params.get(TOKEN), self._token):
            said = f"open the address that `tfsocial label` printed, with ?{TOKEN}=...\n"
            return PlainTextResponse(said, 403)
        response = RedirectResponse("/", 303)
        response.set_cookie(TOKEN, self._token, httponly=True, samesite="strict")
        return response


def _equal(one: str | None, other: str) -> bool:
    return one is not None and hmac.compare_digest(one.encode(), other.encode())
