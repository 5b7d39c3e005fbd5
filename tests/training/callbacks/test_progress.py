"""What a run tells of how far it is."""

from __future__ import annotations

import io
import logging
import sys

from tfsocial.metrics.scorer import MONITORED
from tfsocial.training.callbacks import progress as progress_module
from tfsocial.training.callbacks.progress import Progress


class Terminal(io.StringIO):
    """A stderr that somebody looks at."""

    def isatty(self) -> bool:
        return True


def play_progress(epochs: int) -> None:
    """Two steps of 8 examples an epoch, and a dev score."""
    progress = Progress(steps=2 * epochs, epochs=epochs, monitor="accuracy")
    for epoch in range(epochs):
        progress.on_epoch_begin(epoch)
        for batch in range(2):
            progress.on_train_batch_end(batch, {"loss": 0.75, "examples": 8.0})
        logs = {"loss": 0.75, "padding_share": 0.25, MONITORED: 0.5 + epoch / 4}
        progress.on_epoch_end(epoch, logs)
    progress.on_train_end()


def test_without_a_terminal_there_is_one_line_an_epoch(capsys, caplog, monkeypatch):
    """A log file is not filled with bars: epoch, loss, dev score, speed, padding."""
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(progress_module.time, "perf_counter", lambda: float(next(clock)))
    with caplog.at_level(logging.INFO, logger=progress_module.__name__):
        play_progress(epochs=2)
    assert capsys.readouterr() == ("", "")
    # 16 examples; the clock moves 4 s a look: begin, two steps, end.
    assert [record.getMessage() for record in caplog.records] == [
        "epoch 1/2: loss 0.7500, dev accuracy 0.5000, 1 examples/s, padding 25.0 %",
        "epoch 2/2: loss 0.7500, dev accuracy 0.7500, 1 examples/s, padding 25.0 %",
    ]


def test_on_a_terminal_there_is_a_bar(monkeypatch, caplog):
    """Epoch, loss, the last dev score and the speed stand beside it; no lines below it."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with caplog.at_level(logging.INFO, logger=progress_module.__name__):
        play_progress(epochs=2)
    assert caplog.records == []
    shown = screen.getvalue().split("\r")[-1]
    assert "epoch 2/2" in shown
    assert "4/4" in shown
    assert "examples/s" in shown
