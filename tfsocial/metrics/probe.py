"""Probabilities of labels by a regression on vectors."""

from __future__ import annotations

import warnings

import numpy as np
from scipy import special
from sklearn.linear_model import LogisticRegression

from tfsocial.metrics.scaling import fit_temperature

C = 10.0  # on vectors of length 1, as `init` has it
FOLDS = 5
NEVER = -30.0  # logit of a class without an example


class Probe:
    """A multinomial logistic regression on vectors of length 1.

    Args:
        vectors: float32 [n, hidden].
        labels: int [n], of two classes or more.
        classes: how many there are, some perhaps without an example; None: those of `labels`.
    """

    def __init__(self, vectors: np.ndarray, labels: np.ndarray, classes: int | None = None):
        with warnings.catch_warnings():
            # So many classes for so few texts might be values, it warns; they are not.
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            fitted = LogisticRegression(C=C, max_iter=200).fit(vectors, labels)
        kernel, bias = fitted.coef_.T, fitted.intercept_
        if kernel.shape[1] == 1:  # of two classes sklearn keeps one
            kernel, bias = np.hstack([-kernel, kernel]) / 2, np.array([-bias[0], bias[0]]) / 2
        width = classes or int(labels.max()) + 1
        self._kernel = np.zeros([vectors.shape[1], width], np.float32)
        self._bias = np.full(width, NEVER, np.float32)
        self._kernel[:, fitted.classes_], self._bias[fitted.classes_] = kernel, bias

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """Give logits, float32 [m, classes]."""
        return vectors @ self._kernel + self._bias

    def __call__(self, vectors: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Give probabilities, float32 [m, classes]."""
        return special.softmax(self.logits(vectors) / np.float32(temperature), axis=1)


def out_of_fold_logits(vectors: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Give each text's logits by a regression that has not seen it, float32 [n, classes].

    Of a class with one example nobody can tell it then. Texts whose fold leaves less than two
    classes to learn from have logits of 0.
    """
    folds = np.random.default_rng(0).permutation(len(labels)) % min(FOLDS, len(labels))
    logits = np.zeros([len(labels), classes], np.float32)
    for held in (folds == fold for fold in range(folds.max() + 1)):
        if len(np.unique(labels[~held])) > 1:
            fitted = Probe(vectors[~held], labels[~held], classes)
            logits[held] = fitted.logits(vectors[held])
    return logits


def fitted_temperature(held_out: np.ndarray, labels: np.ndarray) -> float:
    """Fit the temperature of a regression's probabilities on logits of texts held out.

    A text whose class the others have no example of says nothing of it, nor does such a class. It
    is 1 at the most: a regression with a penalty is not sure enough as it is, and texts that were
    chosen to be labelled are harder than others.
    """
    absent = held_out <= NEVER / 2
    known = np.where(absent[np.arange(len(labels)), labels], -1, labels)
    least = np.where(absent, np.inf, held_out).min(1, keepdims=True)
    return min(1.0, fit_temperature(np.where(absent, least, held_out), known))
