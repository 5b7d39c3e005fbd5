"""What all pages of customer service are made with."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from tfsocial.apps.live import Live
from tfsocial.apps.support.pages.phrases import PHRASES
from tfsocial.serving.gateway.dialects.asking import seen_of
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web import languages
from tfsocial.web.htmx import is_part
from tfsocial.web.policy import HEADERS

HERE = Path(__file__).parent
LANGUAGES = tuple(PHRASES)


class Screen:
    """Makes pages in the language that a browser asks for."""

    def __init__(self) -> None:
        self._templates = Jinja2Templates(HERE / "templates")
        self._templates.env.trim_blocks = self._templates.env.lstrip_blocks = True
        self._templates.env.filters |= {"iso": _iso, "clock": _clock}

    def __call__(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        """Make a page, or a part of one."""
        everywhere = {
            "w": words(request),
            "language": languages.of_request(request, LANGUAGES),
            "key": secrets.token_urlsafe(12),  # of the next form, which is sent once
            "error": "",
        }
        return self._templates.TemplateResponse(
            request, name, everywhere | values, status_code=status, headers=HEADERS
        )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M UTC")


def words(request: Request) -> Mapping[str, str]:
    """Give what a page says, in the language that it is shown in."""
    return PHRASES[languages.of_request(request, LANGUAGES)]


def said(problem: Problem, request: Request) -> tuple[str, int]:
    """Give what a page says of a problem, and the status; the problem is counted.

    htmx takes a part of a page whose status is 200 alone.
    """
    seen_of(request).problem = problem.kind
    busy = problem.kind in ("quota", "overloaded", "deadline", "backend")
    text = words(request)["busy"] if busy else problem.detail
    return text, 200 if is_part(request) else problem.status


def told(request: Request, live: Live, who: str, streams: Collection[str]) -> Response:
    """Tell an open page of somebody that a stream has grown.

    Raises:
        Problem: too many pages are open; the page asks now and then instead.
    """
    seen = seen_of(request)
    seen.route, seen.open_ended = request.scope["route"].path, True
    if live.is_full(who):
        raise Problem("overloaded", "too many pages are open; this one asks now and then")
    return live.answer(who, streams, HEADERS)


def go(to: str) -> Response:
    """Have the browser ask for a page."""
    return RedirectResponse(to, 303, headers=HEADERS)
