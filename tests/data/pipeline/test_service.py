"""Batches of a real service on the loopback, and what is said when it is not there."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfsocial.data.pipeline import service
from tfsocial.errors import InputError
from tfsocial.runs.prepare import prepare
from tfsocial.training import devices
from tfsocial.training.callbacks import guard

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


def test_a_service_that_is_gone_stops_the_step():
    """A step that waits for a batch for ever is cancelled soon after the last answer."""
    port = _free_ports()
    held = [*service.start("localhost", port)]
    address = f"grpc://localhost:{port}"
    batches = iter(service.made_there(tf.data.Dataset.range(10**12).batch(2), address))
    step = tf.function(lambda: next(batches))

    def run() -> None:
        with service.watched(address, lost_s=0.6):
            step()
            held.clear()
            for _ in range(10**6):
                step()

    with pytest.raises(service.Gone, match=rf"{address}: nobody has answered for 1 s"):
        run()


def test_a_run_whose_service_is_gone_stops(tmp_path, monkeypatch):
    """Keras's `fit` lets go as well: from the third step on nobody makes batches."""
    port = _free_ports()
    held = [*service.start("localhost", port)]
    watched, step_ends = service.watched, guard.Guard.on_train_batch_end

    def end(self, batch, logs=None):
        step_ends(self, batch, logs)
        if int(self.model.optimizer.iterations.numpy()) >= 3:
            held.clear()

    monkeypatch.setattr(service, "watched", lambda address: watched(address, lost_s=0.6))
    monkeypatch.setattr(guard.Guard, "on_train_batch_end", end)
    chosen = tiny_run.settings(
        tiny_run.write_moods(tmp_path), f"data.service=grpc://localhost:{port}",
        "training.epochs=100000",
    )  # fmt: skip
    with pytest.raises(service.Gone, match="the run goes on from its last checkpoint"):
        tiny_run.train(chosen, tmp_path / "run")


def test_while_there_are_answers_nothing_is_stopped():
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        listener.listen()
        address = f"grpc://localhost:{listener.getsockname()[1]}"
        with service.watched(address, lost_s=0.3):
            threading.Event().wait(0.8)
            assert int(tf.function(lambda: tf.constant(2) + 1)()) == 3


def test_an_error_of_a_step_s_own_stays():
    """It is not the service's."""
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        listener.listen()
        address = f"grpc://localhost:{listener.getsockname()[1]}"
        with pytest.raises(tf.errors.InvalidArgumentError), service.watched(address):
            tf.debugging.assert_equal(tf.constant(1), 2)


def test_the_watch_ends_with_the_run():
    """Afterwards a service may go."""
    with service.watched("grpc://localhost:1", lost_s=0.6):
        pass
    threading.Event().wait(1.0)
    assert int(tf.function(lambda: tf.constant(2) + 1)()) == 3
