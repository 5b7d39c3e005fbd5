"""Batches of a real service on the loopback, and what is said when it is not there."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfsocial.config import InputError
from tfsocial.data import service
from tfsocial.training import devices
from tfsocial.training.prepare import prepare

AUGMENT = "data.augment=[{word_drop: {rate: 0.3}}, {token_mask: {rate: 0.3}}]"


@pytest.fixture(scope="module")
def address():
    """Of a service, as the command `data-service` starts it."""
    port = _free_ports()
    held = service.start("localhost", port)
    yield f"grpc://localhost:{port}"
    del held


def _free_ports() -> int:
    """A port that is free, like the one after it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("localhost", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("localhost", port + 1))
            except OSError:
                continue
            return port


@pytest.mark.parametrize("given", [[], [AUGMENT]], ids=["plain", "augmented"])
def test_batches_are_those_made_here(tmp_path, address, given):
    """In the same order, from any batch on."""
    moods = tiny_run.write_moods(tmp_path)

    def made(*more: str) -> list[dict[str, tf.Tensor]]:
        chosen = tiny_run.settings(moods, *given, *more)
        ready = prepare(chosen, tmp_path, devices.choose("cpu", chosen.training))
        return [*ready.training_batches(done=3).take(12)]

    for here, there in zip(made(), made(f"data.service={address}"), strict=True):
        assert here.keys() == there.keys()
        assert all(np.array_equal(here[key], there[key]) for key in here)


def test_a_port_that_is_taken():
    """One sentence names it."""
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"--port={port}: no service can listen there"):
            service.start("localhost", port)


@pytest.mark.parametrize("wrong", ["grpc://localhost:1", "localhost", "grpc://localhost:x"])
def test_nobody_listens(wrong, tmp_path):
    """Said before anything is read."""
    chosen = tiny_run.settings(tiny_run.write_moods(tmp_path), f"data.service={wrong}")
    with pytest.raises(InputError, match=rf"data\.service={wrong}: nobody listens there"):
        prepare(chosen, tmp_path, devices.choose("cpu", chosen.training))


def test_a_service_that_is_gone_is_noticed():
    """Left after six questions without an answer; not while there are answers."""
    said, left = [], threading.Event()

    def leave(sentence: str) -> None:
        said.append(sentence)
        left.set()

    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        listener.listen()
        address = f"grpc://localhost:{listener.getsockname()[1]}"
        with service.watched(address, lost_s=0.3, leave=leave):
            assert not left.wait(1.0)
            listener.close()
            assert left.wait(10)
    assert len(said) == 1
    assert "nobody has answered" in said[0]


def test_the_watch_ends_with_the_run():
    """Afterwards a service may go."""
    said = []
    with service.watched("grpc://localhost:1", lost_s=0.6, leave=said.append):
        pass
    assert not threading.Event().wait(1.0)
    assert said == []
