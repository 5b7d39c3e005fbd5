"""Divergences against scipy's relative entropy and numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, rel_entr, softmax

from tfsocial.objectives import divergence


@pytest.fixture
def two_logits():
    return np.random.default_rng(3).normal(size=[2, 3, 4, 5]).astype(np.float32) * 2


def kl(kind: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    if kind == "classify":
        return rel_entr(softmax(first, -1), softmax(second, -1)).sum(-1)
    outcomes = (np.stack([expit(logits), expit(-logits)], -1) for logits in (first, second))
    return rel_entr(*outcomes).sum((-1, -2))


@pytest.mark.parametrize("kind", ["classify", "multilabel"])
def test_is_scipys_relative_entropy(kind, two_logits):
    """One way, and the mean of both ways."""
    there, back = kl(kind, *two_logits), kl(kind, *two_logits[::-1])
    np.testing.assert_allclose(divergence.from_to(kind, *two_logits), there, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        divergence.symmetric(kind, *two_logits), (there + back) / 2, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("kind", ["classify", "multilabel"])
def test_jensen_shannon_is_the_mean_distance_to_the_middle(kind, two_logits):
    """In scipy's terms; 0 between equals, log 2 a Bernoulli at most."""
    if kind == "classify":
        first, second = (softmax(logits, -1) for logits in two_logits)
    else:
        first, second = (np.stack([expit(x), expit(-x)], -1) for x in two_logits)
    middle, axes = (first + second) / 2, -1 if kind == "classify" else (-1, -2)
    expected = (rel_entr(first, middle).sum(axes) + rel_entr(second, middle).sum(axes)) / 2
    found = divergence.jensen_shannon(kind, *two_logits)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    same = divergence.jensen_shannon(kind, two_logits[0], two_logits[0])
    np.testing.assert_allclose(same, np.zeros(same.shape), atol=1e-6)


def test_jensen_shannon_of_opposites_is_log_2():
    """However certain they are."""
    found = divergence.jensen_shannon("classify", np.float32([1e4, -1e4]), np.float32([-1e4, 1e4]))
    np.testing.assert_allclose(found, np.log(2), rtol=1e-6)


def test_of_values_it_is_the_squared_distance():
    """(1 - 3)^2 + (2 - 2)^2, whichever way."""
    first, second = np.float32([[1, 2]]), np.float32([[3, 2]])
    assert divergence.from_to("regress", first, second).numpy() == [4]
    assert divergence.symmetric("regress", first, second).numpy() == [4]
