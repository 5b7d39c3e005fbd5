"""Pages of an application: its templates, in the language that a browser asks for."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from tfsocial.apps.live import Live
from tfsocial.apps.pages.phrases import PHRASES as EVERYWHERE
from tfsocial.serving.gateway.dialects.asking import seen_of
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web import languages
from tfsocial.web.htmx import is_part
from tfsocial.web.policy import HEADERS

SHARED = Path(__file__).parent / "templates"
Phrases = Mapping[str, Mapping[str, str]]  # language -> name -> text
BUSY = ("quota", "overloaded", "deadline", "backend")  # problems that pass


class Screen:
    """Makes pages.

    Args:
        home: path that all pages of the application are under.
        templates: folder of its own ones.
        phrases: that it says, beside those of all applications.
        nav: pages of who has signed in: name of a phrase -> path.
    """

    def __init__(self, home: str, templates: Path, phrases: Phrases, nav: Mapping[str, str]):
        self.home = home
        self.phrases = {one: {**EVERYWHERE[one], **phrases[one]} for one in phrases}
        self.languages: Sequence[str] = tuple(phrases)
        self._nav = nav
        self._templates = Jinja2Templates([templates, SHARED])
        self._templates.env.trim_blocks = self._templates.env.lstrip_blocks = True
        self._templates.env.filters |= {"iso": _iso, "clock": _clock, "day": _day}

    def __call__(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        """Make a page, or a part of one."""
        everywhere = {
            "w": self.words(request),
            "language": languages.of_request(request, self.languages),
            "home": self.home,
            "nav": self._nav,
            "key": secrets.token_urlsafe(12),  # of the next form, which is sent once
            "error": "",
        }
        return self._templates.TemplateResponse(
            request, name, everywhere | values, status_code=status, headers=HEADERS
        )

    def words(self, request: Request) -> Mapping[str, str]:
        """Give what a page says, in the language that it is shown in."""
        return self.phrases[languages.of_request(request, self.languages)]

    def said(self, problem: Problem, request: Request) -> tuple[str, int]:
        """Give what a page says of a problem, and the status; the problem is counted.

        htmx takes a part of a page whose status is 200 alone.
        """
        seen_of(request).problem = problem.kind
        text = self.words(request)["busy"] if problem.kind in BUSY else problem.detail
        return text, 200 if is_part(request) else problem.status


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M UTC")


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


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
