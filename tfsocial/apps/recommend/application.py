"""The recommender as an application behind the gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

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
        self._engine, self._said = engine, said
        self._items, self._deeds = items, deeds
        self._model = Model(gateway.calls, name)
        embed = partial(reads.embed, self._model)
        self._recommender = recommender = Recommender(engine, folder, embed, rules)
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
        self._model.start()
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
