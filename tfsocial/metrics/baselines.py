"""What a model must beat to be worth its electricity: no model, and a linear one on n-grams.

Scores without these beside them say little: 93 % is poor where one label has 95 % of the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from tfsocial.metrics.labelled import OutputSpec, is_labelled
from tfsocial.metrics.scores import scores
from tfsocial.metrics.thresholds import split_thresholds

if TYPE_CHECKING:
    from scipy.sparse import spmatrix

# Every text that is not blank has at least one of these, so no vocabulary is ever empty.
_WORD_OR_SIGN = r"\w+|[^\w\s]"

Baseline = Callable[[Sequence[str]], np.ndarray]  # n texts -> predictions [n, width]
Scores = dict[str, float]


class LabelledTexts(NamedTuple):
    """n texts (a pair joined by a space) and the labels of one task, as in `labelled`."""

    texts: Sequence[str]
    labels: np.ndarray


def compare(
    spec: OutputSpec,
    train: LabelledTexts,
    splits: Mapping[str, LabelledTexts],
    out_of_scope: str | None = None,
) -> dict[str, dict[str, Scores]]:
    """Fit the baselines on `train` once, and score them on each split.

    A multilabel baseline's thresholds are fitted as a model's are: on dev, and for dev itself on
    its other folds; 0.5 where there is no dev. BANKING77 (9000 rows, 77 classes): 4 s of one core.

    Returns:
        split -> baseline -> the numbers of `scores` less ece, since a linear SVM has no
        probabilities to calibrate; of each split {} when no row of train is labelled.
    """
    by_split: dict[str, dict[str, Scores]] = {split: {} for split in splits}
    for name, predict in fit(spec, train).items():
        predictions = {split: predict(rows.texts) for split, rows in splits.items()}
        labels = {split: rows.labels for split, rows in splits.items()}
        thresholds = split_thresholds(labels, predictions) if spec.kind == "multilabel" else {}
        for split in splits:
            numbers = scores(
                spec, labels[split], predictions[split], out_of_scope, thresholds.get(split)
            )
            numbers.pop("ece", None)
            by_split[split][name] = numbers
    return by_split


def fit(spec: OutputSpec, train: LabelledTexts) -> dict[str, Baseline]:
    """Fit every baseline of a task's kind; none when no row is labelled.

    classify, multilabel: "majority" and "tfidf_linear"; regress: "mean".
    """
    if not is_labelled(spec, np.asarray(train.labels)).any():
        return {}
    if spec.kind == "regress":
        return {"mean": mean(train.labels)}
    return {"majority": majority(spec, train.labels), "tfidf_linear": tfidf_linear(spec, train)}


def majority(spec: OutputSpec, train_labels: np.ndarray) -> Baseline:
    """Predict for everyone how frequent each label is in train; float [n, C].

    The likeliest class is thus the majority's; at a threshold of 0.5 a multilabel label is
    predicted where most train rows carry it. Of equally frequent classes the first is said.
    """
    if spec.kind == "classify":
        frequency = np.bincount(train_labels[train_labels >= 0], minlength=spec.width)
        frequency = frequency / frequency.sum()
    else:
        frequency = np.nanmean(train_labels, 0)
    return lambda texts: np.tile(frequency, (len(texts), 1))


def mean(train_labels: np.ndarray) -> Baseline:
    """Predict for everyone the mean of the train values; float [n, 1]."""
    value = np.nanmean(train_labels)
    return lambda texts: np.full((len(texts), 1), value)


def tfidf_linear(spec: OutputSpec, train: LabelledTexts) -> Baseline:
    """Fit a linear model on tf-idf of words (1-2) and characters within words (2-5).

    classify: a linear SVM, its choice as 1 and all else as 0; multilabel: a balanced logistic
    regression per label. Where there is nothing to learn from (one class, blank texts) it
    says what `majority` says.
    """
    train = _known(spec, train)
    if not any(text.strip() for text in train.texts):
        return majority(spec, train.labels)
    ngrams = _ngrams()
    predict = _linear(spec, ngrams.fit_transform(train.texts), train.labels)
    return lambda texts: predict(ngrams.transform(texts))


def _ngrams() -> FeatureUnion:
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=_WORD_OR_SIGN, sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    return FeatureUnion([("words", words), ("characters", characters)])


def _linear(
    spec: OutputSpec, features: spmatrix, labels: np.ndarray
) -> Callable[[spmatrix], np.ndarray]:
    if spec.kind == "classify":
        choose = _support_vectors(features, labels)
        return lambda asked: np.eye(spec.width)[choose(asked)]
    columns = [_logistic(features, column > 0.5) for column in labels.T]
    return lambda asked: np.stack([column(asked) for column in columns], -1)


def _support_vectors(features: spmatrix, labels: np.ndarray) -> Callable[[spmatrix], np.ndarray]:
    if len(np.unique(labels)) == 1:
        return lambda asked: np.full(asked.shape[0], labels[0])
    return LinearSVC(random_state=0).fit(features, labels).predict


def _logistic(features: spmatrix, positive: np.ndarray) -> Callable[[spmatrix], np.ndarray]:
    if positive.all() or not positive.any():
        return lambda asked: np.full(asked.shape[0], float(positive[0]))
    model = LogisticRegression(
        class_weight="balanced",
        solver="liblinear",
        dual=True,  # twice as fast where n-grams outnumber examples
        random_state=0,
    )
    model.fit(features, positive)
    return lambda asked: model.predict_proba(asked)[:, 1]


def _known(spec: OutputSpec, rows: LabelledTexts) -> LabelledTexts:
    labels = np.asarray(rows.labels)
    known = is_labelled(spec, labels)
    return LabelledTexts([rows.texts[row] for row in np.flatnonzero(known).tolist()], labels[known])
