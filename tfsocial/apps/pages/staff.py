"""Who signs in to the pages of an application: by a key that may manage its model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from tfsocial.apps.does import Does
from tfsocial.apps.pages.screen import Screen, go
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.door import Door
from tfsocial.serving.gateway.dialects.asking import seen_of
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web import languages
from tfsocial.web.policy import is_own_form
from tfsocial.web.sessions import Sessions

A_SHIFT = 12 * 3600  # seconds that a session holds
NOBODY = Caller("visitors", (), "page")
PAGES = ("sign-in", "sign-out", "language")  # under an application's home
Short = Annotated[str, Form(max_length=200)]


class Staff:
    """Sessions of people who have a key.

    Args:
        secret: of this gateway.
        door: knows the keys; one that was taken away ends its sessions.
        model: that they may manage.
        home: path that the pages are under.
    """

    def __init__(self, secret: bytes, door: Door, model: str, home: str):
        self._door, self._model = door, model
        self._sessions = Sessions(secret, "agent", home, A_SHIFT)

    def name(self, request: Request) -> str | None:
        """Give the name of who has signed in with a key that still holds."""
        session = self._sessions.of_request(request)
        return session["name"] if session and self.caller(request) else None

    def caller(self, request: Request) -> Caller | None:
        """Give what their key may do."""
        session = self._sessions.of_request(request)
        key = self._door.keys().get(session["key"]) if session else None
        return key.caller if key is not None and not key.expired else None

    async def sign_in(self, request: Request, response: Response, name: str, key: str) -> None:
        """Let somebody in.

        Raises:
            Problem: the key is not known, or may not manage the model.
        """
        caller = await self._door.caller("", key)
        caller.check("manage", self._model)
        if self._door.keys().get(caller.credential) is None:
            raise Problem("forbidden", "key: sign in with a key; tokens are for programs")
        self._sessions.keep(request, response, {"key": caller.credential, "name": name})

    def sign_out(self, response: Response) -> None:
        """Let somebody go."""
        self._sessions.end(response)


class StaffEntrance:
    """Lets people who have signed in come to an application's pages; other paths need a key.

    Args:
        staff: who they are.
        home: path that the pages are under.
        own: of the pages, below it.
    """

    def __init__(self, staff: Staff, home: str, own: Sequence[str]):
        self.staff = staff
        self._open, self._files = ("/", home), ("/web/", f"{home}/static/")
        self._own = tuple(f"{home}/{name}" for name in (*own, *PAGES))

    def __call__(self, request: Request) -> Caller | None:
        """Tell who comes; None: this is no page.

        Raises:
            Problem: a form of another site.
        """
        path = request.scope["path"]
        if path in self._open or path.startswith(self._files):
            return NOBODY
        if not is_at(path, self._own):
            return None
        check_form(request)
        return self.staff.caller(request) or NOBODY


class Deeds:
    """Has who signed in do something; what could not be done is said on the page."""

    def __init__(self, staff: Staff, does: Does, show: Screen):
        self._staff, self._does, self._show = staff, does, show

    async def __call__(
        self,
        request: Request,
        work: Callable[[str], object],
        page: Callable[..., Awaitable[Response]],
        done: Callable[[str], Awaitable[Response]],
    ) -> Response:
        """Do it.

        Args:
            work: by whom it is done.
            page: makes the page again, of name and status, with what is amiss as `error`.
            done: what is shown to somebody afterwards.
        """
        name = self._staff.name(request)
        if name is None:
            return go(f"{self._show.home}/sign-in")
        try:
            await self._does(request, "manage", partial(work, name))
        except Problem as problem:
            error, status = self._show.said(problem, request)
            return await page(name, status, error=error)
        return await done(name)


class StaffPages:
    """Where people come in and go, and choose a language.

    Args:
        first: page that they come to.
        pages: of the application, under which a language may be chosen.
    """

    def __init__(self, staff: Staff, show: Screen, first: str, pages: tuple[str, ...]):
        self._staff, self._show, self._first = staff, show, first
        self.sign_in_page = f"{show.home}/sign-in"
        self._pages = (*pages, self.sign_in_page)
        self.router = APIRouter(prefix=show.home, include_in_schema=False)
        for method, path, shows in (
            ("GET", "/sign-in", self.door),
            ("POST", "/sign-in", self.sign_in),
            ("POST", "/sign-out", self.sign_out),
            ("POST", "/language", self.language),
        ):
            self.router.add_api_route(path, shows, methods=[method], response_model=None)

    async def door(self, request: Request) -> Response:
        """Ask who comes."""
        return self._show(request, "sign_in.html")

    async def sign_in(self, request: Request, name: Short = "", key: Short = "") -> Response:
        """Let somebody in who has a key."""
        response, name = go(self._first), " ".join(name.split())[:60]
        words = self._show.words(request)
        try:
            if not name:
                raise Problem("invalid", words["name_missing"])
            await self._staff.sign_in(request, response, name, key)
        except Problem as problem:
            seen_of(request).problem = problem.kind
            error = problem.detail if problem.kind == "invalid" else words["no_such_key"]
            return self._show(request, "sign_in.html", problem.status, error=error)
        return response

    async def sign_out(self, request: Request) -> Response:
        """Let somebody go."""
        response = go(self.sign_in_page)
        self._staff.sign_out(response)
        return response

    async def language(self, request: Request, here: Short = "") -> Response:
        """Show the other language from now on."""
        response = go(here if here.startswith(self._pages) else self._pages[0])
        offered = self._show.languages
        now = languages.of_request(request, offered)
        languages.keep(response, next(one for one in offered if one != now))
        return response


def check_form(request: Request) -> None:
    """Refuse what a page of another site sends.

    Raises:
        Problem: it does.
    """
    if request.method not in ("GET", "HEAD") and not is_own_form(request.headers):
        raise Problem("forbidden", "Origin: this form is another site's; open the page itself")


def is_at(path: str, places: tuple[str, ...]) -> bool:
    """Tell whether a path is one of some places, or under one."""
    return any(path == place or path.startswith(f"{place}/") for place in places)
