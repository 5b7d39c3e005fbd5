"""What is known: questions with their answers, and texts that answer without a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tfsocial.apps.sources.members import whole
from tfsocial.errors import InputError

LONGEST = 20_000  # characters of an answer


@dataclass(frozen=True)
class Faq:
    """A question that is asked, and its answer.

    Attributes:
        id: of its own; what an answer cites.
        question: empty for a document, which only answers.
        answer: the text that answers are put together from, word by word.
        paraphrases: other ways to ask it.
        more: further texts that answer it; they help to find it and are not shown.
        intent: label of the classifier that means it; empty: none.
        since, until: seconds since 1970 between which it holds; `until` 0: no end.
    """

    id: str
    question: str
    answer: str
    paraphrases: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    intent: str = ""
    since: float = 0.0
    until: float = 0.0

    def holds(self, now: float) -> bool:
        """Say whether it is valid at a time.

        >>> Faq("a", "Where?", "Here.", since=5, until=9).holds(9)
        False
        """
        return self.since <= now and (not self.until or now < self.until)

    @property
    def questions(self) -> tuple[str, ...]:
        """The ways to ask it."""
        return tuple(text for text in (self.question, *self.paraphrases) if text)

    @property
    def answers(self) -> tuple[str, ...]:
        """The texts that answer it."""
        return (self.answer, *self.more)


def of_row(row: Mapping[str, Any], where: str) -> Faq:
    """Read a question from JSON or a table's row.

    Raises:
        InputError: it is none; names the field.

    >>> of_row({"id": "a", "question": "Where?", "answer": "Here."}, "faq.csv:2").answer
    'Here.'
    """
    names = set(Faq.__dataclass_fields__)
    if unknown := sorted(set(row) - names):
        raise InputError(f"{where}: {unknown[0]}: is no field of a question; leave it out")
    values: dict[str, Any] = {name: row[name] for name in names & set(row)}
    for name in ("id", "question", "answer", "intent"):
        value = values.setdefault(name, "")
        if not isinstance(value, str):
            raise InputError(f"{where}: {name}: is no text")
        values[name] = value.strip()
    for name in ("paraphrases", "more"):
        value = values.setdefault(name, ())
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise InputError(f"{where}: {name}: is no list of texts")
        values[name] = tuple(one.strip() for one in value if one.strip())
    for name in ("since", "until"):
        value = values.setdefault(name, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise InputError(f"{where}: {name}: is no time; write seconds since 1970")
    return checked(Faq(**values), where)


def checked(faq: Faq, where: str) -> Faq:
    """Refuse what cannot be answered with.

    Raises:
        InputError: a field is empty or too long.
    """
    for name in ("id", "answer"):
        if not getattr(faq, name):
            raise InputError(f"{where}: {name}: is empty")
    if len(faq.id) > 100:
        raise InputError(f"{where}: id: has above 100 characters")
    for text in (faq.id, faq.intent, faq.answer, *faq.more, *faq.questions):
        whole(text, where)
        if len(text) > LONGEST:
            raise InputError(f"{where}: a text has above {LONGEST} characters; cut it into several")
    return faq


def as_row(faq: Faq) -> dict[str, Any]:
    """Write a question as JSON values; `of_row` reads them."""
    row = asdict(faq)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in row.items()}
