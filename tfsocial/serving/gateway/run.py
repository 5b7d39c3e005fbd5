"""A gateway that answers, until it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import uvicorn

from tfsocial.errors import InputError
from tfsocial.serving.gateway import assemble
from tfsocial.serving.gateway.app import make_admin, make_app
from tfsocial.serving.gateway.application import Application, MakeApplication
from tfsocial.serving.gateway.assemble import Gateway
from tfsocial.serving.gateway.audit.log import AuditLog
from tfsocial.serving.gateway.dialects.asking import Asking
from tfsocial.serving.gateway.elastic.local_scaler import LocalScaler
from tfsocial.serving.gateway.guard import Guard, Seen
from tfsocial.serving.gateway.listener import Listener, Punctual
from tfsocial.serving.gateway.models import Models, ServedModel
from tfsocial.serving.gateway.operators.page import Page
from tfsocial.serving.gateway.settings import TLS, Settings
from tfsocial.serving.gateway.watch import logs

GRACE = 30  # seconds for requests that were taken, after the signal to end
BACKLOG = 2048  # connections that wait for the process to take them


@dataclass(frozen=True)
class Addresses:
    """Where it listens; `grpc` is empty where it does not."""

    callers: str
    operators: str
    grpc: str = ""


@dataclass(frozen=True)
class _Sockets:
    callers: socket.socket
    operators: socket.socket


def serve(
    settings: Settings,
    ready: Callable[[Addresses], None],
    application: MakeApplication | None = None,
) -> None:
    """Answer until SIGINT or SIGTERM; what was taken is answered first.

    Args:
        ready: hears where, when all models answer.
        application: makes what answers beside the models.

    Raises:
        InputError: a file cannot be used, a port is taken, or a model cannot be loaded.
    """
    logs.setup()
    gateway, listen = assemble.make(settings), settings.listen
    sockets = _Sockets(
        _socket("listen.port", listen.host, listen.port),
        _socket("listen.admin_port", listen.admin_host, listen.admin_port),
    )
    asyncio.run(_run(gateway, sockets, ready, application(gateway) if application else None))


async def _run(
    gateway: Gateway,
    sockets: _Sockets,
    ready: Callable[[Addresses], None],
    application: Application | None,
) -> None:
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, ending.set)
    settings, models = gateway.settings, gateway.models
    async with contextlib.AsyncExitStack() as running:
        # What began first ends last: operators see how the rest goes down.
        page = Page(models, gateway.recent, gateway.door.keys)
        admin = make_admin(models, gateway.metrics, page)
        await running.enter_async_context(_http(admin, sockets.operators, settings, None))
        running.callback(gateway.end_spans)
        if gateway.audit is not None:
            running.callback(gateway.audit.close)
            every = settings.audit.every
            await running.enter_async_context(_task(_synced(gateway.audit, every)))
        running.push_async_callback(_unloaded, gateway)
        for model in models:
            chosen = settings.models[model.name]
            await running.enter_async_context(_task(_follow(model, chosen.follow)))
            if chosen.processes_most:
                scaler = LocalScaler(
                    model, chosen.processes, chosen.processes_most, settings.load.batch_tokens
                )
                await running.enter_async_context(_task(scaler.run()))
        if application is not None:
            running.push_async_callback(application.stop)
        rpc = await running.enter_async_context(_grpc(gateway))
        app, tls = _guarded(gateway, application), settings.listen.tls
        await running.enter_async_context(_http(app, sockets.callers, settings, tls))
        at = Addresses(
            _address("https" if tls else "http", sockets.callers),
            _address("http", sockets.operators),
            rpc,
        )
        if await _done_before(asyncio.ensure_future(_loaded(models, application)), ending):
            ready(at)
            await ending.wait()
        models.ending = True
        await asyncio.sleep(settings.load.drain)


@contextlib.asynccontextmanager
async def _http(
    app: Callable, bound: socket.socket, settings: Settings, tls: TLS | None
) -> AsyncIterator[None]:
    """Answer over HTTP; at the end, what was taken is answered."""
    server = _listener(app, settings, tls)
    task = asyncio.create_task(server.serve([bound]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def _grpc(gateway: Gateway) -> AsyncIterator[str]:
    """Answer over gRPC where that is asked for; gives the address."""
    listen, load = gateway.settings.listen, gateway.settings.load
    if listen.grpc_port is None:
        yield ""
        return
    from tfsocial.serving.gateway import grpc_listener
    from tfsocial.serving.gateway.dialects.grpc_calls import GrpcDoor

    door = GrpcDoor(gateway.door, gateway.calls, _seen(gateway))
    async with grpc_listener.answering(door, listen, load, GRACE) as where:
        yield where


@contextlib.asynccontextmanager
async def _task(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()


async def _loaded(models: Models, application: Application | None) -> None:
    await asyncio.gather(*(model.load() for model in models))
    if application is not None:
        await application.start()


async def _unloaded(gateway: Gateway) -> None:
    await asyncio.gather(*(model.unload() for model in gateway.models))


async def _done_before(work: asyncio.Future, ending: asyncio.Event) -> bool:
    """Wait for some work; False if the end came first."""
    ended = asyncio.create_task(ending.wait())
    await asyncio.wait([work, ended], return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if not work.done():
        work.cancel()
        return False
    work.result()  # raises what it ended with
    return True


async def _follow(model: ServedModel, seconds: float) -> None:
    while seconds:
        await asyncio.sleep(seconds)
        await model.follow()


async def _synced(audit: AuditLog, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(audit.sync)


def _guarded(gateway: Gateway, application: Application | None) -> Guard:
    load = gateway.settings.load
    app = make_app(Asking(gateway.calls), application.routes if application else ())
    pages = {"visitor": application.visitor} if application else {}
    return Guard(
        app, gateway.door, load.bytes, load.arrival, _seen(gateway), gateway.spans, **pages
    )


def _seen(gateway: Gateway) -> Callable[[Seen], None]:
    def seen(request: Seen) -> None:
        gateway.metrics.seen(request)
        gateway.recent.seen(request)
        logs.seen(request)

    return seen


def _listener(app: Callable, settings: Settings, tls: TLS | None) -> Listener:
    config = uvicorn.Config(
        app,
        http=Punctual,
        loop="none",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=settings.load.connections,
        timeout_graceful_shutdown=GRACE,
        backlog=BACKLOG,
        **_certificates(tls),
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"listen.tls: cannot be used ({error})") from None
    return Listener(config)


def _certificates(tls: TLS | None) -> dict[str, Any]:
    if tls is None:
        return {}
    own = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
    if tls.callers is None:
        return own
    return {**own, "ssl_ca_certs": str(tls.callers), "ssl_cert_reqs": ssl.CERT_REQUIRED}


def _socket(key: str, host: str, port: int) -> socket.socket:
    """Take a port.

    Raises:
        InputError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # asyncio does it for sockets that it makes itself. Without it the body of an answer waits
        # 40 ms for the client to acknowledge the headers: Nagle's algorithm and delayed ACKs.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return bound
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{key}: {host}:{port} cannot be used ({reason}); name another") from None


def _address(scheme: str, bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
