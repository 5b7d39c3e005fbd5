"""A file of texts on three things, and sessions on it; vectors are set by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny_run

from tfsocial.labelling import texts as reading
from tfsocial.labelling.asked import Asked
from tfsocial.labelling.session import Session

THINGS = ("card", "flight", "pizza")
EACH = 9
# No two of them near each other in letters.
WORDS = ("amber", "bison", "cedar", "delta", "ember", "fjord", "gravel", "hazel", "ivory")
TEXTS = [f"{word} {thing} {word[::-1]}" for word in WORDS for thing in THINGS]


def thing(text: str) -> str:
    """What a text is about: its label."""
    return text.split()[1]


@pytest.fixture
def data(tmp_path) -> Path:
    rows = [(number, text) for number, text in enumerate(TEXTS)]
    return tiny_run.write_csv(tmp_path / "texts.csv", ("id", "text"), rows)


def vectors_of(texts: reading.Texts) -> np.ndarray:
    """Three heaps, one a thing."""
    random = np.random.default_rng(0)
    centres = np.eye(8)[[THINGS.index(thing(text)) for (text,) in texts.texts]]
    vectors = centres + 0.1 * random.normal(size=centres.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


@pytest.fixture
def opened(data, tmp_path) -> Iterator[Callable[..., Session]]:
    """Opens sessions on the file; none trains unless it is told to."""
    open_ones: list[Session] = []

    def opens(**asked) -> Session:
        asked = {"retrain": False, **asked}
        started = asked.pop("started", True)
        chosen = Asked(asked.pop("data", data), tmp_path / "labels.csv", **asked)
        texts = reading.read(chosen.data, chosen.text, chosen.label)
        session = Session(chosen, texts, vectors_of(texts), "cpu")
        if started:
            session.start()
        open_ones.append(session)
        return session

    yield opens
    for session in open_ones:
        session.stop()


def label_next(session: Session, annotator: str = "ann") -> str:
    """Give the text that is asked about its label; its key."""
    key = session.next_text(annotator)
    assert key is not None
    (text,) = session.texts.texts[session.texts.place[key]]
    session.do(annotator, "label", key, thing(text), f"{annotator}-{key}")
    return key
