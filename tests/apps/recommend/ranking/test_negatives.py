"""What is drawn as not bought, and how often."""

from __future__ import annotations

import numpy as np
import pytest

from tests.apps.recommend.ranking import by_hand
from tfsocial.apps.recommend.ranking import negatives
from tfsocial.apps.recommend.ranking.deeds import DAY
from tfsocial.apps.recommend.ranking.fitting import fit
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.ranker import Ranker

NOW = by_hand.DAYS * DAY


def test_shares_by_hand() -> None:
    # Half of 1 / 2 and half of 3 / 4 and of 1 / 4
    shares = np.exp(negatives.log_share(np.array([3.0, 1.0])))
    assert shares == pytest.approx([0.625, 0.375])
    assert np.exp(negatives.log_share(np.zeros(4))) == pytest.approx([0.125] * 4)


def test_items_are_drawn_by_their_shares() -> None:
    sales = np.repeat(np.arange(4), [6, 3, 2, 1])
    found = negatives.drawn(sales, np.empty(0, np.int64), 20_000, np.random.default_rng(0))
    often = np.bincount(found, minlength=4) / 20_000
    expected = np.exp(negatives.log_share(np.bincount(sales)))
    assert often == pytest.approx(expected, abs=0.01)


def test_what_is_owned_is_not_drawn() -> None:
    sales, own = np.arange(10), np.array([2, 3])
    found = negatives.drawn(sales, own, 500, np.random.default_rng(0))
    assert set(found) == set(range(10)) - {2, 3}


def test_scores_are_preferences_and_shares() -> None:
    model = fit(by_hand.deeds(), by_hand.catalog(), NOW, by_hand.SETTINGS)
    pulse, ranker = Pulse.of(by_hand.deeds(), by_hand.ITEMS), Ranker(model, by_hand.catalog())
    given = (Person().did(0, NOW), np.array([7, 3]), pulse, NOW)
    share = negatives.log_share(pulse.counts(NOW, 30))
    expected = ranker.preference(*given) + share[[7, 3]]
    np.testing.assert_allclose(ranker.score(*given), expected, rtol=1e-6)
