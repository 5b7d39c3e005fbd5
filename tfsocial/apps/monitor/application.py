"""The opinion monitor as an application behind the gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tfsocial.apps.does import Does
from tfsocial.apps.events import Event
from tfsocial.apps.live import Live
from tfsocial.apps.model import Model
from tfsocial.apps.monitor import contents, pages, reads
from tfsocial.apps.monitor.delivery import Deliveries, Target
from tfsocial.apps.monitor.endpoints import Endpoints
from tfsocial.apps.monitor.fits import FitsAside
from tfsocial.apps.monitor.numbers import Numbers
from tfsocial.apps.monitor.pages.board import LOOKS
from tfsocial.apps.monitor.pages.entrance import Entrance
from tfsocial.apps.monitor.records import Rules
from tfsocial.apps.monitor.running import Running
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.telling import message
from tfsocial.apps.monitor.topics import Topics
from tfsocial.apps.sources.contract import Source
from tfsocial.serving.gateway.access import keys
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.assemble import Gateway
from tfsocial.serving.gateway.masking import mask


class MonitorApplication:
    """Watches opinions.

    Args:
        topics: tells what texts are about.
        sources: that texts are read from, beside what callers send.
        targets: that alarms are sent to.
        known: texts whose sentiment is known.
    """

    def __init__(
        self,
        gateway: Gateway,
        name: str,
        engine: Engine,
        topics: Topics,
        rules: Rules,
        sources: Sequence[Source],
        targets: Sequence[Target],
        known: Sequence[tuple[str, str]],
        said: Callable[[str], object],
    ):
        self._gateway, self._name, self._engine, self._said = gateway, name, engine, said
        self._negative = rules.negative
        self._model = Model(gateway.calls, name)
        fits = FitsAside()
        read = partial(reads.read, self._model, rules.negative)
        ask = partial(reads.ask, self._model, rules.negative)
        masks = gateway.models[name].masks

        def kept(event: Event) -> Event:
            if not masks:
                return event
            return replace(event, content=contents.masked(event.content, _masked))

        self._monitor = monitor = Monitor(engine, read, topics, rules, ask, known, fits)
        deliveries = Deliveries(engine, targets, lambda event: message(monitor, event))
        self._running = Running(monitor, deliveries, sources, kept, fits.stop)
        self._live = Live(monitor.log, lambda: gateway.models.ending)
        monitor.looked = partial(self._live.tell, LOOKS)
        secret = keys.read_secret(gateway.settings.access.secret)
        self._entrance, does = Entrance(secret, gateway.door, name), Does(name)
        gateway.metrics.registry.register(Numbers(monitor))
        self.routes = [
            *pages.routes(monitor, self._entrance, does, self._live),
            *Endpoints(monitor, kept, does, self._running.wake).router.routes,
        ]

    def visitor(self, request: Request) -> Caller | None:
        """Tell who comes to a page without a key; see `Entrance`."""
        return self._entrance(request)

    async def start(self) -> None:
        """Find out which version of the model answers, and begin to read."""
        reads.Tasks.of(self._gateway.models[self._name].version().manifest, self._negative)
        self._model.start()
        self._running.start()
        self._live.start()
        self._said("texts are read and labelled from now on")

    async def stop(self) -> None:
        """Let the database go."""
        await self._live.stop()
        await run_in_threadpool(self._running.stop)
        self._engine.dispose()


def _masked(text: str) -> str:
    return mask(text).text
