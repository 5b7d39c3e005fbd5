"""The pages, from plain functions: each reads a session, or has it keep something."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, unquote

from fastapi import FastAPI, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from tfsocial import web
from tfsocial.errors import InputError
from tfsocial.labelling import curve_picture, retraining
from tfsocial.labelling.door import Door
from tfsocial.labelling.session import Session
from tfsocial.labelling.words import WORDS
from tfsocial.selection.auto import Choice
from tfsocial.web.htmx import is_part

HERE = Path(__file__).parent
SUGGESTED = 5
SHOWN = 30  # other labels with a button
REVIEWED = 50  # suspects on one page
A_YEAR = 365 * 24 * 3600
TYPES = {".csv": "text/csv; charset=utf-8", ".jsonl": "application/x-ndjson"}

Word = Annotated[str, Form(max_length=2000)]
RequestId = Annotated[str, Form(alias="request", min_length=8, max_length=64)]


def make_app(session: Session, token: str | None = None) -> Door:
    """Make the application of a session.

    Args:
        token: see `Door`.
    """
    pages = Pages(session)
    app = FastAPI(title="tfsocial label", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.mount("/web", StaticFiles(directory=web.STATIC))
    app.get("/", response_class=HTMLResponse)(pages.label)
    app.get("/review", response_class=HTMLResponse)(pages.review)
    app.get("/aside", response_class=HTMLResponse)(pages.aside)
    app.get("/download")(pages.download)
    app.post("/annotator")(pages.annotator)
    app.post("/language")(pages.language)
    app.post("/label")(pages.give)
    app.post("/skip")(pages.skip)
    app.post("/note")(pages.note)
    app.post("/undo")(pages.undo)
    app.post("/decide")(pages.decide)
    app.post("/train")(pages.train)
    return Door(app, token)


class Pages:
    """What is shown and done at each address; who does it is in a cookie."""

    def __init__(self, session: Session):
        self._session = session
        self._templates = Jinja2Templates(HERE / "pages")

    # --- seen ------------------------------------------------------------------------------

    def label(self, request: Request) -> Response:
        who = _annotator(request)
        if who is None:
            return self._page(request, "who.html", here="")
        return self._page(request, "label.html", here="label", **self._asked(request, who))

    def review(self, request: Request) -> Response:
        if _annotator(request) is None:
            return RedirectResponse("/", 303)
        found: dict[str, Any] = {
            "disagreements": self._disagreements(),
            "agreement": self._agreement(self._words(request)),
            "suspects": self._suspects(),
        }
        return self._page(request, "review.html", here="review", **found)

    def aside(self, request: Request) -> Response:
        return self._page(request, "aside.html", **self._beside(self._words(request)))

    def download(self) -> Response:
        self._session.export()
        path = self._session.asked.output
        if not path.is_file():
            return RedirectResponse("/", 303)
        return FileResponse(path, media_type=TYPES[path.suffix], filename=path.name)

    # --- done ------------------------------------------------------------------------------

    def annotator(self, name: Word) -> Response:
        response = RedirectResponse("/", 303)
        if name := " ".join(name.split())[:60]:
            response.set_cookie("annotator", quote(name), A_YEAR, httponly=True, samesite="strict")
        return response

    def language(self, request: Request) -> Response:
        response = RedirectResponse("/", 303)
        other = next(one for one in WORDS if one != self._language(request))
        response.set_cookie("language", other, A_YEAR, httponly=True, samesite="strict")
        return response

    def give(self, request: Request, text: Word, request_id: RequestId, value: Word) -> Response:
        return self._did(
            request, lambda who: self._session.do(who, "label", text, value, request_id)
        )

    def skip(self, request: Request, text: Word, request_id: RequestId) -> Response:
        return self._did(request, lambda who: self._session.do(who, "skip", text, "", request_id))

    def note(
        self, request: Request, text: Word, request_id: RequestId, value: Word = ""
    ) -> Response:
        return self._did(
            request, lambda who: self._session.do(who, "note", text, value, request_id)
        )

    def undo(self, request: Request, request_id: RequestId) -> Response:
        return self._did(request, lambda who: self._session.undo(who, request_id))

    def decide(self, request: Request, text: Word, request_id: RequestId, value: Word) -> Response:
        who = _annotator(request)
        if who is not None:
            self._session.do(who, "decide", text, value, request_id)
        return RedirectResponse("/review", 303)

    def train(self, request: Request) -> Response:
        self._session.retraining.begin(self._session.final())
        return self.aside(request) if is_part(request) else RedirectResponse("/", 303)

    def _did(self, request: Request, does: Callable[[str], object]) -> Response:
        """Have the session keep something, and show what comes next."""
        who, error = _annotator(request), ""
        if who is None:
            return RedirectResponse("/", 303)
        try:
            does(who)
        except (InputError, OSError) as found:
            error = str(found)
        if error or is_part(request):
            name = "asked.html" if is_part(request) else "label.html"
            shown = self._asked(request, who) | {"error": error, "here": "label"}
            # htmx would show an error's page too, but not in the place of this one.
            status = 200 if is_part(request) or not error else 422
            return self._page(request, name, status, **shown)
        return RedirectResponse("/", 303)

    # --- values for the pages --------------------------------------------------------------

    def _asked(self, request: Request, who: str) -> dict[str, Any]:
        session, words = self._session, self._words(request)
        key, names = session.next_text(who), session.names()
        found: dict[str, Any] = {
            "progress": session.progress(who),
            "key": key,
            "request_id": secrets.token_urlsafe(12),
            **self._beside(words),
        }
        if key is None:
            return found
        analysis = session.assistant.analysis
        likely = analysis.suggestions(session.texts.place[key], SUGGESTED)
        suggested = {name for name, _ in likely}
        chosen = key in analysis.queue
        return found | {
            "text": session.texts.texts[session.texts.place[key]],
            "note": session.note(key),
            "names": names,
            "suggestions": [(name, round(100 * p)) for name, p in likely],
            "others": [name for name in names if name not in suggested][:SHOWN],
            "why": _why(analysis.choice, words) if chosen else "",
        }

    def _beside(self, words: Mapping[str, str]) -> dict[str, Any]:
        curve = self._session.assistant.analysis.curve
        return {
            "curve": curve and curve_picture.shown(curve, words),
            "model": self._model(words),
            "output": self._session.asked.output,
        }

    def _model(self, words: Mapping[str, str]) -> dict[str, Any]:
        work = self._session.retraining
        lines = []
        if work.training is not None:
            lines.append(words["model_now"].format(labels=work.training))
        elif work.failed:
            lines.append(words["model_failed"].format(why=work.failed))
        elif not self._session.asked.retrain:
            lines.append(words["model_off"])
        elif work.latest is None:
            lines.append(words["model_none"].format(labels=retraining.FEWEST))
        if work.latest is not None:
            lines.append(words["model_done"].format(labels=work.latest.labels))
        return {
            "lines": lines,
            "path": work.latest and work.latest.model,
            "can": work.training is None and work.can(self._session.final()),
        }

    def _disagreements(self) -> list[dict[str, Any]]:
        return [
            self._reviewed(key) | {"labels": labels, "options": sorted({*labels.values()})}
            for key, labels in self._session.disagreements().items()
            if key in self._session.texts.place
        ]

    def _agreement(self, words: Mapping[str, str]) -> list[str]:
        return [
            words["agreement_row"].format(
                one=one or words["in_file"],
                other=other or words["in_file"],
                texts=texts,
                kappa=f"{kappa:.2f}",
            )
            for (one, other), (texts, kappa) in self._session.kappas().items()
        ]

    def _suspects(self) -> list[dict[str, Any]]:
        """List labels that look wrong, without those that somebody has decided on."""
        decided, final = self._session.decided(), self._session.final()
        return [
            self._reviewed(one.text)
            | {"label": one.label, "likely": one.likely, "percent": round(100 * one.probability)}
            for one in self._session.assistant.analysis.suspects
            if one.text not in decided and final.get(one.text) == one.label
        ][:REVIEWED]

    def _reviewed(self, key: str) -> dict[str, Any]:
        texts = self._session.texts
        return {
            "key": key,
            "text": texts.texts[texts.place[key]],
            "request_id": secrets.token_urlsafe(12),
        }

    def _page(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        everywhere = {
            "w": self._words(request),
            "language": self._language(request),
            "file": self._session.asked.data.name,
        }
        return self._templates.TemplateResponse(
            request, name, everywhere | values, status_code=status
        )

    def _language(self, request: Request) -> str:
        said = request.cookies.get("language", "")
        return said if said in WORDS else self._session.asked.language

    def _words(self, request: Request) -> Mapping[str, str]:
        return WORDS[self._language(request)]


def _why(choice: Choice, words: Mapping[str, str]) -> str:
    reason = words[choice.reason].format(**choice.values)
    return words["why"].format(name=choice.name, why=reason)


def _annotator(request: Request) -> str | None:
    said = request.cookies.get("annotator")
    return unquote(said) if said else None
