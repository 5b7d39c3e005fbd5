"""What a message asks: its questions, whether it goes on with the topic, whether it wants a person.

By rules on words, in English and Chinese, which a shop can read and change; not by a model, since
what hands a talk over to a person has to be plain.
"""

from __future__ import annotations

import re

from tfsocial.apps.support.words import sentences, words

MOST = 3  # questions of a message that are answered apart
SHORT = 7  # words: a message up to this may go on with the topic
PERSON = re.compile(
    r"\b(speak|talk|chat|connect|transfer|get)\b.{0,30}\b(human|person|agent|somebody|someone"
    r"|representative|operator|adviser|advisor)\b"
    r"|\b(real|live|actual)\s+(human|person|agent|people)\b"
    r"|^\W*(human|person|agent|representative|operator)\W*$"
    r"|\b(human|person|agent|representative|operator),?\s+please\b"
    r"|转人工|人工客服|人工服务|真人|找人工|接人工|找客服人员",
    re.IGNORECASE,
)
NO_PERSON = re.compile(
    r"\b(don'?t|do not|no need to|not)\b.{0,20}\b(speak|talk|connect|want)\b"
    r"|不要转?人工|不用转?人工",
    re.IGNORECASE,
)
GOES_ON = re.compile(
    r"^\W*(and|what about|how about|but|also|then|so|or|what if|why|when|where|how long|how much"
    r"|it|that|this|they|there)\b|\b(it|that|this|those|them|there)\b"
    r"|^\W*(那|那么|还有|它|这个|那个|为什么|如果|多久|多少)",
    re.IGNORECASE,
)
ASKS = re.compile(r"[?？]\W*$|(吗|呢|么)[。.!！]?$")


def wants_person(text: str) -> bool:
    """Say whether a message asks for a person.

    >>> [wants_person(text) for text in ("Can I talk to a real person?", "转人工", "Agent!")]
    [True, True, True]
    >>> wants_person("I don't want to talk to an agent, just tell me")
    False
    >>> wants_person("Is a personal card safe?")
    False
    """
    return bool(PERSON.search(text)) and not NO_PERSON.search(text)


def questions(text: str) -> list[str]:
    """Cut a message into its questions; what stands before one is its, and a rest is the last's.

    >>> questions("Hi there. My card is late. Where is it? And what does a new one cost?")
    ['Hi there. My card is late. Where is it?', 'And what does a new one cost?']
    >>> questions("I lost my card. Please help.")
    ['I lost my card. Please help.']
    """
    found: list[str] = []
    start = 0
    for first, end in sentences(text):
        if ASKS.search(text[first:end]) and len(found) < MOST - 1:
            found.append(text[start:end].strip())
            start = end
    rest = text[start:].strip()
    if rest and found and not ASKS.search(rest):
        found[-1] += f" {rest}"
    elif rest:
        found.append(rest)
    return found


def goes_on(text: str) -> bool:
    """Say whether a message may go on with the topic: it is short, and points back or adds.

    >>> [goes_on(text) for text in ("And how long does that take?", "那要多久？")]
    [True, True]
    >>> goes_on("Please tell me which documents I need when I want to open another account there")
    False
    """
    return len(words(text)) <= SHORT and bool(GOES_ON.search(text))
