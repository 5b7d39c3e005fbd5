"""Texts chosen by small-text and scikit-activeml, labels that cleanlab suspects: oracles of ours.

Runs in an environment of its own, which has them and no TensorFlow:

    python3.11 -m venv selection_environment
    selection_environment/bin/pip install -r tests/reference/requirements-selection.txt
    selection_environment/bin/python tests/reference/make_selection.py     (writes selection.json)

Vectors lie in well-parted clusters of different sizes, so that every k-means finds the same.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np

FILE = Path(__file__).parent / "selection.json"
SIZES = (40, 33, 27, 22, 18, 15, 12, 9)
WIDTH = 24
NEIGHBOURS = 5
N = 5
PACKAGES = ("cleanlab", "small-text", "scikit-activeml", "scikit-learn")


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors float32 [n, WIDTH] of length 1, rows with a label, probabilities [n, 4]."""
    random = np.random.default_rng(0)
    centres = np.linalg.qr(random.normal(size=(WIDTH, WIDTH)))[0][: len(SIZES)]
    vectors = np.repeat(centres, SIZES, axis=0) + 0.05 * random.normal(size=(sum(SIZES), WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labelled = np.array([0, 40, 73])  # one each of the three largest clusters
    return vectors.astype(np.float32), labelled, random.dirichlet(np.ones(4), len(vectors))


def mislabelled() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [n, 4] of a model that is right mostly, and labels, every eighth wrong."""
    random = np.random.default_rng(1)
    truth = np.arange(120) % 4
    p = random.dirichlet(np.ones(4), len(truth)) + 1.5 * np.eye(4)[truth]
    labels = np.where(np.arange(120) % 8 == 3, (truth + 1) % 4, truth)
    return p / p.sum(1, keepdims=True), labels


def main() -> None:
    found = {
        "small-text": {"breaking_ties": breaking_ties()},
        "scikit-activeml": {"typi_clust": typi_clust(), "badge": badge()},
        "cleanlab": label_errors(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
    }
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def breaking_ties() -> list[int]:
    from small_text import BreakingTies

    vectors, _, p = drawn()
    classifier = SimpleNamespace(predict_proba=lambda _: p)
    every, none = np.arange(len(vectors)), np.zeros(0, int)
    rows = BreakingTies().query(classifier, vectors, every, none, np.zeros(0, int), n=10)
    margins = np.sort(p, axis=1)[:, -1] - np.sort(p, axis=1)[:, -2]
    return sorted(rows.tolist(), key=lambda row: margins[row])  # it gives them in no order


def typi_clust() -> list[int]:
    from skactiveml.pool import TypiClust

    vectors, labelled, _ = drawn()
    chooses = TypiClust(random_state=0, k=NEIGHBOURS)
    return chooses.query(vectors, _labels(len(vectors), labelled), batch_size=N).tolist()


def badge() -> dict[str, list]:
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Badge

    vectors, labelled, p = drawn()

    class Given(SkactivemlClassifier):
        """Says what is given, whatever it learns."""

        def __init__(self, classes=None, missing_label=np.nan, random_state=None):
            super().__init__(classes, missing_label, None, random_state)

        def fit(self, X, y, sample_weight=None):  # noqa: N803
            self.classes_ = np.arange(p.shape[1])
            return self

        def predict_proba(self, X):  # noqa: N803
            rows = [int(np.abs(vectors - one).sum(1).argmin()) for one in X]
            return p[rows]

    rows, utilities = Badge(random_state=0).query(
        vectors.astype(np.float64),
        _labels(len(vectors), labelled),
        Given(classes=np.arange(p.shape[1])),
        batch_size=2,
        return_utilities=True,
    )
    free = np.setdiff1d(np.arange(len(vectors)), labelled)
    return {"first": [int(rows[0])], "second": np.nan_to_num(utilities[1][free]).tolist()}


def label_errors() -> dict[str, list[int]]:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    p, labels = mislabelled()
    marked = find_label_issues(labels, p, filter_by="confident_learning")
    scores = get_label_quality_scores(labels, p, method="self_confidence")
    return {
        "confident_learning": np.flatnonzero(marked).tolist(),
        "self_confidence": np.argsort(scores, kind="stable").tolist(),
    }


def _labels(n: int, labelled: np.ndarray) -> np.ndarray:
    labels = np.full(n, np.nan)
    labels[labelled] = np.arange(len(labelled))
    return labels


if __name__ == "__main__":
    main()
