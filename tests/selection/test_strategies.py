"""Which rows the strategies choose: hand-worked ones, promises of all, and two other libraries'."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from tests.reference import make_selection
from tfsocial.errors import InputError
from tfsocial.selection.contract import Candidates
from tfsocial.selection.neighbourhood import Neighbourhood
from tfsocial.selection.strategies.badge import Badge, lengths, squares
from tfsocial.selection.strategies.table import STRATEGIES, strategy
from tfsocial.selection.strategies.typi_clust import TypiClust
from tfsocial.selection.strategies.uncertainty import Entropy, Margin


def candidates(vectors, covered=None, p=None, seed=0) -> Candidates:
    vectors = np.asarray(vectors, np.float32)
    covered = vectors[:0] if covered is None else np.asarray(covered, np.float32)
    p = None if p is None else np.asarray(p, np.float32)
    return Candidates(vectors, covered, p, np.random.default_rng(seed))


def drawn(rows: int, covered: int, seed: int) -> Candidates:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(rows + covered, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    p = random.dirichlet(np.ones(4), rows)
    return candidates(vectors[:rows], vectors[rows:], p, seed)


@pytest.mark.parametrize("name", STRATEGIES)
@given(rows=st.integers(1, 40), covered=st.integers(0, 10), n=st.integers(1, 50))
def test_each_gives_different_rows_as_many_as_there_are_and_the_same_again(name, rows, covered, n):
    one, two = (strategy(name)(drawn(rows, covered, 7), n) for _ in range(2))
    assert one.tolist() == two.tolist()
    assert len(one) == len(set(one.tolist())) == min(n, rows)
    assert set(one.tolist()) <= set(range(rows))


def test_an_unknown_one_is_a_sentence():
    with pytest.raises(InputError, match="--strategy=margn: did you mean margin"):
        strategy("margn")


P = [[0.9, 0.05, 0.05], [0.5, 0.48, 0.02], [0.4, 0.31, 0.29], [0.6, 0.2, 0.2]]


def test_the_margin_is_the_lead_over_the_next():
    """0.85, 0.02, 0.09, 0.4."""
    assert Margin()(candidates(np.eye(4), p=P), 3).tolist() == [1, 2, 3]


def test_the_entropy_is_largest_where_all_are_alike():
    """0.394, 0.777, 1.089, 0.950."""
    assert Entropy()(candidates(np.eye(4), p=P), 3).tolist() == [2, 3, 1]


def on_circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_the_densest_text_of_each_cluster_the_largest_cluster_first():
    """Around 0 degrees seven, the one at 0 in their midst; around 180 five, around 90 two."""
    vectors = on_circle(-9, -4, -1, 0, 1, 4, 9, 176, 179, 180, 181, 184, 90, 91)
    chosen = TypiClust(neighbours=3)(candidates(vectors), 3)
    assert chosen[:2].tolist() == [3, 9]
    assert chosen[2] in (12, 13)


def test_a_cluster_with_a_label_comes_last():
    vectors = on_circle(-4, -1, 0, 1, 4, 176, 179, 180, 181, 184)
    chosen = TypiClust(neighbours=3)(candidates(vectors, on_circle(2)), 1)
    assert chosen.tolist() == [7]


def test_typicality_is_that_of_the_nearest_neighbours():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(60, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances, _ = NearestNeighbors(n_neighbors=8).fit(vectors).kneighbors(vectors)
    chosen = TypiClust(neighbours=7)(candidates(vectors), 1)
    assert chosen.tolist() == [distances.mean(1).argmin()]


def test_distances_of_gradients_are_those_of_gradients_written_out():
    found = drawn(20, 0, 3)
    p = found.probabilities
    errors = p - np.eye(4, dtype=np.float32)[p.argmax(1)]
    gradients = (errors[:, :, np.newaxis] * found.vectors[:, np.newaxis]).reshape(20, -1)
    expected = ((gradients - gradients[5]) ** 2).sum(1)
    np.testing.assert_allclose(squares(errors, found.vectors, 5), expected, atol=1e-6)


def test_badge_begins_with_the_longest_gradient():
    """Of vectors of length 1 that of the largest error: 0.0035, 0.480, 0.541, 0.24 squared sums."""
    assert Badge()(candidates(np.eye(4), p=P), 1).tolist() == [2]


def test_badge_takes_none_twice_where_all_gradients_are_nothing():
    sure = np.tile([[1.0, 0.0]], (5, 1))
    assert sorted(Badge()(candidates(np.eye(5), p=sure), 5).tolist()) == [0, 1, 2, 3, 4]


def test_in_a_large_pool_only_neighbours_of_labelled_texts_are_weighed():
    """The surest doubt, row 0, is far from what is labelled."""
    vectors = on_circle(180, 10, 20, 170)
    p = [[0.5, 0.5], [0.6, 0.4], [0.9, 0.1], [0.5, 0.5]]
    found = candidates(vectors, on_circle(0), p)
    assert Neighbourhood(Margin())(found, 1).tolist() == [0]
    assert Neighbourhood(Margin(), whole_up_to=3, nearest=2)(found, 2).tolist() == [1, 2]


# --- other libraries -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> dict:
    return json.loads(make_selection.FILE.read_text("utf-8"))


def test_breaking_ties_of_small_text(reference):
    vectors, _, p = make_selection.drawn()
    ours = Margin()(candidates(vectors, p=p), 10)
    assert ours.tolist() == reference["small-text"]["breaking_ties"]


def test_typi_clust_of_scikit_activeml(reference):
    vectors, labelled, _ = make_selection.drawn()
    free = np.setdiff1d(np.arange(len(vectors)), labelled)
    found = candidates(vectors[free], vectors[labelled])
    ours = free[TypiClust(neighbours=make_selection.NEIGHBOURS)(found, make_selection.N)]
    assert ours.tolist() == reference["scikit-activeml"]["typi_clust"]


def test_badge_of_scikit_activeml(reference):
    """Its first text, and with which probabilities it draws the second.

    It counts the distance to nothing, a gradient's length, as one to a text chosen before, which
    the paper's authors do not (their `init_centers`) and we neither.
    """
    vectors, labelled, p = make_selection.drawn()
    free = np.setdiff1d(np.arange(len(vectors)), labelled)
    first = free[Badge()(candidates(vectors[free], p=p[free]), 1)].tolist()
    assert first == reference["scikit-activeml"]["badge"]["first"]
    errors = p[free] - np.eye(p.shape[1])[p[free].argmax(1)]
    distances = squares(errors, vectors[free], free.tolist().index(first[0]))
    nearest = np.minimum(distances, lengths(errors, vectors[free]))
    theirs = reference["scikit-activeml"]["badge"]["second"]
    np.testing.assert_allclose(nearest / nearest.sum(), theirs, atol=1e-6)
