"""Customer service as an application behind the gateway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tfsocial.apps.does import Does
from tfsocial.apps.events import EventLog
from tfsocial.apps.live import Live
from tfsocial.apps.model import Model
from tfsocial.apps.support import pages, reads
from tfsocial.apps.support.endpoints import Endpoints
from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.pages.entrance import Entrance
from tfsocial.apps.support.records import Rules
from tfsocial.apps.support.retrieval import fit_by_script
from tfsocial.apps.support.service import Support
from tfsocial.serving.gateway.access import keys
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.assemble import Gateway
from tfsocial.serving.gateway.masking import mask

Asked = Sequence[tuple[str, str]]  # questions whose answers are known: text, id


class SupportApplication:
    """Answers customers.

    Args:
        faqs: made live at the start, beside what the database has.
        asked: what its ranking is fitted on; empty: it is as it comes.
        said: hears what the fit came to.
    """

    def __init__(
        self,
        gateway: Gateway,
        name: str,
        engine: Engine,
        faqs: Sequence[Faq],
        asked: Asked,
        rules: Rules,
        said: Callable[[str], object],
    ):
        self._faqs, self._asked, self._said = faqs, asked, said
        self._engine = engine
        self._model = Model(gateway.calls, name)
        self._support = Support(engine, partial(reads.read, self._model), rules=rules)
        self._live = Live(EventLog(engine), lambda: gateway.models.ending)
        masks = gateway.models[name].masks
        masked = (lambda text: mask(text).text) if masks else str
        secret = keys.read_secret(gateway.settings.access.secret)
        self._entrance, does = Entrance(secret, gateway.door, name), Does(name)
        self.routes = [
            *Endpoints(self._support, masked, does).router.routes,
            *pages.routes(self._support, self._entrance, does, self._live, masked),
        ]

    def visitor(self, request: Request) -> Caller | None:
        """Tell who comes to a page without a key; see `Entrance`."""
        return self._entrance(request)

    async def start(self) -> None:
        """Read what is known, and fit the ranking."""
        self._model.start()
        await run_in_threadpool(self._prepare)
        self._live.start()

    async def stop(self) -> None:
        """Let the database go."""
        await self._live.stop()
        await run_in_threadpool(self._support.knowledge.stop)
        self._engine.dispose()

    def _prepare(self) -> None:
        support = self._support
        support.knowledge.put(self._faqs)
        count = len(support.knowledge.index)
        if self._asked:
            support.rankings = fit_by_script(
                support.knowledge.index,
                support.queries([text for text, _ in self._asked]),
                [right for _, right in self._asked],
            )
        support.knowledge.follow()
        self._said(f"{count} questions are known; {support.rankings}")
