"""From a file of texts to a page that is open."""

from __future__ import annotations

import logging
from collections.abc import Callable
from socket import IPPROTO_TCP, TCP_NODELAY

import uvicorn

from tfsocial.errors import InputError
from tfsocial.labelling import texts as reading
from tfsocial.labelling.app import make_app
from tfsocial.labelling.asked import Asked
from tfsocial.labelling.door import new_token
from tfsocial.labelling.session import Session
from tfsocial.selection import vectors
from tfsocial.selection.readers import reader
from tfsocial.tuning.training_process import stopped_by_sigterm
from tfsocial.web.policy import is_loopback

log = logging.getLogger(__name__)


def open_session(asked: Asked, device: str = "auto") -> Session:
    """Read the texts and what was done with them before.

    Raises:
        InputError: see `Asked`, `read_pool` and `EventLog`.
    """
    texts = reading.read(asked.data, asked.text, asked.label)
    if texts.repeated or texts.unreadable:
        log.warning(
            "%s: %d rows repeat an earlier text and %d have none; nobody is asked about them",
            *(asked.data, texts.repeated, texts.unreadable),
        )
    read = reader(asked.model, asked.m0)
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    numbers = vectors.numbers(texts.texts, read, asked.output.parent / "vectors")
    hidden = numbers.shape[1] - sum(spec.width for spec in read.tasks.values())
    return Session(asked, texts, numbers[:, :hidden], device)


def serve(
    session: Session, host: str, port: int, ready: Callable[[str], None] = log.warning
) -> None:
    """Answer browsers until SIGINT or SIGTERM; what there is then is written.

    Args:
        ready: hears the address.

    Raises:
        InputError: the port is taken.
        KeyboardInterrupt: it was asked to end, and has.
    """
    token = None if is_loopback(host) else new_token()
    config = uvicorn.Config(
        make_app(session, token), host, port, log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    try:
        socket = config.bind_socket()
    except SystemExit:
        raise InputError(f"--port={port}: cannot be used on {host}; name another") from None
    # asyncio does it for sockets that it makes itself; see the gateway's.
    socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    named = f"http://{host}:{socket.getsockname()[1]}/"
    session.start()
    ready(f"{named}?token={token}" if token else named)
    try:
        # uvicorn ends in good order and then raises the signal once more, as if it had not been
        # there: SIGTERM would end this process before the session does.
        with stopped_by_sigterm():
            server.run([socket])
    finally:
        session.stop()
