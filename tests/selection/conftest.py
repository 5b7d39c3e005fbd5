"""A pool of texts about three things, and a tiny model that knows two moods."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import tiny_run

from tfsocial.selection import readers

ABOUT = {
    "card": ("my bank card was stolen", "the card machine kept my card", "a new card please"),
    "flight": ("my flight to Rome is late", "which gate does the plane leave from", "lost luggage"),
    "pizza": ("a large pizza with cheese", "is the pizza vegetarian", "how long to bake dough"),
}
POOL = [(text, label) for label, texts in ABOUT.items() for text in texts]


_of_checkpoint = functools.cache(readers.CheckpointReader)


@pytest.fixture(autouse=True)
def _m0_is_loaded_once(monkeypatch):
    """Nobody changes it, and loading it takes longer than reading the texts here."""
    monkeypatch.setattr(readers, "CheckpointReader", _of_checkpoint)


@pytest.fixture
def pool(tmp_path) -> Path:
    """Nine texts without labels, and a number each."""
    rows = [(number, text) for number, (text, _) in enumerate(POOL)]
    return tiny_run.write_csv(tmp_path / "pool.csv", ("id", "text"), rows)


@pytest.fixture
def labelled(tmp_path) -> Path:
    """The first text of each thing."""
    rows = [(texts[0], label) for label, texts in ABOUT.items()]
    return tiny_run.write_csv(tmp_path / "labelled.csv", ("text", "topic"), rows)


@pytest.fixture(scope="session")
def moods(tmp_path_factory) -> Path:
    """A tiny run."""
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    return tiny_run.train(tiny_run.settings(folder), folder / "run").workdir
