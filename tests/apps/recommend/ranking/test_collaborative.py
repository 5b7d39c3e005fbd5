"""Matrices of purchases against slow solutions, and texts that they are smoothed over."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from implicit.cpu.als import AlternatingLeastSquares
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct

from tests.apps.recommend.ranking import by_hand
from tfsocial.apps.recommend.ranking import collaborative, likeness
from tfsocial.apps.recommend.ranking.collaborative import autoencoders
from tfsocial.apps.recommend.ranking.deeds import DAY, Deeds
from tfsocial.apps.recommend.ranking.likeness import Likeness, words
from tfsocial.apps.recommend.ranking.settings import Settings
from tfsocial.apps.recommend.ranking.smoothing import NOISE, RARE, Smoothing

NOW = by_hand.DAYS * DAY


def test_ease_by_hand() -> None:
    # gram + 2 = [[4, 1], [1, 3]], of which the inverse is [[3, -1], [-1, 4]] / 11
    matrix = scipy.sparse.csr_array(np.array([[1.0, 1.0], [1.0, 0.0]]))
    ease, lately = autoencoders(matrix, 5 * matrix, 2.0)
    np.testing.assert_allclose(ease, [[0, 1 / 4], [1 / 3, 0]], rtol=1e-6)
    np.testing.assert_allclose(lately, 5 * ease, rtol=1e-6)


def test_other_targets_are_the_least_squares_without_a_diagonal() -> None:
    draw = np.random.default_rng(0)
    own, targets = draw.integers(0, 2, (20, 4)).astype(float), draw.random((20, 4))

    def loss(free: np.ndarray, column: int) -> float:
        weights = np.insert(free, column, 0.0)
        return float(((own @ weights - targets[:, column]) ** 2).sum() + 3 * weights @ weights)

    _, lately = autoencoders(scipy.sparse.csr_array(own), scipy.sparse.csr_array(targets), 3.0)
    for column in range(4):
        slow = scipy.optimize.minimize(loss, np.zeros(3), (column,)).x
        np.testing.assert_allclose(lately[:, column], np.insert(slow, column, 0.0), atol=1e-5)


def test_folding_in_is_that_of_implicit() -> None:
    settings = Settings(als_factors=4)
    fitted = collaborative.fitted(by_hand.deeds(), by_hand.catalog().names, NOW, settings)
    model = AlternatingLeastSquares(
        factors=4, regularization=settings.als_penalty, alpha=settings.als_confidence + 1
    )
    model.item_factors = fitted.factors
    own = np.zeros((1, by_hand.ITEMS), np.float32)
    own[0, [1, 5, 6]] = 1.0
    expected = model.recalculate_user(0, scipy.sparse.csr_matrix(own))
    taste = fitted.taste(np.array([1, 5, 6]), np.ones(3, np.float32))
    np.testing.assert_allclose(taste, np.ravel(expected), rtol=1e-3)


def test_only_the_items_most_bought_have_columns() -> None:
    log = Deeds.of([1, 2, 3, 1, 2, 1], [0, 0, 0, 2, 2, 1], np.arange(6) * DAY)
    settings = Settings(columns=2, als_factors=2)
    fitted = collaborative.fitted(log, ("a", "b", "c", "d"), 6 * DAY, settings)
    assert fitted.names == ("a", "c")
    assert fitted.purchases.tolist() == [3.0, 2.0]
    # Of a: users with 2, 2 and 1 of the columns
    assert fitted.buyers[0] == pytest.approx((2 * np.log(3) + np.log(2)) / 3)


def test_shared_words_make_titles_alike() -> None:
    found = Likeness(words(("RED RETROSPOT BAG", "red retrospot cup", "blue cup", ""))).of(
        np.arange(4)
    )
    np.testing.assert_allclose(np.diag(found), [1, 1, 1, 0], atol=1e-6)
    assert found[0, 1] > found[1, 2] > found[0, 2] == 0


def test_many_items_are_compared_without_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = by_hand.catalog().vectors
    kept = Likeness(vectors).of(np.array([3, 5]))
    monkeypatch.setattr(likeness, "DENSE", 10)
    np.testing.assert_allclose(Likeness(vectors).of(np.array([3, 5])), kept, rtol=1e-5)


def test_neighbours_are_the_nearest_of_the_others() -> None:
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [-1.0, 0.0]], np.float32)
    found = Likeness(vectors).neighbours(2).toarray()
    np.testing.assert_allclose(found[0], [0, 0.8 / 1.4, 0.6 / 1.4, 0], rtol=1e-5)
    np.testing.assert_allclose(found[3], [0, 0, 0, 0], atol=1e-6)


def test_smoothing_is_a_gaussian_process() -> None:
    catalog = by_hand.catalog(12)
    vectors = catalog.vectors
    known, purchases = np.arange(8), np.arange(1, 9)
    nothing = Likeness(scipy.sparse.csr_array((12, 3), dtype=np.float32))
    smooth = Smoothing(Likeness(vectors), nothing, known, purchases)
    scores = np.random.default_rng(0).random((2, 8))
    kernel = DotProduct(0.0, "fixed") ** 2 * 0.5
    noise = NOISE + RARE / np.sqrt(purchases)
    for own, found in zip(scores, smooth(scores), strict=True):
        process = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None)
        expected = process.fit(vectors[known], own - own.mean()).predict(vectors) + own.mean()
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_new_item_has_what_its_likes_have() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]], np.float32)
    text, no_words = Likeness(vectors), Likeness(words(("", "", "", "")))
    smooth = Smoothing(text, no_words, np.array([0, 1]), np.array([100, 100]))
    first, second, like_first, no_text = smooth(np.array([[1.0, 0.0]]))[0]
    assert first == pytest.approx(like_first)
    assert first > no_text > second
    assert no_text == pytest.approx(0.5)
