"""A ranking that learns from its own lists, in a small world."""

from __future__ import annotations

import numpy as np

from tests.apps.recommend.ranking import by_hand
from tfsocial.apps.recommend.ranking.deeds import DAY
from tfsocial.apps.recommend.simulating import Loop, _taken, simulate


def test_rounds_are_made_the_same_again_and_persons_take_what_they_like():
    deeds, catalog = by_hand.deeds(), by_hand.catalog()
    loop = Loop(rounds=2, persons=20)
    found = simulate(deeds, catalog, 90 * DAY, loop, by_hand.SETTINGS)
    assert len(found) == 3
    assert found == simulate(deeds, catalog, 90 * DAY, loop, by_hand.SETTINGS)
    for one in found:
        assert 0.5 < one.coverage <= 1
        assert one.taken <= 20 * 12
    assert found[0].taken > 20


def test_nobody_takes_what_they_would_not_and_the_first_place_is_always_seen():
    rows = np.arange(12)
    draw = np.random.default_rng(0)
    seen = np.zeros(12)
    for _ in range(2000):
        for user, item, time in _taken({7: rows}, {7: rows[::2]}, 5.0, draw):
            assert user == 7
            assert 5.0 <= time < 5.0 + 7 * DAY
            seen[item] += 1
    assert seen[0] == 2000
    assert not seen[1::2].any()
    np.testing.assert_allclose(seen[::2] / 2000, 1 / np.log2(np.arange(2, 14)[::2]), atol=0.04)
