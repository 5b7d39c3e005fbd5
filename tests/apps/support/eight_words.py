"""A model that knows eight words, and four questions."""

from __future__ import annotations

import numpy as np

from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.records import Read

WORDS = ("card", "late", "lost", "fee", "refund", "order", "long", "cost")
FAQS = [
    Faq("late", "card late", "It takes {days} days.", intent="delivery"),
    Faq("lost", "card lost", "Call us. We block it at once."),
    Faq("fee", "refund fee", "A refund is free."),
    Faq("long", "card lost how long", "A new one takes a week."),
]


def read(texts) -> Read:
    """Which of eight words are there."""
    found = np.array([[float(word in text.lower()) for word in WORDS] for text in texts])
    found = np.concatenate([found, np.full((len(found), 1), 0.1)], 1)
    vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
    return Read(vectors.astype(np.float32), [{}] * len(texts))
