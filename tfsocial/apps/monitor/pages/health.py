"""How the model does without labels, and texts that are worth some."""

from __future__ import annotations

import csv
import io
from typing import Any

from fastapi import APIRouter, Request, Response

from tfsocial.apps.does import Does
from tfsocial.apps.monitor.pages.board import SIGN_IN
from tfsocial.apps.monitor.pages.entrance import HOME, Entrance
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.shown import corrections
from tfsocial.apps.pages.screen import Screen, go
from tfsocial.web.policy import HEADERS

PAGE = f"{HOME}/health"
ASKED = 50  # labels


class HealthPages:
    """Drift, and what to label against it."""

    def __init__(self, monitor: Monitor, entrance: Entrance, does: Does, show: Screen):
        self._monitor, self._entrance, self._does, self._show = monitor, entrance, does, show
        self.router = APIRouter(prefix=PAGE, include_in_schema=False)
        for path, shows in (("", self.health), ("/texts.csv", self.texts)):
            self.router.add_api_route(path, shows, methods=["GET"], response_model=None)

    async def health(self, request: Request) -> Response:
        """Show what is compared with the days before."""
        agent = self._entrance.staff.name(request)
        if agent is None:
            return go(SIGN_IN)

        def look() -> dict[str, Any]:
            return {
                "signals": self._monitor.signals(),
                "state": self._monitor.state(),
                "marks": self._monitor.marks(),
                "confusion": corrections(self._monitor),
            }

        values = await self._does(request, "manage", look)
        return self._show(request, "health.html", agent=agent, here="health", count=ASKED, **values)

    async def texts(self, request: Request) -> Response:
        """Give texts to label as a table, with an empty column for the label."""
        if self._entrance.staff.name(request) is None:
            return go(SIGN_IN)
        found = await self._does(request, "manage", lambda: self._monitor.to_label(ASKED))
        table = io.StringIO()
        rows = csv.writer(table)
        rows.writerow(("text", "label"))
        rows.writerows((_plain(text), "") for text in found)
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="to_label.csv"'}
        return Response(table.getvalue(), media_type="text/csv", headers=headers)


def _plain(text: str) -> str:
    """Keep a table's program from taking a text for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
