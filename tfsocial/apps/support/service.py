"""Customer service as plain functions; pages and endpoints use nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Engine

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.support import answer, asking, desk
from tfsocial.apps.support.desk import Desk, Waiting
from tfsocial.apps.support.index import Query
from tfsocial.apps.support.knowledge_base import KnowledgeBase
from tfsocial.apps.support.retrieval import Found, Ranking
from tfsocial.apps.support.talk import TRIES, Talk, Turn, told_by
from tfsocial.errors import InputError

LONGEST = 4_000  # characters of a message
MOST_TURNS = 2_000  # of a talk
GUESSES = 3  # of "did you mean"


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
        staffed: whether somebody is at the desk, at a time.
    """

    precision: float = 0.95
    guess: float = 0.05
    staffed: Callable[[float], bool] = field(default=lambda now: True)


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
        staffed: whether somebody is there to take it.
    """

    answers: Sequence[OneAnswer]
    state: str
    reason: str = ""
    place: int = 0
    staffed: bool = True


class Support:
    """Answers what is asked, or has a person answer.

    Args:
        read: gives the model's vectors and intents of texts.
        ranking: fitted, or as it comes.
    """

    def __init__(
        self,
        engine: Engine,
        read: Callable[[Sequence[str]], Read],
        ranking: Ranking | None = None,
        rules: Rules | None = None,
    ):
        self._log, self._read = EventLog(engine), read
        self.knowledge = KnowledgeBase(self._log, self._encode)
        self.desk = Desk(engine)
        self.ranking, self._rules = ranking or Ranking(), rules or Rules()

    def talk(self, name: str) -> Talk:
        """Give a talk as it stands; one that nobody has begun is open and empty."""
        return told_by(self._log.after(_stream(name), 0, MOST_TURNS))

    # --- the customer's side ---------------------------------------------------------------

    def say(
        self,
        name: str,
        key: str,
        text: str,
        person: str = "",
        slots: Mapping[str, str] | None = None,
    ) -> Reply:
        """Answer a message; the same key again gets the same reply.

        Args:
            name: of the talk.
            key: of the message, of its own in the talk.
            person: whose talk it is, for export and erasure.
            slots: what is known of them, by name.

        Raises:
            InputError: the message is empty or too long.
        """
        if not text.strip():
            raise InputError("text: is empty; write what you want to know")
        if len(text) > LONGEST:
            raise InputError(f"text: has above {LONGEST} characters; shorten it")
        now, writes = time.time(), _Writer(name, person)
        self._log.add([writes.turn(key, "message", now, text=text)])
        talk = self.talk(name)
        if (before := talk.replied.get(key)) is not None:
            return self._shown(name, talk, before)
        answers, reason, counts = self._decided(talk, text, slots or {}, now)
        content = {"to": key, "answers": [asdict(one) for one in answers], "counts": counts}
        events = [writes.turn(f"{key} reply", "reply", now, **content)]
        if reason:
            events += writes.handover(key, now, reason)
        self._log.add(events)
        talk = self.talk(name)
        return self._shown(name, talk, talk.replied[key])

    def person_please(self, name: str, key: str, person: str = "") -> Reply:
        """Hand a talk over because the customer wants it; a second time changes nothing."""
        now, writes = time.time(), _Writer(name, person)
        if self.talk(name).state == "open":
            self._log.add(writes.handover(key, now, "asked"))
        return self._shown(name, self.talk(name), None)

    def thumb(self, name: str, key: str, to: str, up: bool, person: str = "") -> Reply:
        """Keep whether a reply helped; two in a row that did not are for a person.

        Args:
            to: key of the message that was replied to.

        Raises:
            InputError: there is no such reply.
        """
        if to not in self.talk(name).replied:
            raise InputError(f"to: there is no reply to a message {to!r} in this talk")
        now, writes = time.time(), _Writer(name, person)
        self._log.add([writes.turn(key, "thumb", now, to=to, up=up)])
        talk = self.talk(name)
        if talk.state == "open" and talk.unhelpful >= TRIES:
            self._log.add(writes.handover(key, now, "not_helped"))
        return self._shown(name, self.talk(name), None)

    # --- the agents' side ------------------------------------------------------------------

    def inbox(self) -> list[Waiting]:
        """List the talks that wait for a person or have one."""
        return self.desk.waiting()

    def claim(self, name: str, key: str, agent: str) -> None:
        """Take a talk from the line.

        Raises:
            InputError: it does not wait, or somebody else has it.
        """
        talk = self.talk(name)
        if talk.state == "with_agent" and talk.agent != agent:
            raise InputError(f"{name}: {talk.agent} has this talk already")
        if talk.state == "open":
            raise InputError(f"{name}: does not wait for anybody")
        now = time.time()
        self._log.add(
            [
                _Writer(name, "").turn(key, "claimed", now, agent=agent),
                desk.event(name, key, now, "claimed", agent=agent),
            ]
        )

    def answer_as(self, name: str, key: str, agent: str, text: str, person: str = "") -> None:
        """Write to the customer, as an agent who has the talk.

        Raises:
            InputError: the text is empty or too long, or another has the talk.
        """
        if not text.strip() or len(text) > LONGEST:
            raise InputError(f"text: has to have 1 to {LONGEST} characters")
        self._must_have(name, agent)
        self._log.add(
            [_Writer(name, person).turn(key, "agent", time.time(), agent=agent, text=text)]
        )

    def resolve(self, name: str, key: str, agent: str) -> None:
        """Give a talk back to the program: it is settled.

        Raises:
            InputError: another has it, or nobody.
        """
        self._must_have(name, agent)
        now = time.time()
        self._log.add(
            [
                _Writer(name, "").turn(key, "resolved", now, agent=agent),
                desk.event(name, key, now, "resolved"),
            ]
        )

    def _must_have(self, name: str, agent: str) -> None:
        talk = self.talk(name)
        if talk.state != "with_agent" or talk.agent != agent:
            raise InputError(f"{name}: take the talk first; {talk.agent or 'nobody'} has it")

    # --- persons ---------------------------------------------------------------------------

    def of_person(self, person: str) -> list[Event]:
        """Give all that is kept of a person."""
        return self._log.of_person(person)

    def forget(self, person: str) -> int:
        """Erase what a person said, and that it was they; gives how many events.

        Raises:
            InputError: nobody is named.
        """
        if not person:
            raise InputError("person: nobody is named")
        return self._log.forget(person)

    # --- what to say -----------------------------------------------------------------------

    def _decided(
        self, talk: Talk, text: str, slots: Mapping[str, str], now: float
    ) -> tuple[list[OneAnswer], str, int]:
        """Decide on a message: what is answered, why a person is to, and whether that counts."""
        if talk.state != "open":
            return [], "", 0
        if asking.wants_person(text):
            return [], "asked", 0
        answers = self._answers(talk, text, slots, now)
        if any(one.needs for one in answers):
            return answers, "needs_facts", 0
        if any(one.pieces for one in answers):
            return answers, "", 0
        return answers, "not_known" if talk.unanswered + 1 >= TRIES else "", 1

    def _answers(
        self, talk: Talk, text: str, slots: Mapping[str, str], now: float
    ) -> list[OneAnswer]:
        parts = asking.questions(text)
        index, least = self.knowledge.index, self.ranking.thresholds[self._rules.precision]
        # A question that goes on with the topic is also asked with the topic before it.
        whole = [
            f"{talk.topic} {part}" if talk.topic and asking.goes_on(part) else part
            for part in parts
        ]
        texts = list(dict.fromkeys([*parts, *whole]))
        queries = dict(zip(texts, self.queries(texts), strict=True))
        found = []
        for part, extended in zip(parts, whole, strict=True):
            tried = [
                (one, self.ranking(index, queries[one], now)) for one in {part: 0, extended: 0}
            ]
            asked, best = max(tried, key=lambda pair: pair[1].probability)
            found.append(self._one(part, queries[asked], best, least, slots))
        return found

    def _one(
        self, asked: str, query: Query, found: Found, least: float, slots: Mapping[str, str]
    ) -> OneAnswer:
        guesses = tuple(
            (hit.faq.id, hit.faq.question) for hit in found.hits[:GUESSES] if hit.faq.question
        )
        if not found.hits or found.probability < least:
            offered = guesses if found.probability >= self._rules.guess else ()
            return OneAnswer(asked, probability=found.probability, guesses=offered)
        faq = found.hits[0].faq
        made = answer.put_together(faq, query, self._encode, slots)
        pieces = tuple(asdict(piece) for piece in made.pieces) if made else ()
        others = tuple(guess for guess in guesses if guess[0] != faq.id)
        return OneAnswer(
            asked, pieces, faq.id, faq.question, found.probability, others, needs=made is None
        )

    def queries(self, texts: Sequence[str]) -> list[Query]:
        """Have the model read what is asked."""
        read = self._read(texts)
        return [
            Query(text, vector, intents)
            for text, vector, intents in zip(texts, read.vectors, read.intents, strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        return self._read(texts).vectors

    def _shown(self, name: str, talk: Talk, turn: Turn | None) -> Reply:
        answers = [_one_of(one) for one in turn.content["answers"]] if turn else []
        place = self.desk.place(name) if talk.state == "waiting" else 0
        return Reply(answers, talk.state, talk.reason, place, self._rules.staffed(time.time()))


class _Writer:
    """Makes the events of a talk."""

    def __init__(self, talk: str, person: str):
        self._talk, self._stream, self._person = talk, _stream(talk), person

    def turn(self, key: str, kind: str, now: float, **content: Any) -> Event:
        return Event(self._stream, key, now, {"kind": kind, "key": key, **content}, self._person)

    def handover(self, key: str, now: float, reason: str) -> list[Event]:
        """Make what tells the talk, and what tells the desk."""
        name, kind = f"{key} handover", "handover"
        return [
            self.turn(name, kind, now, reason=reason),
            desk.event(self._talk, name, now, kind, reason=reason),
        ]


def _stream(talk: str) -> str:
    if not talk or len(talk) > 64:
        raise InputError("talk: its name has to have 1 to 64 characters")
    return f"talk:{talk}"


def _one_of(content: Mapping[str, Any]) -> OneAnswer:
    return OneAnswer(**{**content, "guesses": tuple(map(tuple, content["guesses"]))})
