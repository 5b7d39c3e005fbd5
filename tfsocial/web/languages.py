"""In which language a page is shown: as it was chosen, or else as the browser asks for."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "language"
A_YEAR = 365 * 24 * 3600


def of_request(request: Request, offered: Sequence[str]) -> str:
    """Give the language of a page; the first one offered where nothing is asked for."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in offered:
        return chosen
    return wanted(request.headers.get("accept-language", ""), offered)


def wanted(header: str, offered: Sequence[str]) -> str:
    """Read Accept-Language (RFC 9110, 12.5.4), without its regions.

    >>> wanted("zh-CN,zh;q=0.9,en;q=0.8", ["en", "zh"]), wanted("fr;q=x", ["en", "zh"])
    ('zh', 'en')
    """
    weighed = []
    for part in header.split(","):
        name, _, weight = part.partition(";")
        try:
            share = float(weight.partition("=")[2]) if weight else 1.0
        except ValueError:
            continue
        weighed.append((-share, name.strip().lower().split("-")[0]))
    # Sorting is stable: of equal ones the first.
    asked = [name for share, name in sorted(weighed, key=lambda one: one[0]) if share < 0]
    return next((name for name in asked if name in offered), offered[0])


def keep(response: Response, language: str) -> None:
    """Have a browser remember a language."""
    response.set_cookie(COOKIE, language, A_YEAR, httponly=True, samesite="lax")
