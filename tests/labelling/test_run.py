"""The page as a server: what it leaves when it is asked to end."""

from __future__ import annotations

import csv
import os
import signal
import threading

import pytest

from tests.labelling.conftest import label_next
from tfsocial.labelling import run


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_file_has_all_labels_when_the_server_is_asked_to_end(opened, how):
    """Also those given since the file was last written, at most a second before."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it
    session = opened(started=False)

    def label_and_end() -> None:
        for _ in range(5):
            label_next(session)
        os.kill(os.getpid(), how)

    def ready(_: str) -> None:
        threading.Timer(0.5, label_and_end).start()

    try:
        with pytest.raises(KeyboardInterrupt):
            run.serve(session, "127.0.0.1", 0, ready)
    finally:
        signal.signal(signal.SIGINT, before)
    with session.asked.output.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 5


def test_a_taken_port_is_named(opened):
    import socket

    from tfsocial.errors import InputError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"--port={port}"):
            run.serve(opened(started=False), "127.0.0.1", port)
