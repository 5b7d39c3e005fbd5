"""What is asked, against what is known: the best answers, and how sure the first one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tfsocial.apps.support import confidence, fusion
from tfsocial.apps.support.confidence import BY_HAND, Confidence, features_of
from tfsocial.apps.support.fusion import NOT_THERE, Fusion, best, reciprocal_ranks
from tfsocial.apps.support.index import PARTS, Index, Query
from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.words import UNSPACED

FOLDS = 5
EXACT = 0.999  # probability of a question that is asked in the very words that are stored
LEAST = 20  # questions with known answers; with fewer nothing is fitted


@dataclass(frozen=True)
class Hit:
    """A known question that may be the one that is asked; `score` of the fusion, up to 1."""

    faq: Faq
    score: float


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        hits: the best first; empty: nothing is known.
        probability: that the first one is right.
    """

    hits: Sequence[Hit]
    probability: float


@dataclass(frozen=True)
class Ranking:
    """How an index is searched; fitted on questions whose answers are known, or as it comes.

    Attributes:
        thresholds: precision asked for -> least probability that keeps it.
        examples: how many questions it was fitted on; 0: it was not.
        reached: what was measured on folds of them: hit@1, MRR.
    """

    fusion: Fusion = field(default_factory=Fusion)
    confidence: Confidence = BY_HAND
    thresholds: Mapping[float, float] = field(
        default_factory=lambda: {0.9: 0.7, 0.95: 0.8, 0.98: 0.9}
    )
    examples: int = 0
    reached: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.examples:
            return "their ranking is not fitted: give it questions whose answers are known"
        hit, rank = self.reached["hit@1"], self.reached["MRR"]
        parts = (
            f"{name} {weight:.2f}"
            for name, weight in zip(PARTS, self.fusion.weights, strict=True)
            if weight
        )
        return (
            f"fitted on {self.examples} questions: first {100 * hit:.1f} %, MRR {100 * rank:.1f}; "
            f"by {', '.join(parts)}"
        )

    def __call__(self, index: Index, query: Query, now: float, most: int = 5) -> Found:
        """Search an index for what holds now."""
        holds = index.holds(now)
        if not holds.any():
            return Found((), 0.0)
        parts = index.parts(query)
        fused = np.where(holds, self.fusion(parts, index.has), NOT_THERE)
        exact = index.exact(query.text)
        if exact is not None and holds[exact]:
            fused[exact] = np.inf
        order = best(fused, min(most, int(holds.sum())))
        hits = [Hit(index.faqs[place], min(float(fused[place]), 1.0)) for place in order]
        if exact == order[0]:
            return Found(hits, EXACT)
        (probability,) = self.confidence(features_of(parts, fused)[None])
        return Found(hits, float(probability))


@dataclass(frozen=True)
class ByScript:
    """A ranking for each kind of script: an encoder may read one of them and hardly the other.

    Attributes:
        spaced: of what has spaces between its words.
        unspaced: of Chinese, Japanese and Korean.
    """

    spaced: Ranking = field(default_factory=Ranking)
    unspaced: Ranking = field(default_factory=Ranking)

    def of(self, text: str) -> Ranking:
        """Give the one for a text."""
        return self.unspaced if UNSPACED.search(text) else self.spaced

    def __str__(self) -> str:
        if self.spaced == self.unspaced:
            return str(self.spaced)
        return f"spaced scripts: {self.spaced}; unspaced ones: {self.unspaced}"


def fit_by_script(index: Index, queries: Sequence[Query], right: Sequence[str]) -> ByScript:
    """Fit a ranking for each kind of script; one for both where either has too few questions.

    See `fit`.
    """
    unspaced = [bool(UNSPACED.search(query.text)) for query in queries]
    fitted = []
    for wanted in (False, True):
        own = [
            (query, one)
            for query, one, is_so in zip(queries, right, unspaced, strict=True)
            if is_so == wanted
        ]
        fitted.append(fit(index, [query for query, _ in own], [one for _, one in own]))
    if not all(one.examples for one in fitted):
        fitted = [fit(index, queries, right)] * 2
    return ByScript(*fitted)


