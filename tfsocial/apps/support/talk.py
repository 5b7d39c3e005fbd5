"""A talk, as its events tell it: who said what, and who has to answer.

`open`: the program answers. `waiting`: a person was asked for, and the talk waits in the line.
`with_agent`: an agent has it. Only an agent's `resolved` gives it back to the program, so a talk
that waits is never answered by the program, and none is handed over twice without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tfsocial.apps.events import Event

# Why a talk was handed over.
REASONS = {
    "asked": "the customer asked for a person",
    "not_known": "twice there was no answer that is sure enough",
    "not_helped": "two answers did not help",
    "needs_facts": "the answer needs a value that is not known here",
}
TRIES = 2  # messages without an answer, or answers that did not help, in a row


@dataclass(frozen=True)
class Turn:
    """Something that was said or done.

    Attributes:
        kind: message, reply, thumb, handover, claimed, agent, or resolved.
        content: of the event.
    """

    key: str
    kind: str
    at: float
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Talk:
    """What a talk has come to.

    Attributes:
        topic: what the last answer was about: the question as it is stored.
        unanswered: messages in a row that had no answer.
        unhelpful: answers in a row that were given a thumb down.
        person: whose it is, as far as that was said.
    """

    state: str = "open"
    turns: Sequence[Turn] = ()
    topic: str = ""
    unanswered: int = 0
    unhelpful: int = 0
    agent: str = ""
    reason: str = ""
    person: str = ""
    replied: Mapping[str, Turn] = field(default_factory=dict)

    def after(self, turn: Turn) -> Talk:
        """Give what a talk comes to with one more turn."""
        more = replace(self, turns=(*self.turns, turn))
        return AFTER[turn.kind](more, turn)


def told_by(events: Iterable[Event]) -> Talk:
    """Derive a talk from its events."""
    talk = Talk()
    for event in events:
        content = dict(event.content)
        if kind := content.pop("kind", ""):  # none: it was erased
            talk = talk.after(Turn(content.pop("key", ""), kind, event.happened, content))
        if event.person:
            talk = replace(talk, person=event.person)
    return talk


def _replied(talk: Talk, turn: Turn) -> Talk:
    replied = {**talk.replied, turn.content["to"]: turn}
    answered = [one for one in turn.content["answers"] if one["pieces"]]
    if not answered:
        return replace(talk, replied=replied, unanswered=talk.unanswered + turn.content["counts"])
    return replace(talk, replied=replied, unanswered=0, topic=answered[-1]["question"])


def _thumbed(talk: Talk, turn: Turn) -> Talk:
    return replace(talk, unhelpful=0 if turn.content["up"] else talk.unhelpful + 1)


def _handed_over(talk: Talk, turn: Turn) -> Talk:
    if talk.state != "open":
        return talk
    return replace(talk, state="waiting", reason=turn.content["reason"])


def _claimed(talk: Talk, turn: Turn) -> Talk:
    return replace(talk, state="with_agent", agent=turn.content["agent"])


def _resolved(talk: Talk, turn: Turn) -> Talk:
    return replace(talk, state="open", agent="", reason="", unanswered=0, unhelpful=0, topic="")


def _only_said(talk: Talk, turn: Turn) -> Talk:
    return talk


AFTER = {
    "message": _only_said,
    "reply": _replied,
    "thumb": _thumbed,
    "handover": _handed_over,
    "claimed": _claimed,
    "agent": _only_said,
    "resolved": _resolved,
}
