"""Diverse lists against what a slow search finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tfsocial.apps.recommend.ranking import measures
from tfsocial.apps.recommend.ranking.diversity import dpp, mmr, unit, with_bonus

Way = Callable[[np.ndarray, np.ndarray, int, float], np.ndarray]
BOTH = pytest.mark.parametrize("way", [mmr, dpp])


def drawn(items: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    vectors = draw.normal(0, 1, (items, 6)) + np.array([2.0, 0, 0, 0, 0, 0])
    return draw.random(items), vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@BOTH
def test_at_zero_it_is_the_order_of_relevance(way: Way) -> None:
    relevance, vectors = drawn()
    assert way(relevance, vectors, 10, 0.0).tolist() == np.argsort(-relevance)[:10].tolist()


@BOTH
def test_lists_have_each_item_once_and_no_more_than_there_are(way: Way) -> None:
    relevance, vectors = drawn()
    assert sorted(way(relevance, vectors, 50, 0.7)) == list(range(30))
    assert way(relevance[:0], vectors[:0], 5, 0.5).tolist() == []


@BOTH
def test_distance_grows_with_the_slider(way: Way) -> None:
    relevance, vectors = drawn(60)
    lists = [way(relevance, vectors, 5, slider) for slider in (0.0, 0.5, 0.9)]
    distances = [measures.intra_list_distance(one, vectors) for one in lists]
    assert distances == sorted(distances)
    assert distances[2] > distances[0] + 0.1


@BOTH
def test_a_copy_comes_after_what_is_new(way: Way) -> None:
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert way(np.array([1.0, 0.9, 0.5]), vectors, 3, 0.5).tolist() == [0, 2, 1]


def test_mmr_by_hand() -> None:
    vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    # After the first: .75 * .9 - .25 * .8 = .475 against .75 * .6 - 0 = .45
    assert mmr(np.array([1.0, 0.9, 0.6]), vectors, 2, 0.25).tolist() == [0, 1]
    # .7 * .9 - .3 * .8 = .39 against .42
    assert mmr(np.array([1.0, 0.9, 0.6]), vectors, 2, 0.3).tolist() == [0, 2]


@pytest.mark.parametrize("slider", [0.2, 0.5, 0.8])
def test_dpp_is_the_greedy_search_by_determinants(slider: float) -> None:
    relevance, vectors = drawn(12, seed=3)
    chosen: list[int] = []
    for _ in range(5):
        merits = {
            place: (1 - slider) * relevance[[*chosen, place]].sum()
            + slider * np.linalg.slogdet(_kernel(vectors[[*chosen, place]])).logabsdet
            for place in range(12)
            if place not in chosen
        }
        chosen.append(max(merits, key=merits.__getitem__))
    assert dpp(relevance, vectors, 5, slider).tolist() == chosen


def _kernel(vectors: np.ndarray) -> np.ndarray:
    return vectors @ vectors.T


def test_items_without_a_text_are_not_alike() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    assert mmr(np.array([1.0, 0.5, 0.9]), vectors, 2, 0.5).tolist() == [0, 1]


def test_what_is_never_shown_is_lifted_most() -> None:
    lifted = with_bonus(np.zeros(3), [0, 2, 4], 0.3)
    assert lifted.tolist() == pytest.approx([0.3, 0.15, 0.1])
    assert unit(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]
