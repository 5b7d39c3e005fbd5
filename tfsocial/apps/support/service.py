"""Customer service as plain functions; pages and endpoints use nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from sqlalchemy import Engine

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.sources.members import whole
from tfsocial.apps.support import answer, asking, desk
from tfsocial.apps.support.desk import Desk, Waiting
from tfsocial.apps.support.index import Index, Query, read_queries
from tfsocial.apps.support.knowledge import Faq, checked
from tfsocial.apps.support.knowledge_base import KnowledgeBase
from tfsocial.apps.support.records import OneAnswer, Read, Reply, Rules
from tfsocial.apps.support.retrieval import ByScript, Found, Hit, Ranking
from tfsocial.apps.support.review import Review, draft_id, unanswered
from tfsocial.apps.support.talk import TRIES, Talk, Turn, told_by
from tfsocial.errors import InputError

LONGEST = 4_000  # characters of a message
MOST_TURNS = 2_000  # of a talk
ROOM = 100  # turns kept for what ends a talk that is too long
GUESSES = 3  # of "did you mean"
SHOWN = 50  # of who waits with what they said


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
        ranking = ranking or Ranking()
        self.rankings, self._rules = ByScript(ranking, ranking), rules or Rules()
        self.review = Review(self._log, self.knowledge, self.queries, self._found, self._least)

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
            InputError: the message is empty or too long, or the talk is.
        """
        for given, where in ((text, "text"), (key, "key"), (person, "person")):
            whole(given, where)
        if not text.strip():
            raise InputError("text: is empty; write what you want to know")
        if len(text) > LONGEST:
            raise InputError(f"text: has above {LONGEST} characters; shorten it")
        talk = self.talk(name)
        if (before := talk.replied.get(key)) is not None:
            return self._shown(name, talk, before)
        if len(talk.turns) > MOST_TURNS - ROOM:
            raise InputError(f"{name}: this talk has become too long; begin another one")
        now, writes = time.time(), _Writer(name, person)
        self._log.add([writes.turn(key, "message", now, text=text)])
        answers, reason, counts = self._decided(talk, text, slots or {}, now)
        content = {"to": key, "answers": [asdict(one) for one in answers], "counts": counts}
        events = [writes.turn(f"{key} reply", "reply", now, **content)]
        if counts:
            events.append(unanswered(key, now, text, name, person))
        if reason:
            events += writes.handover(key, now, reason)
        self._log.add(events)
        talk = self.talk(name)  # of two processes that replied at once, the first one's reply holds
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

    def inbox(self, agent: str) -> list[Waiting]:
        """List the talks that wait for a person or have one; who looks is at the desk."""
        self.desk.here(agent)
        waiting = self.desk.waiting()
        shown = [replace(one, said=_last_said(self.talk(one.talk))) for one in waiting[:SHOWN]]
        return shown + waiting[SHOWN:]

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
        self.desk.here(agent)
        now = time.time()
        self._log.add(
            [
                _Writer(name, "").turn(key, "claimed", now, agent=agent),
                desk.event(name, key, now, "claimed", agent=agent),
            ]
        )

    def answer_as(self, name: str, key: str, agent: str, text: str) -> None:
        """Write to the customer, as an agent who has the talk.

        Raises:
            InputError: the text is empty or too long, or another has the talk.
        """
        whole(text, "text")
        if not text.strip() or len(text) > LONGEST:
            raise InputError(f"text: has to have 1 to {LONGEST} characters")
        person = self._must_have(name, agent).person
        self._log.add(
            [_Writer(name, person).turn(key, "agent", time.time(), agent=agent, text=text)]
        )

    def suggested(self, name: str) -> list[Hit]:
        """List what may answer a talk's last message, however unsure; the best first."""
        said = _last_said(self.talk(name))
        if not said:
            return []
        (query,) = self.queries([said])
        return list(self._found(query).hits[:GUESSES])

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

    def _must_have(self, name: str, agent: str) -> Talk:
        talk = self.talk(name)
        if talk.state != "with_agent" or talk.agent != agent:
            raise InputError(f"{name}: take the talk first; {talk.agent or 'nobody'} has it")
        return talk

    def propose(self, question: str, answer_text: str, by: str, talk: str = "") -> Faq:
        """Propose a question of the base, for review; gives it with its id.

        Args:
            talk: that it comes from: it goes when their person is erased.

        Raises:
            InputError: a text is empty or too long.
        """
        if not question.strip():
            raise InputError("question: is empty; write what is asked")
        known = {faq.id for faq in self.knowledge.index.faqs}
        known |= {draft.faq.id for draft in self.knowledge.drafts()}
        faq = checked(
            Faq(draft_id(question, known), question.strip(), answer_text.strip()), "the draft"
        )
        self.knowledge.propose(faq, by, talk, self.talk(talk).person if talk else "")
        return faq

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
        count = self._log.forget(person)
        self.knowledge.refresh(anew=True)  # drafts that came from their talks
        self.knowledge.index.spelling.forget()
        self.review.forget()
        return count

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
        index = self.knowledge.index
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
                (one, self._ranked(index, queries[one], now)) for one in {part: 0, extended: 0}
            ]
            asked, best = max(tried, key=lambda pair: pair[1].probability)
            found.append(self._one(part, queries[asked], best, slots))
        return found

    def _one(self, asked: str, query: Query, found: Found, slots: Mapping[str, str]) -> OneAnswer:
        guesses = tuple(
            (hit.faq.id, hit.faq.question) for hit in found.hits[:GUESSES] if hit.faq.question
        )
        if not found.hits or found.probability < self._least(query.text):
            offered = guesses if found.probability >= self._rules.guess else ()
            return OneAnswer(asked, probability=found.probability, guesses=offered)
        faq = found.hits[0].faq
        made = answer.put_together(faq, query, self._encode, slots)
        pieces = tuple(asdict(piece) for piece in made.pieces) if made else ()
        others = tuple(guess for guess in guesses if guess[0] != faq.id)
        return OneAnswer(
            asked, pieces, faq.id, faq.question, found.probability, others, needs=made is None
        )

    def _found(self, query: Query) -> Found:
        return self._ranked(self.knowledge.index, query, time.time())

    def _ranked(self, index: Index, query: Query, now: float) -> Found:
        return self.rankings.of(query.text)(index, query, now)

    def _least(self, text: str) -> float:
        return self.rankings.of(text).thresholds[self._rules.precision]

    def queries(self, texts: Sequence[str]) -> list[Query]:
        """Have the model read what is asked."""
        return read_queries(texts, self._read, self.knowledge.index.spelling)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        return self._read(texts).vectors

    def _shown(self, name: str, talk: Talk, turn: Turn | None) -> Reply:
        answers = [_one_of(one) for one in turn.content["answers"]] if turn else []
        if talk.state != "waiting":
            return Reply(answers, talk.state, talk.reason)
        place, staffed = self.desk.place(name), self.desk.staffed()
        return Reply(answers, talk.state, talk.reason, place, staffed)


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


def _last_said(talk: Talk) -> str:
    """Give the customer's last message that is not only a wish for a person."""
    messages = [turn.content["text"] for turn in talk.turns if turn.kind == "message"]
    asking_something = [text for text in messages if not asking.wants_person(text)]
    return (asking_something or messages or [""])[-1]


def _stream(talk: str) -> str:
    if not talk or len(talk) > 64:
        raise InputError("talk: its name has to have 1 to 64 characters")
    return f"talk:{talk}"


def _one_of(content: Mapping[str, Any]) -> OneAnswer:
    return OneAnswer(**{**content, "guesses": tuple(map(tuple, content["guesses"]))})
