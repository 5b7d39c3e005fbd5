"""What stands in a message on which opinions are counted: its text, who wrote it, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from tfsocial.apps.monitor.records import LONGEST
from tfsocial.errors import InputError

TEXTS = ("text", "title")  # members that people have written; a feed has both


def text_of(content: Mapping[str, Any]) -> str:
    """Give the text; empty where there is none."""
    text = content.get("text")
    return text if isinstance(text, str) else ""


def author_of(person: str, content: Mapping[str, Any]) -> str:
    """Give a hash of who wrote a text; empty: it does not say."""
    author = person or content.get("author")
    if not isinstance(author, str) or not author:
        return ""
    return hashlib.sha256(author.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def source_of(content: Mapping[str, Any]) -> str:
    """Give where a text was read; empty: it does not say."""
    source = content.get("source")
    return source.strip()[:200] if isinstance(source, str) else ""


def masked(content: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
    """Give what is kept of a message: its texts without personal data.

    >>> masked({"text": "I am ann", "title": 5}, lambda text: text.replace("ann", "*"))
    {'text': 'I am *', 'title': 5}
    """
    texts = {name: mask(content[name]) for name in TEXTS if isinstance(content.get(name), str)}
    return {**content, **texts}


def check(content: Mapping[str, Any], where: str) -> None:
    """Check that there is a text, of a length that a model reads.

    Raises:
        InputError: there is none.
    """
    text = text_of(content)
    if not text.strip():
        raise InputError(f"{where}: text: is missing or empty")
    if len(text) > LONGEST:
        raise InputError(f"{where}: text: has above {LONGEST} characters; shorten it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: text: holds half a character") from None
