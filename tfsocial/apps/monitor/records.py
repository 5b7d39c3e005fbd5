"""What goes in and out of the monitor: what the model says, what is kept of a text, its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tfsocial.errors import InputError

WIDTH = 600  # seconds of a bucket
DAY = 86_400
LEAK = 0.15  # texts wrongly labelled negative for each labelled otherwise, where nobody knows
LONGEST = 10_000  # characters of a text


@dataclass(frozen=True)
class Labelled:
    """What the model says of a text.

    Attributes:
        sentiment: its likeliest label.
        probability: of that label, calibrated.
        topics: what it is about, by the model.
    """

    sentiment: str
    probability: float
    topics: Sequence[str] = ()


@dataclass(frozen=True)
class Read:
    """What the model says of texts that were read together.

    Attributes:
        version: that said it; labels of two versions are not counted together.
        labelled: one for each text.
    """

    version: str
    labelled: Sequence[Labelled]


@dataclass(frozen=True)
class Rules:
    """How it counts, and when it alarms.

    Attributes:
        negative: the label of sentiment that an alarm is about.
        false_alarms: a week, over all topics together, that are put up with.
        zone: time zone whose hours the days' season goes by, as Europe/Berlin.
        lateness: seconds that a text may come late before its bucket counts as closed.
        author_most: negative texts of one author on a topic in a day that count; more are the
            same voice again.
    """

    negative: str = "negative"
    false_alarms: float = 1.0
    zone: str = "UTC"
    lateness: int = 120
    author_most: int = 3

    @classmethod
    def of_flags(cls, negative: str, false_alarms: float, zone: str) -> Rules:
        """Read what a command is given.

        Raises:
            InputError: it cannot be.
        """
        if not 0.001 <= false_alarms <= 1000:
            raise InputError(
                f"--false_alarms={false_alarms}: write a number from 0.001 to 1000 a week"
            )
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise InputError(
                f"--zone={zone}: is no time zone; write one as Europe/Berlin"
            ) from None
        return cls(negative, false_alarms, zone)


@dataclass(frozen=True)
class Opinion:
    """A text on a topic, as it is counted.

    Attributes:
        number: of its event in the log.
        happened: seconds since 1970; what claims to come from the future happened as it came.
        copy_of: number of the text that it is a copy of; its own: it is none.
        counted: whether it counts for alarms: no copy, and no author over and over.
        author: a hash; empty: not known.
        source: where it was read; empty: it does not say.
    """

    number: int
    topic: str
    happened: float
    sentiment: str
    probability: float
    copy_of: int
    counted: bool
    author: str
    source: str
