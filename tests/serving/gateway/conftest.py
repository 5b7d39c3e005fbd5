"""Gateways: one in this process before a model of letters, one as a user starts it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from gateways import Served, start
from letters import Letters

from tfsocial.serving.gateway import assemble, settings
from tfsocial.serving.gateway.access import keys
from tfsocial.serving.gateway.app import make_app
from tfsocial.serving.gateway.assemble import Gateway
from tfsocial.serving.gateway.dialects.asking import Asking
from tfsocial.serving.gateway.guard import Guard, Seen
from tfsocial.serving.gateway.load.batcher import Batcher, Limits
from tfsocial.serving.gateway.version import Version


@dataclass
class House:
    """A gateway in this process, with what it told of its requests."""

    gateway: Gateway
    guard: Guard
    seen: list[Seen]
    folder: Path
    backend: Letters

    def key(self, tenant: str = "acme", **more) -> dict[str, str]:
        """Headers with a new key."""
        path, secret = self.folder / "keys.jsonl", (self.folder / "secret").read_bytes().strip()
        key, kept = keys.new(secret, tenant, **more)
        keys.write(path, {**keys.read(path), kept.prefix: kept})
        return {"Authorization": f"Bearer {key}"}

    def ask(self, *requests: tuple) -> list[httpx.Response]:
        """Answer requests (method, path, options) at the same time."""

        async def all_of_them():
            transport = httpx.ASGITransport(self.guard)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                asked = (client.request(*one[:2], **one[2]) for one in requests)
                return await asyncio.gather(*asked)

        return asyncio.run(all_of_them())

    def post(self, path: str, values: object, headers: dict[str, str]) -> httpx.Response:
        (response,) = self.ask(("POST", path, {"json": values, "headers": headers}))
        return response

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        (response,) = self.ask(("GET", path, {"headers": headers or {}}))
        return response


@pytest.fixture
def house(tmp_path) -> Callable[..., House]:
    """Makes gateways before a model of letters, called mood; options are sections of settings."""

    def made(backend: Letters | None = None, mask: bool = False, **sections) -> House:
        values = {
            "models": {"mood": {"folder": "letters", "mask": mask}},
            "access": {"keys": tmp_path / "keys.jsonl", "secret": tmp_path / "secret"},
            **sections,
        }
        chosen = settings.of_values(values, "test")
        gateway = assemble.make(chosen)
        found, seen = backend or Letters(), []
        load = chosen.load
        # A loop of its own for each call of `ask`: nothing of it lives on between two.
        batcher = Batcher(found, Limits(load.batch_tokens, load.queue_tokens))
        gateway.models["mood"].current = Version(7, "0" * 64, found, batcher)
        app = make_app(Asking(gateway.calls))
        guard = Guard(app, gateway.door, load.bytes, load.arrival, seen.append, gateway.spans)
        return House(gateway, guard, seen, tmp_path, found)

    return made


@pytest.fixture
def serve(tmp_path) -> Iterator[Callable[..., Served]]:
    """Starts gateways; ends those that a test has left."""
    started: list[Served] = []

    def one(*flags: str, state: Path | None = None) -> Served:
        started.append(start(state or tmp_path / "state", *flags))
        return started[-1]

    yield one
    for served in started:
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait()
