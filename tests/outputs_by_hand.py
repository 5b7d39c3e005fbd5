"""Labels and predictions small enough to score by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

NAN = np.nan


def spec(kind, *labels):
    """What a metric reads of a head; making a real one would import TensorFlow."""
    return SimpleNamespace(kind=kind, labels=labels, width=1 if kind == "regress" else len(labels))


def classes(count):
    return spec("classify", *(f"class{number}" for number in range(count)))


def sure(predicted, width, confidence=0.9):
    """Probabilities [n, width] whose largest is `confidence`, at `predicted`."""
    rest = (1 - confidence) / (width - 1)
    return np.where(np.eye(width, dtype=bool)[np.asarray(predicted)], confidence, rest)


# Truth 0 0 1 1 2, said 0 1 1 1 0: F1 of class 0 is 1/2, of class 1 is 4/5, of class 2 is 0.
TRUTH = np.array([0, 0, 1, 1, 2])
SAID = np.array([0, 1, 1, 1, 0])

# column 0: hit, miss; column 1: false alarm, hit
TAGS = np.array([[1.0, 0.0], [1.0, 1.0]])
TAGGED = np.array([[0.9, 0.6], [0.4, 0.8]])


@st.composite
def cases(draw):
    """(spec, labels, predictions), some rows unlabelled and at least one not."""
    kind = draw(st.sampled_from(["classify", "multilabel", "regress"]))
    count, width = draw(st.integers(1, 20)), draw(st.integers(1, 5))
    head = spec(kind, *"abcde"[:width])
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    unlabelled = random.random(count) < 0.3
    unlabelled[0] = False
    predictions = random.random((count, head.width))
    if kind == "classify":
        labels = np.where(unlabelled, -1, random.integers(0, width, count))
        return head, labels, predictions / predictions.sum(-1, keepdims=True)
    labels = random.integers(0, 2, (count, head.width)).astype(float)
    labels[unlabelled] = NAN
    return head, labels, predictions


def known(labels):
    return labels >= 0 if labels.ndim == 1 else ~np.isnan(labels).any(-1)
