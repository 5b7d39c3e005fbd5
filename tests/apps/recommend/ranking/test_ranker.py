"""The whole ranking on a small shop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.apps.recommend.ranking import by_hand
from tfsocial.apps.recommend.ranking.deeds import BOUGHT, CLICKED, DAY, REFUSED
from tfsocial.apps.recommend.ranking.fitting import fit
from tfsocial.apps.recommend.ranking.model import Model
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.ranker import Ranker

NOW = by_hand.DAYS * DAY
EVERYTHING = np.arange(by_hand.ITEMS)
RED, BLUE = EVERYTHING % 2 == 0, EVERYTHING % 2 == 1


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(by_hand.deeds(), by_hand.catalog(), NOW, by_hand.SETTINGS)


@pytest.fixture(scope="module")
def pulse() -> Pulse:
    return Pulse.of(by_hand.deeds(), by_hand.ITEMS)


@pytest.fixture(scope="module")
def ranker(model: Model) -> Ranker:
    return Ranker(model, by_hand.catalog())


@pytest.mark.parametrize("kind", [BOUGHT, CLICKED])
def test_a_deed_changes_the_next_scores(ranker: Ranker, pulse: Pulse, kind: int) -> None:
    person = Person().did(0, NOW - DAY, kind).did(2, NOW - DAY, kind)
    scores = ranker.score(person, EVERYTHING, pulse, NOW)
    assert scores[RED].mean() > scores[BLUE].mean()
    turned = person
    for item in (1, 3, 5, 7):
        turned = turned.did(item, NOW, kind)
    later = ranker.score(turned, EVERYTHING, pulse, NOW)
    assert later[BLUE].mean() - later[RED].mean() > scores[BLUE].mean() - scores[RED].mean()


def test_who_picked_interests_is_shown_the_like(ranker: Ranker, pulse: Pulse) -> None:
    for person in (
        Person().with_picks(np.array([1, 3, 5])),
        Person().with_wishes(by_hand.catalog().vectors[[1, 3, 5]]),
    ):
        scores = ranker.score(person, EVERYTHING, pulse, NOW)
        assert scores[BLUE].mean() > scores[RED].mean()


def test_candidates_leave_out_what_is_owned_and_refused(ranker: Ranker, pulse: Pulse) -> None:
    person = Person().did(0, NOW).did(2, NOW, REFUSED).did(4, NOW, CLICKED)
    found = ranker.candidates(person, pulse, NOW, by_hand.ITEMS)
    assert set(EVERYTHING) - set(found) == {0, 2}
    assert 6 not in ranker.candidates(person, pulse, NOW, by_hand.ITEMS, without=np.array([6]))
    assert len(ranker.candidates(person, pulse, NOW, 7)) == 7


def test_a_newcomer_without_interests_is_ranked_too(ranker: Ranker, pulse: Pulse) -> None:
    assert np.isfinite(ranker.score(Person(), EVERYTHING, pulse, NOW)).all()
    assert len(ranker.candidates(Person(), pulse, NOW, 5)) == 5


def test_a_saved_model_scores_alike(ranker: Ranker, pulse: Pulse, tmp_path: Path) -> None:
    ranker._model.save(tmp_path / "model")
    again = Ranker(Model.load(tmp_path / "model"), by_hand.catalog())
    person = Person().did(0, NOW - DAY)
    expected = ranker.score(person, EVERYTHING, pulse, NOW)
    np.testing.assert_array_equal(again.score(person, EVERYTHING, pulse, NOW), expected)


def test_a_catalogue_may_grow(model: Model, pulse: Pulse) -> None:
    larger = by_hand.catalog(by_hand.ITEMS + 6)
    wider = Pulse.of(by_hand.deeds(), len(larger))
    person = Person().did(0, NOW - DAY).did(by_hand.ITEMS, NOW)
    scores = Ranker(model, larger).score(person, np.arange(len(larger)), wider, NOW)
    assert np.isfinite(scores).all()


def test_fitting_is_deterministic(model: Model, ranker: Ranker, pulse: Pulse) -> None:
    again = fit(by_hand.deeds(), by_hand.catalog(), NOW, by_hand.SETTINGS)
    person = Person().did(0, NOW - DAY)
    expected = ranker.score(person, EVERYTHING, pulse, NOW)
    scores = Ranker(again, by_hand.catalog()).score(person, EVERYTHING, pulse, NOW)
    np.testing.assert_array_equal(scores, expected)
