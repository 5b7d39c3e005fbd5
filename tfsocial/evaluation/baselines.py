"""What a model must beat to be worth its electricity: no model, and a linear one on n-grams.

Scores without these beside them say little: 93 % is poor where one label has 95 % of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from tfsocial.evaluation import report

if TYPE_CHECKING:
    from scipy.sparse import spmatrix

    from tfsocial.models.spec import HeadSpec

# Every text that is not blank has at least one of these, so no vocabulary is ever empty.
_WORD_OR_SIGN = r"\w+|[^\w\s]"


class Labelled(NamedTuple):
    """One split: n texts (a pair joined by a space) and labels as in `report`."""

    texts: Sequence[str]
    labels: np.ndarray


def compare(
    spec: HeadSpec, train: Labelled, test: Labelled, out_of_scope: str | None = None
) -> dict[str, dict[str, float]]:
    """Scores on `test` of baselines fitted on `train`, by name.

    classify, multilabel: "majority" and "tfidf_linear"; regress: "mean". The numbers are those
    of `report.scores` less ece, since a linear SVM has no probabilities to calibrate. Empty
    when no row of train is labelled. BANKING77 (9000 rows, 77 classes): 4 s of one core.
    """
    train = _known(spec, Labelled(*train))
    test = Labelled(*test)
    if not len(train.labels):
        return {}
    predictions = {"majority": majority(spec, train.labels, len(test.texts))}
    if spec.kind == "regress":
        predictions = {"mean": mean(train.labels, len(test.texts))}
    else:
        predictions["tfidf_linear"] = tfidf_linear(spec, *train, test.texts)
    return {
        name: _without_ece(report.scores(spec, test.labels, predicted, out_of_scope))
        for name, predicted in predictions.items()
    }


def majority(spec: HeadSpec, train_labels: np.ndarray, count: int) -> np.ndarray:
    """How frequent each label is in train, as everyone's prediction; float [count, C].

    The likeliest class is thus the majority's; a multilabel label is predicted where most
    train rows carry it. Of equally frequent classes the first is said.
    """
    if spec.kind == "classify":
        frequency = np.bincount(train_labels[train_labels >= 0], minlength=spec.width)
        frequency = frequency / frequency.sum()
    else:
        frequency = np.nanmean(train_labels, 0)
    return np.tile(frequency, (count, 1))


def mean(train_labels: np.ndarray, count: int) -> np.ndarray:
    """The mean of the train values as everyone's prediction; float [count, 1]."""
    return np.full((count, 1), np.nanmean(train_labels))


def tfidf_linear(
    spec: HeadSpec, train_texts: Sequence[str], train_labels: np.ndarray, texts: Sequence[str]
) -> np.ndarray:
    """A linear model on tf-idf of words (1-2) and characters within words (2-5).

    classify: a linear SVM, its choice as 1 and all else as 0; multilabel: a balanced logistic
    regression per label. Where there is nothing to learn from (one class, blank texts) it
    says what `majority` says.

    Returns:
        float [n, C] for n texts.
    """
    train = _known(spec, Labelled(train_texts, train_labels))
    if not any(text.strip() for text in train.texts):
        return majority(spec, train.labels, len(texts))
    ngrams = _ngrams()
    features, asked = ngrams.fit_transform(train.texts), ngrams.transform(texts)
    if spec.kind == "classify":
        return np.eye(spec.width)[_support_vector_choice(features, train.labels, asked)]
    columns = [_logistic_probability(features, column > 0.5, asked) for column in train.labels.T]
    return np.stack(columns, -1)


def _ngrams() -> FeatureUnion:
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=_WORD_OR_SIGN, sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return FeatureUnion([("words", words), ("characters", characters)])


def _support_vector_choice(features: spmatrix, labels: np.ndarray, asked: spmatrix) -> np.ndarray:
    if len(np.unique(labels)) == 1:
        return np.full(asked.shape[0], labels[0])
    return LinearSVC(random_state=0).fit(features, labels).predict(asked)


def _logistic_probability(features: spmatrix, positive: np.ndarray, asked: spmatrix) -> np.ndarray:
    if positive.all() or not positive.any():
        return np.full(asked.shape[0], float(positive[0]))
    model = LogisticRegression(
        class_weight="balanced",
        solver="liblinear",
        dual=True,  # twice as fast where n-grams outnumber examples
        random_state=0,
    )
    return model.fit(features, positive).predict_proba(asked)[:, 1]


def _known(spec: HeadSpec, split: Labelled) -> Labelled:
    labels = np.asarray(split.labels)
    rows = labels >= 0 if spec.kind == "classify" else np.isfinite(labels).all(-1)
    return Labelled([split.texts[row] for row in np.flatnonzero(rows)], labels[rows])


def _without_ece(scores: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if name != "ece"}
