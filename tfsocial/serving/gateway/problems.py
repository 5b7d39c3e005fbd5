"""What a caller hears who gets no answer, the same in every dialect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from starlette.responses import JSONResponse, Response

# Paths of other servers' interfaces, whose clients read `error`.
ELSEWHERE = ("/v2", "/v1/models/")


class Kind(NamedTuple):
    """A kind of problem.

    Attributes:
        status: of HTTP.
        grpc: name of the status of gRPC.
        title: what it is called in a problem document.
    """

    status: int
    grpc: str
    title: str


KINDS: Mapping[str, Kind] = {
    "invalid": Kind(400, "INVALID_ARGUMENT", "The request cannot be read"),
    "unauthenticated": Kind(401, "UNAUTHENTICATED", "Who asks is not known"),
    "forbidden": Kind(403, "PERMISSION_DENIED", "Who asks may not do this"),
    "not_found": Kind(404, "NOT_FOUND", "There is no such thing"),
    "not_allowed": Kind(405, "UNIMPLEMENTED", "The method is not allowed here"),
    "too_slow": Kind(408, "CANCELLED", "The request took too long to arrive"),
    "too_large": Kind(413, "INVALID_ARGUMENT", "The request is too large"),
    "quota": Kind(429, "RESOURCE_EXHAUSTED", "The quota is used up"),
    "backend": Kind(502, "UNAVAILABLE", "The model gives no answer"),
    "overloaded": Kind(503, "UNAVAILABLE", "There is more to do than can be done"),
    "deadline": Kind(504, "DEADLINE_EXCEEDED", "The deadline has passed"),
}


class Problem(Exception):
    """A request that gets no answer.

    Args:
        kind: a key of KINDS.
        detail: one sentence with the field or key, and the remedy; never a text that was sent.
        retry_after: seconds after which the same request may be answered.
        headers: to send besides.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(detail)
        self.kind, self.detail, self.retry_after = kind, detail, retry_after
        self._headers = dict(headers or {})

    @property
    def status(self) -> int:
        """Of HTTP."""
        return KINDS[self.kind].status

    @property
    def grpc(self) -> str:
        """Name of the status of gRPC."""
        return KINDS[self.kind].grpc

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it over HTTP."""
        found = dict(self._headers)
        if self.retry_after is not None:
            found["Retry-After"] = str(max(1, math.ceil(self.retry_after)))
        if self.kind == "unauthenticated":
            found["WWW-Authenticate"] = "Bearer"
        return found

    @property
    def document(self) -> dict[str, object]:
        """Write it as a problem document (RFC 9457).

        >>> Problem("not_found", "model 'a': is not served here").document["status"]
        404
        """
        return {
            "type": f"urn:tfsocial:problem:{self.kind}",
            "title": KINDS[self.kind].title,
            "status": self.status,
            "detail": self.detail,
        }


def answer(path: str, problem: Problem) -> Response:
    """Write a problem as the dialect of a path has it."""
    if path.startswith(ELSEWHERE):
        return JSONResponse({"error": problem.detail}, problem.status, problem.headers)
    return JSONResponse(
        problem.document, problem.status, problem.headers, media_type="application/problem+json"
    )
