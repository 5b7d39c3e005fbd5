"""Sessions in signed cookies: nothing is kept here, and nobody else can make one up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response


class Sessions:
    """One kind of session.

    Args:
        secret: of this server; those of other kinds are other sessions.
        kind: the cookie's name.
        path: under which a browser sends it.
        seconds: that it holds.
    """

    def __init__(self, secret: bytes, kind: str, path: str, seconds: int):
        self._key = hmac.digest(secret, f"session {kind}".encode(), hashlib.sha256)
        self._kind, self._path, self._seconds = kind, path, seconds

    def of_request(self, request: Request) -> Mapping[str, str] | None:
        """Give a request's session; None: it has none that is ours and holds."""
        return self.opened(request.cookies.get(self._kind, ""), time.time())

    def keep(self, request: Request, response: Response, values: Mapping[str, str]) -> None:
        """Have a browser bring a session from now on."""
        response.set_cookie(
            self._kind,
            self.sealed(values, time.time()),
            self._seconds,
            path=self._path,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )

    def end(self, response: Response) -> None:
        """Have a browser forget it."""
        response.delete_cookie(self._kind, path=self._path)

    def sealed(self, values: Mapping[str, str], now: float) -> str:
        """Write a session, with its end and signature.

        >>> sessions = Sessions(b"s", "agent", "/", 60)
        >>> text = sessions.sealed({"name": "ann"}, now=0)
        >>> sessions.opened(text, now=59), sessions.opened(text, now=60)
        ({'name': 'ann'}, None)
        """
        body = json.dumps([round(now) + self._seconds, dict(values)]).encode()
        return f"{_text(body)}.{_text(self._signature(body))}"

    def opened(self, text: str, now: float) -> Mapping[str, str] | None:
        """Read a session; None: somebody else wrote it, or its time has passed."""
        try:
            body, signature = (_bytes(part) for part in text.split("."))
        except ValueError:  # not two parts, or no base64
            return None
        if not hmac.compare_digest(signature, self._signature(body)):
            return None
        until, values = json.loads(body)
        return values if now < until else None

    def _signature(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from None
