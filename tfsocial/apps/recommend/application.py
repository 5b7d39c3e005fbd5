"""The recommender as an application behind the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tfsocial.apps.does import Does
from tfsocial.apps.events import Event
from tfsocial.apps.model import Model
from tfsocial.apps.recommend import pages, reads
from tfsocial.apps.recommend.endpoints import Endpoints
from tfsocial.apps.recommend.items import Item
from tfsocial.apps.recommend.pages.entrance import Entrance
from tfsocial.apps.recommend.records import Rules
from tfsocial.apps.recommend.running import Running
from tfsocial.apps.recommend.service import Recommender
from tfsocial.serving.gateway.access import keys
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.assemble import Gateway
from tfsocial.serving.gateway.problems import Problem


class RecommendApplication:
    """Recommends.

    Args:
        folder: of the rankings.
        items, deeds: taken up at the start, beside what the database has.
        fits: command that fits a ranking.
        said: hears what is known, and how fits went.
    """

    def __init__(
        self,
        gateway: Gateway,
        name: str,
        engine: Engine,
        folder: Path,
        rules: Rules,
        items: Sequence[Item],
        deeds: Sequence[Event],
        fits: Sequence[str],
        said: Callable[[str], object],
    ):
        self._gateway, self._name, self._engine = gateway, name, engine
        self._items, self._deeds, self._said = items, deeds, said
        self._model: Model | None = None
        self._recommender = recommender = Recommender(engine, folder, self._embed, rules)
        self._running = Running(recommender, fits, said)
        secret = keys.read_secret(gateway.settings.access.secret)
        self._entrance, does = Entrance(secret, gateway.door, name), Does(name)
        self.routes = [
            *pages.routes(recommender, self._entrance, does, self._running.fit),
            *Endpoints(recommender, does, self._running.fit).router.routes,
        ]

    def visitor(self, request: Request) -> Caller | None:
        """Tell who comes to a page without a key; see `Entrance`."""
        return self._entrance(request)

    async def start(self) -> None:
        """Take up what is known, and read the items' texts."""
        self._model = Model(self._gateway.calls, self._name, asyncio.get_running_loop())
        await run_in_threadpool(self._prepare)
        self._running.start()

    async def stop(self) -> None:
        """Let the database go."""
        await run_in_threadpool(self._running.stop)
        self._engine.dispose()

    def _prepare(self) -> None:
        self._recommender.add(self._deeds)
        self._recommender.put(self._items)
        state = self._recommender.state()
        self._said(
            f"{state.items} items and {state.deeds} deeds are known; ranking: "
            f"{state.ranking or 'none yet, by texts and sales until one is fitted'}"
        )

    def _embed(self, texts: Sequence[str]) -> tuple[str, np.ndarray]:
        if self._model is None:
            raise Problem("overloaded", "it is about to start; ask again in a moment", 1.0)
        return reads.embed(self._model, texts)
