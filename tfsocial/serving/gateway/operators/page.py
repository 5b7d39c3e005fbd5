"""The operators' page: models and versions, traffic, drift, trials, keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.templating import Jinja2Templates

import tfsocial
from tfsocial.serving.gateway.access.keys import Key
from tfsocial.serving.gateway.models import Models, ServedModel
from tfsocial.serving.gateway.watch.recent import Recent, Traffic

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Page:
    """What is shown.

    Args:
        keys: gives those there are, by prefix.
    """

    def __init__(self, models: Models, recent: Recent, keys: Callable[[], Mapping[str, Key]]):
        self._models, self._recent, self._keys = models, recent, keys
        self._templates = Jinja2Templates(HERE)

    async def show(self, request: Request) -> Response:
        """Show the page; it needs no script, and asks for itself again every five seconds."""
        values = {
            "version": tfsocial.__version__,
            "now": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "ending": self._models.ending,
            "models": [self._model(model) for model in self._models],
            "keys": [_key(key) for key in self._keys().values()],
        }
        return self._templates.TemplateResponse(request, "page.html", values, headers=HEADERS)

    async def style(self, _: Request) -> Response:
        """Give the style."""
        return FileResponse(HERE / "page.css", media_type="text/css", headers=HEADERS)

    def _model(self, model: ServedModel) -> dict[str, Any]:
        current = model.current
        watch = current.watch if current else None
        return {
            "name": model.name,
            "state": _state(model),
            "version": current.number if current else "",
            "manifest": current.manifest_hash[:12] if current else "",
            "waiting": current.batcher.waiting_tokens if current else 0,
            "traffic": _traffic(self._recent.traffic(model.name)),
            "trial": _trial(model),
            "failed": sorted(model.failed.items(), reverse=True),
            "drift": _drift(model),
            "accuracy": {
                task: f"{100 * share:.1f} %"
                for task, share in (watch.accuracy if watch else {}).items()
            },
        }


def _state(model: ServedModel) -> str:
    if model.unloaded:
        return "unloaded"
    if model.current is None:
        return "loading"
    return "answers" if model.alive else "down"


def _traffic(traffic: Traffic) -> dict[str, str]:
    return {
        "requests a second": f"{traffic.rate:.1f}",
        "texts a second": f"{traffic.texts:.1f}",
        "median": _milliseconds(traffic.p50),
        "p99": _milliseconds(traffic.p99),
        "refused": f"{100 * traffic.refused:.1f} %",
        "failed": f"{100 * traffic.failed:.1f} %",
    }


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{1000 * seconds:.1f} ms"


def _trial(model: ServedModel) -> dict[str, Any] | None:
    trial, candidate = model.trial, model.candidate
    if trial is None or candidate is None:
        return None
    tests = {
        name: f"{100 * test.share:.1f} % of {test.seen}, {test.verdict}" if test.seen else "–"
        for name, test in trial.tests.items()
    }
    return {"version": candidate.number, "mode": trial.mode, "tests": tests}


def _drift(model: ServedModel) -> list[dict[str, Any]]:
    watch = model.current.watch if model.current else None
    return [
        {
            "signal": signal,
            "value": f"{score.value:.3g}",
            "threshold": f"{score.threshold:.3g}",
            "drifted": score.drifted,
        }
        for signal, score in (watch.scores if watch else {}).items()
    ]


def _key(key: Key) -> dict[str, str]:
    return {
        "prefix": key.prefix,
        "tenant": key.tenant,
        "models": " ".join(key.models),
        "verbs": " ".join(key.verbs),
        "until": "expired" if key.expired else key.expires or "–",
        "note": key.note,
    }
