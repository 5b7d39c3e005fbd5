"""A talk as a page shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.talk import Talk, Turn

BANDS = ((0.98, "very_sure"), (0.95, "sure"), (0.9, "fairly_sure"), (0.0, "not_sure"))
Known = Callable[[str], Faq | None]
Item = dict[str, Any]


def items(talk: Talk, known: Known, words: Mapping[str, str]) -> list[Item]:
    """List what was said and done, in order.

    Args:
        known: gives a stored question by its id.
    """
    thumbs = {turn.content["to"]: turn.content["up"] for turn in talk.turns if turn.kind == "thumb"}
    found = []
    for turn in talk.turns:
        item = {"kind": turn.kind, "at": turn.at}
        if turn.kind in ("message", "agent"):
            item |= {"text": turn.content["text"], "agent": turn.content.get("agent", "")}
        elif turn.kind == "reply":
            several = len(turn.content["answers"]) > 1
            answers = [_answer(one, known, several) for one in turn.content["answers"]]
            if not answers:
                continue
            to = turn.content["to"]
            item |= {"to": to, "answers": answers, "thumb": thumbs.get(to)}
            item["helps"] = any(one["text"] for one in answers)
        else:
            item |= {"kind": "note", "text": _note(turn, words)}
        if turn.kind != "thumb":
            found.append(item)
    return found


def _note(turn: Turn, words: Mapping[str, str]) -> str:
    if turn.kind == "handover":
        return words["handed_over"].format(why=words[turn.content["reason"]])
    said = words.get(turn.kind, "")  # of a thumb nothing
    return said.format(agent=turn.content.get("agent", ""))


def band(probability: float) -> str:
    """Say in a word how sure an answer is.

    >>> band(0.99), band(0.5)
    ('very_sure', 'not_sure')
    """
    return next(name for least, name in BANDS if probability >= least)


def _answer(one: Mapping[str, Any], known: Known, several: bool) -> Item:
    pieces = one["pieces"]
    return {
        "asked": one["asked"] if several else "",
        "text": _joined(pieces),
        "percent": int(100 * one["probability"]),  # never more than it is
        "band": band(one["probability"]),
        "source": _source(one, known(one["source"])) if pieces else None,
        "guesses": [question for _, question in one["guesses"]],
        "needs": one["needs"],
    }


def _joined(pieces: Sequence[Mapping[str, Any]]) -> str:
    text, end = "", None
    for piece in pieces:
        gap = end is not None and piece["start"] > end
        text += ("\n" if gap else "") + piece["text"]
        end = piece["end"]
    return text


def _source(one: Mapping[str, Any], faq: Faq | None) -> Item:
    """Show where an answer stands: the whole text, and which of it was shown."""
    found = {"question": one["question"] or one["source"], "parts": [], "changed": True}
    if faq is None:
        return found
    stored, parts, at = faq.answer, [], 0
    for piece in one["pieces"]:
        start, end = piece["start"], piece["end"]
        if not piece["slot"] and stored[start:end] != piece["text"]:
            return found  # it was changed since: its spans are another text's
        parts += [(stored[at:start], False), (stored[start:end], True)]
        at = end
    parts.append((stored[at:], False))
    return found | {"parts": [part for part in parts if part[0]], "changed": False}
