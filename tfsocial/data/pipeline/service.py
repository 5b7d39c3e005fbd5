"""Batches made on another machine, by the tf.data service.

Audibert et al. (2023), tf.data service: A Case for Disaggregating ML Input Data Processing,
arXiv:2210.14826.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.python.eager.cancellation import CancellationManager, CancellationManagerContext

from tfsocial.errors import InputError

SCHEME = "grpc://"
PATIENCE_S = 10.0  # for one answer
LOST_S = 60.0  # without any


def start(host: str, port: int) -> tuple[Any, Any]:
    """Start a dispatcher on `port` and its worker on the port after it; they live while held.

    One worker, so that batches come in their order, each once: several would each make all.

    Args:
        host: by which trainers reach this machine.

    Raises:
        InputError: a port is taken.
    """
    service = tf.data.experimental.service
    try:
        dispatcher = service.DispatchServer(service.DispatcherConfig(port=port))
        worker = service.WorkerServer(
            service.WorkerConfig(
                dispatcher_address=f"localhost:{port}",
                worker_address=f"{host}:{port + 1}",
                port=port + 1,
            )
        )
    except (RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"--port={port}: no service can listen there and on {port + 1} ({error}); give another"
        ) from None
    return dispatcher, worker


def check(address: str) -> None:
    """Check that somebody listens.

    Raises:
        InputError: nobody does, or it is no address.
    """
    reason = _silent(address)
    if reason:
        raise InputError(
            f"data.service={address}: nobody listens there ({reason}); start "
            "`python -m tfsocial data-service` on the machine that shall make the batches, and "
            f"give {SCHEME}HOST:PORT"
        )


def _silent(address: str) -> Exception | None:
    """Return why there is no connection, or None."""
    host, _, port = address.removeprefix(SCHEME).rpartition(":")
    try:
        socket.create_connection((host, int(port)), PATIENCE_S).close()
    except (OSError, ValueError) as error:
        return error
    return None


class Gone(RuntimeError):
    """The service has been silent for too long; the message says how to go on."""


@contextmanager
def watched(address: str | None, lost_s: float = LOST_S) -> Iterator[None]:
    """Stop what runs inside when the service that it reads from has been silent for so long.

    TensorFlow would ask it again for ever, deep in a step that nothing interrupts: so the step
    itself is cancelled, from beside it.

    Raises:
        Gone: nobody has answered for `lost_s` seconds.
    """
    if not address:
        yield
        return
    step, done, lost = CancellationManager(), threading.Event(), threading.Event()
    arguments = (address, lost_s, step, done, lost)
    threading.Thread(target=_watch, args=arguments, daemon=True).start()
    try:
        with CancellationManagerContext(step):
            yield
    except tf.errors.OpError:
        if not lost.is_set():
            raise
        raise Gone(
            f"data.service={address}: nobody has answered for {lost_s:.0f} s; start it again, then "
            "this command: the run goes on from its last checkpoint"
        ) from None
    finally:
        done.set()


def _watch(
    address: str,
    lost_s: float,
    step: CancellationManager,
    done: threading.Event,
    lost: threading.Event,
) -> None:
    """Cancel the step after six questions without an answer."""
    asked, silent = lost_s / 6, 0
    while not done.wait(asked) and silent < 6:
        silent = silent + 1 if _silent(address) else 0
    if not done.is_set():
        lost.set()
        step.start_cancel()


def made_there(batches: tf.data.Dataset, address: str) -> tf.data.Dataset:
    """Let the service's worker make the same batches in the same order.

    Its graph is sent there, with the texts or tokens of train in it: less than 2 GB.
    """
    service = tf.data.experimental.service
    everything = service.ShardingPolicy.OFF
    return batches.apply(service.distribute(everything, SCHEME + address.removeprefix(SCHEME)))
