"""Names of what is counted of a topic: all texts by sentiment, and those that count for alarms."""

from __future__ import annotations

ALL, COUNTED = "all", "counted"


def label(kind: str, sentiment: str, topic: str) -> str:
    """Name what is counted: texts of a sentiment on a topic.

    >>> label("all", "negative", "bank"), split_label("all|negative|bank")
    ('all|negative|bank', ('all', 'negative', 'bank'))
    """
    return f"{kind}|{sentiment.replace('|', '/')[:40]}|{topic}"


def split_label(text: str) -> tuple[str, str, str]:
    """Read what `label` wrote."""
    kind, sentiment, topic = text.split("|", 2)
    return kind, sentiment, topic


def labels_of(counted: bool, sentiment: str, topic: str) -> list[str]:
    """Name all that an opinion is counted as.

    >>> labels_of(False, "negative", "bank")
    ['all|negative|bank']
    """
    kinds = (ALL, COUNTED) if counted else (ALL,)
    return [label(kind, sentiment, topic) for kind in kinds]
