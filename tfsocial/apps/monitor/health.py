"""Whether texts still are what the model was made for, without labels; and what to label next."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection

from tfsocial.apps.events import EVENTS
from tfsocial.apps.monitor.opinions import OPINIONS, text_in
from tfsocial.apps.monitor.records import DAY
from tfsocial.apps.monitor.scripts import is_unspaced
from tfsocial.selection.contract import Candidates
from tfsocial.selection.strategies.badge import Badge

DAYS = 14  # that are compared
LEAST_DAYS, LEAST_TEXTS = 4, 20  # before anything is said: days, and texts of a day
MOST = 1_000  # texts of a day that are read
POOL = 1_000  # texts among which those to label are chosen
OUT = 3.0  # standard deviations
_WORD = re.compile(r"[^\W\d_]+")

Ask = Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Signal:
    """Something that is compared between the last day and those before.

    Attributes:
        name: confidence (mean probability of the label), or vocabulary (share of words that did
            not occur in the days before).
        value, usual: of the last day, and the mean of the days before.
        least, most: what days like those are between.
    """

    name: str
    value: float
    usual: float
    least: float
    most: float

    @property
    def drifted(self) -> bool:
        """Whether the last day is out of the usual."""
        return not self.least <= self.value <= self.most


def signals(connection: Connection, version: str, now: float) -> list[Signal]:
    """Compare the last day with the two weeks before; nothing where these are too short."""
    days = [_day(connection, version, now - (age + 1) * DAY) for age in range(DAYS)]
    while days and len(days[-1]) < LEAST_TEXTS:
        days.pop()
    if len(days) < LEAST_DAYS + 1 or len(days[0]) < LEAST_TEXTS:
        return []
    confidence = [float(np.mean([probability for _, probability in day])) for day in days if day]
    unseen = _unseen([[words(text) for text, _ in day] for day in days])
    found = [_compared("confidence", confidence)]
    if len(unseen) > LEAST_DAYS:
        found.append(_compared("vocabulary", unseen))
    return found


def to_label(texts: Sequence[str], ask: Ask, count: int) -> list[str]:
    """Choose texts that are worth a label: unsure ones, each for another reason (BADGE).

    Args:
        ask: gives vectors [n, d] of length 1 and probabilities [n, labels] of texts.
    """
    if not texts:
        return []
    vectors, probabilities = ask(texts)
    nothing = np.zeros((0, vectors.shape[1]), np.float32)
    candidates = Candidates(vectors, nothing, probabilities, np.random.default_rng(0))
    return [texts[row] for row in Badge()(candidates, count)]


def pool(connection: Connection, version: str) -> list[str]:
    """List the latest texts, of copies the first one."""
    table = OPINIONS.c
    chosen = (
        sa.select(table.number, EVENTS.c.content)
        .join(EVENTS, EVENTS.c.number == table.number)
        .where(table.version == version, table.copy_of == table.number)
        .order_by(table.happened.desc())
        .limit(2 * POOL)
    )
    found = {row.number: text_in(row.content) for row in connection.execute(chosen)}
    return [text for text in found.values() if text][:POOL]


def words(text: str) -> frozenset[str]:
    """Give the words of a text; of a script without spaces its characters.

    >>> sorted(words("Late, LATE 2!")), sorted(words("银行"))
    (['late'], ['行', '银'])
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    found = set(_WORD.findall(folded))
    apart = {one for word in found if is_unspaced(word[0]) for one in word}
    return frozenset({word for word in found if not is_unspaced(word[0])} | apart)


def _day(connection: Connection, version: str, since: float) -> list[tuple[str, float]]:
    """Give texts of a day and how sure their labels are."""
    table = OPINIONS.c
    chosen = (
        sa.select(EVENTS.c.content, table.probability)
        .join(EVENTS, EVENTS.c.number == table.number)
        .where(table.version == version, table.copy_of == table.number)
        .where(table.happened >= int(since), table.happened < int(since) + DAY)
        .order_by(table.number)
        .limit(MOST)
    )
    return [(text_in(row.content), row.probability) for row in connection.execute(chosen)]


def _unseen(days: Sequence[Sequence[frozenset[str]]]) -> list[float]:
    """Give of each day, the latest first, the share of words that no day before it has.

    The first half of the days are only what is compared with.
    """
    found = []
    for age in range(max(1, len(days) // 2)):
        before = frozenset().union(*(text for day in days[age + 1 :] for text in day))
        own = [word for text in days[age] for word in text]
        if own:
            found.append(float(np.mean([word not in before for word in own])))
    return found


def _compared(name: str, values: Sequence[float]) -> Signal:
    last, before = values[0], np.array(values[1:])
    usual, spread = float(before.mean()), float(before.std(ddof=1)) if len(before) > 1 else 0.0
    room = OUT * max(spread, 0.005) * np.sqrt(1 + 1 / len(before))
    return Signal(name, last, usual, usual - room, usual + room)
