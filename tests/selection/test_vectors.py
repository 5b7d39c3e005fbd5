"""Numbers of texts are computed once, also when the computing is broken off."""

from __future__ import annotations

import numpy as np
import pytest

from tfsocial.selection import vectors

TEXTS = [(f"text {number}",) for number in range(10)]


class Counting:
    """Gives each text its number; stops after so many."""

    tasks = {}  # noqa: RUF012

    def __init__(self, key: str = "a", stops_at: int = 99):
        self.key, self.stops_at, self.read = key, stops_at, []

    def __call__(self, texts):
        if len(self.read) >= self.stops_at:
            raise KeyboardInterrupt
        self.read += texts
        return np.array([[float(text[5:]), 1.0] for (text,) in texts], np.float32)


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch):
    monkeypatch.setattr(vectors, "AT_ONCE", 4)


def test_who_is_stopped_goes_on_there(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        vectors.numbers(TEXTS, Counting(stops_at=8), tmp_path)
    again = Counting()
    found = vectors.numbers(TEXTS, again, tmp_path)
    assert again.read == TEXTS[8:]
    assert found[:, 0].tolist() == list(range(10))
    third = Counting()
    vectors.numbers(TEXTS, third, tmp_path)
    assert third.read == []


def test_other_texts_or_another_reader_share_nothing(tmp_path):
    vectors.numbers(TEXTS, Counting(), tmp_path)
    for texts, key in ((TEXTS[:9], "a"), (TEXTS, "b")):
        other = Counting(key)
        vectors.numbers(texts, other, tmp_path)
        assert other.read == texts
