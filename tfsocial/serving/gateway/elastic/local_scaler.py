"""More processes of a model on this machine while much waits for it, and fewer after.

It goes by the rule of Kubernetes' autoscaler, and looks every second where that looks every
fifteen: a process is there in seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time

from tfsocial.errors import InputError
from tfsocial.serving.gateway.backends.worker import WorkerBackend
from tfsocial.serving.gateway.elastic.hpa import Autoscaler, Behavior, Policy, Rules
from tfsocial.serving.gateway.models import ServedModel
from tfsocial.serving.gateway.version import Version

log = logging.getLogger(__name__)

PERIOD = 1.0  # seconds between two looks
SHARE = 0.25  # of a batch's tokens, in the line and with the model: what each process should have
# Three looks in a row must ask for one more; a minute of them for one less.
UP = Rules(3.0, (Policy("pods", 1, 2.0),))
DOWN = Rules(60.0, (Policy("pods", 1, 10.0),))
FAILED = 60.0  # seconds after a process that could not load the model


class LocalScaler:
    """Looks at what waits for a model, and starts or ends processes.

    Args:
        model: whose versions run in processes of this machine; others are left as they are.
        least, most: processes.
        batch_tokens: of a batch at the most.
        period: seconds between two looks.
        up, down: how it is held back; see `hpa.Rules`.
    """

    def __init__(
        self,
        model: ServedModel,
        least: int,
        most: int,
        batch_tokens: int,
        period: float = PERIOD,
        up: Rules = UP,
        down: Rules = DOWN,
    ):
        self._model, self._period = model, period
        self._rule = Autoscaler([SHARE * batch_tokens], Behavior(least, most, up, down))
        self._version: Version | None = None
        self._processes = least
        self._not_before = 0.0

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._period)
            await self.look(time.monotonic())

    async def look(self, now: float) -> None:
        """Look once, and have as many processes as the rule says.

        Args:
            now: seconds, of a clock that does not go back.
        """
        version = self._model.current
        if version is None or now < self._not_before:
            return
        backend = version.backend
        if not isinstance(backend, WorkerBackend):
            return
        wanted = self._wanted(now, version, backend)
        if wanted == backend.slots:
            return
        try:
            await backend.scale(wanted)
        except InputError as error:
            self._not_before = now + FAILED
            log.error("model %s: stays at %d processes: %s", self._model.name, backend.slots, error)
            return
        version.batcher.resized()
        log.warning("model %s: %d processes now", self._model.name, backend.slots)

    def _wanted(self, now: float, version: Version, backend: WorkerBackend) -> int:
        if version is not self._version:  # a new one begins with as many as the one before had
            carried = max(backend.slots, self._processes)
            self._version = version
            return carried
        tokens = version.batcher.waiting_tokens + version.batcher.busy_tokens
        each = [tokens / backend.slots] * backend.slots
        self._processes = self._rule(now, [each], backend.slots)
        return self._processes
