"""A model that goes by words, and texts whose counts are known by hand."""

from __future__ import annotations

import random

from tfsocial.apps.events import Event
from tfsocial.apps.monitor.opinions import STREAM
from tfsocial.apps.monitor.records import Labelled, Read

TOPICS = ("bank", "car")
WORDS = ("river", "stone", "green", "seven", "paper", "cloud", "north", "music", "table", "honey")


def reader(version: str = "1-a"):
    """Texts with `bad` in them are negative; what each version calls the others differs."""

    def read(texts) -> Read:
        other = "neutral" if version == "1-a" else "positive"
        said = [Labelled("negative" if "bad" in text.lower() else other, 0.9) for text in texts]
        return Read(version, said)

    return read


def text(draw: random.Random, bad: bool = False) -> str:
    """Eight words of ten: hardly two are copies."""
    return " ".join([*draw.choices(WORDS, k=8), f"{draw.random():.9f}", "bad" if bad else "fine"])


def event(key: str, at: float, text: str, topic: str = "bank", **more) -> Event:
    person = more.pop("person", "")
    return Event(STREAM, key, at, {"text": text, "topic": topic, **more}, person)


def quiet(now: float, days: int = 8, a_day: int = 48, topics=TOPICS, seed: int = 0) -> list[Event]:
    """Texts at even distances up to a time, of which each fourth is negative."""
    draw, gap = random.Random(seed), 86_400 / a_day
    found = []
    for topic in topics:
        for place in range(days * a_day):
            at = now - (place + 1) * gap
            said = text(draw, bad=place % 4 == 0)
            found.append(event(f"{topic} {place}", at, said, topic, source="wire"))
    return sorted(found, key=lambda one: one.happened)


def surge(now: float, count: int = 40, hours: float = 2.0, topic: str = "bank", **more):
    """Negative texts by different people up to a time."""
    draw, gap = random.Random(9), hours * 3600 / count
    return [
        event(
            f"s{place}", now - place * gap, text(draw, bad=True), topic, person=f"p{place}", **more
        )
        for place in range(count)
    ]