PRECISIONS = (0.9, 0.95, 0.98)


def fit(
    index: Index,
    queries: Sequence[Query],
    right: Sequence[str],
    unknown: float = confidence.UNKNOWN,
    precisions: Sequence[float] = PRECISIONS,
) -> Ranking:
    """Fit weights, confidence and thresholds on questions whose answers are known.

    Each is asked twice: as it is, and with its answer left out, when nothing is right. What its
    probability is judged by never saw its answer: folds hold all questions of an answer. Questions
    that really nobody knows count for half of those, where there are some.

    Args:
        right: id of the answer of each; empty: nobody knows it.
        unknown: share of questions that nobody has an answer for.

    Returns:
        The ranking as it comes, if there are fewer than 20 such questions.
    """
    places = {faq.id: place for place, faq in enumerate(index.faqs)}
    pairs = [
        (query, places[one]) for query, one in zip(queries, right, strict=True) if one in places
    ]
    if len(pairs) < LEAST:
        return Ranking()
    own = np.array([place for _, place in pairs])
    parts = np.stack([index.parts(query) for query, _ in pairs])
    weighed = fusion.fitted(parts, index.has, own)
    fused = weighed(parts, index.has)
    nobodys = [query for query, one in zip(queries, right, strict=True) if not one]
    features, correct, weights = _examples(parts, fused, own, unknown, 0.5 if nobodys else 1.0)
    fold_of = np.tile(own % FOLDS, 2)
    if nobodys:
        more = [index.parts(query) for query in nobodys]
        more_features = [features_of(one, weighed(one, index.has)) for one in more]
        features = np.concatenate([features, np.stack(more_features)])
        correct = np.append(correct, np.zeros(len(more), bool))
        share = unknown * len(own) / len(more)
        weights = np.append(weights, np.full(len(more), share))
        fold_of = np.append(fold_of, np.arange(len(more)) % FOLDS)
    held_out = _held_out(features, correct, weights, fold_of)
    ranks = reciprocal_ranks(fused, own)
    return Ranking(
        weighed,
        confidence.fitted(features, correct, weights),
        {one: confidence.threshold(held_out, correct, weights, one) for one in precisions},
        len(pairs),
        {"hit@1": float(np.mean(ranks == 1)), "MRR": float(ranks.mean())},
    )


def _held_out(
    features: np.ndarray, correct: np.ndarray, weights: np.ndarray, fold_of: np.ndarray
) -> np.ndarray:
    """Give each example's probability by a fit that did not see its fold, [m]."""
    found = np.zeros(len(features))
    for fold in range(FOLDS):
        test = fold_of == fold
        if test.any() and not test.all():
            of_fold = confidence.fitted(features[~test], correct[~test], weights[~test])
            found[test] = of_fold(features[test])
    return found


def _examples(
    parts: np.ndarray, fused: np.ndarray, own: np.ndarray, unknown: float, made: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make examples of known questions and of the same ones when nobody knows them.

    Args:
        made: share of the unknown ones that is made so.

    Returns:
        features [2 m, 9], whether the first answer is right, and weights.
    """
    everyone = np.arange(len(own))
    features = [features_of(one, score) for one, score in zip(parts, fused, strict=True)]
    correct = fused.argmax(-1) == own
    without_parts, without = parts.copy(), fused.copy()
    without_parts[everyone, own] = 0.0
    without[everyone, own] = NOT_THERE
    features += [features_of(one, score) for one, score in zip(without_parts, without, strict=True)]
    weights = np.repeat([2 * (1 - unknown), 2 * unknown * made], len(own))
    return np.stack(features), np.concatenate([correct, np.zeros(len(own), bool)]), weights
