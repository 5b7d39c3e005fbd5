"""What goes in and out of customer service: what the model says, its rules, answers, replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Read:
    """What the model says of texts.

    Attributes:
        vectors: [n, d], of length 1.
        intents: label -> probability, of each text; empty where there is no classifier.
    """

    vectors: np.ndarray
    intents: Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Rules:
    """When it answers.

    Attributes:
        precision: of 1, that answers are to have: those of a probability below its threshold are
            not given.
        guess: least probability of what is offered as "did you mean".
    """

    precision: float = 0.95
    guess: float = 0.05


@dataclass(frozen=True)
class OneAnswer:
    """What is said to one question of a message.

    Attributes:
        asked: the question, as it stands in the message.
        pieces: of the answer, see `answer.Piece`; empty: there is none that is sure enough.
        source: id of what is cited.
        question: as it is stored.
        probability: that it is right.
        guesses: (id, question) that may have been meant.
        needs: whether the answer is known, but a slot of it has no value.
    """

    asked: str
    pieces: Sequence[Mapping[str, Any]] = ()
    source: str = ""
    question: str = ""
    probability: float = 0.0
    guesses: Sequence[tuple[str, str]] = ()
    needs: bool = False


@dataclass(frozen=True)
class Reply:
    """What comes back for a message.

    Attributes:
        answers: one for each question; none where a person answers.
        state: of the talk now: open, waiting, or with_agent.
        reason: why it was handed over; empty: it was not.
        place: in the line, from 1 on; 0: it does not wait.
        staffed: whether somebody is at the desk to take it.
    """

    answers: Sequence[OneAnswer]
    state: str
    reason: str = ""
    place: int = 0
    staffed: bool = True
