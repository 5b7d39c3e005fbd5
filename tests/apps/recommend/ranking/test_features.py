"""Features and candidates by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.apps.recommend.ranking import by_hand
from tfsocial.apps.recommend.ranking import candidates, collaborative, features, item_facts
from tfsocial.apps.recommend.ranking.deeds import DAY, REFUSED
from tfsocial.apps.recommend.ranking.item_facts import ItemFacts
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.scoring import BY_OTHERS, SCORES, Scoring

NOW = by_hand.DAYS * DAY
HALF_LIFE = by_hand.SETTINGS.half_life


@pytest.fixture(scope="module")
def scoring() -> Scoring:
    names = by_hand.catalog().names
    fitted = collaborative.fitted(by_hand.deeds(), names, NOW, by_hand.SETTINGS)
    return Scoring(by_hand.catalog(by_hand.ITEMS + 2), fitted, by_hand.SETTINGS)


@pytest.fixture(scope="module")
def facts(scoring: Scoring) -> np.ndarray:
    pulse = Pulse.of(by_hand.deeds(), by_hand.ITEMS + 2)
    return ItemFacts(scoring, by_hand.SETTINGS)(pulse, NOW)


def named(values: np.ndarray, name: str, names: tuple[str, ...]) -> np.ndarray:
    return values[names.index(name)]


def test_ease_sums_the_rows_of_a_history(scoring: Scoring) -> None:
    person = Person().did(2, NOW - HALF_LIFE * DAY).did(3, NOW)
    scores = scoring(person, NOW)
    fitted = scoring.collaborative
    rows = fitted.ease[[fitted.names.index("i2"), fitted.names.index("i3")]]
    own = named(scores, "ease", SCORES)[: by_hand.ITEMS]
    np.testing.assert_allclose(own, rows.sum(0), rtol=1e-4, atol=1e-6)
    recent = named(scores, "ease_recent", SCORES)[: by_hand.ITEMS]
    np.testing.assert_allclose(recent, rows[0] / 2 + rows[1], rtol=1e-4, atol=1e-6)


def test_smoothed_rows_are_smoothed_scores(scoring: Scoring) -> None:
    scores = scoring(Person().did(2, NOW - DAY).did(3, NOW), NOW)
    known = scores[: len(BY_OTHERS), : by_hand.ITEMS]
    smooth = scoring.smooth(known)
    kinds = len(BY_OTHERS)
    np.testing.assert_allclose(scores[kinds : 2 * kinds], smooth, rtol=1e-3, atol=1e-5)
    inherited = scoring.smooth.inherited(known, smooth)
    np.testing.assert_allclose(scores[2 * kinds : 3 * kinds], inherited, rtol=1e-3, atol=1e-5)


def test_texts_of_a_history(scoring: Scoring) -> None:
    person = Person().did(2, NOW - HALF_LIFE * DAY).did(3, NOW)
    scores = scoring(person, NOW)
    vectors = scoring.catalog.vectors
    cosines = vectors[[2, 3]] @ vectors.T
    for name, expected in (
        ("text_most", cosines.max(0)),
        ("text_three", cosines.mean(0)),  # there are but two
        ("text_mean", cosines.mean(0)),
        ("text_recent", (cosines[0] / 2 + cosines[1]) / 1.5),
    ):
        np.testing.assert_allclose(named(scores, name, SCORES), expected, rtol=1e-4, atol=1e-6)
    assert np.isnan(named(scores, "text_refused", SCORES)).all()
    refusing = scoring(person.did(7, NOW, REFUSED), NOW)
    refused = named(refusing, "text_refused", SCORES)
    np.testing.assert_allclose(refused, vectors @ vectors[7], rtol=1e-4, atol=1e-6)


def test_the_three_most_alike_of_many(scoring: Scoring) -> None:
    person = Person()
    for item in range(10):
        person = person.did(item, NOW)
    vectors = scoring.catalog.vectors
    cosines = np.sort(vectors[:10] @ vectors.T, axis=0)
    three = named(scoring(person, NOW), "text_three", SCORES)
    np.testing.assert_allclose(three, cosines[-3:].mean(0), rtol=1e-4)


def test_an_item_without_purchases_has_scores_of_its_text_alone(scoring: Scoring) -> None:
    scores = scoring(Person().did(2, NOW), NOW)[:, -1]
    unknown = {name for name, score in zip(SCORES, scores, strict=True) if np.isnan(score)}
    assert unknown == {*BY_OTHERS, "text_refused"}


def test_a_history_of_an_item_without_purchases(scoring: Scoring) -> None:
    scores = scoring(Person().did(by_hand.ITEMS, NOW), NOW)
    assert np.isnan(named(scores, "ease", SCORES)).all()
    assert np.isfinite(named(scores, "text_most", SCORES)).all()


def test_sales_of_items(scoring: Scoring, facts: np.ndarray) -> None:
    log = by_hand.deeds()
    for days in item_facts.WINDOWS:
        since = log.item[log.time >= NOW - days * DAY]
        expected = np.log1p(np.bincount(since, minlength=len(facts)))
        sold = named(facts.T, f"sold_{days}", item_facts.NAMES)
        np.testing.assert_allclose(sold, expected, rtol=1e-5)
    assert np.isnan(named(facts.T, "days_since_sold", item_facts.NAMES)[-1])
    assert np.isfinite(named(facts.T, "smooth_sold_30", item_facts.NAMES)[-1])


def test_facts_follow_the_pulse(scoring: Scoring) -> None:
    pulse = Pulse(by_hand.ITEMS + 2)
    pulse.add(0, NOW)
    made = ItemFacts(scoring, by_hand.SETTINGS)
    before = made(pulse, NOW)
    assert made(pulse, NOW) is before
    pulse.add(5, NOW)
    sold = named(made(pulse, NOW).T, "sold_7", item_facts.NAMES)
    assert sold[[0, 5]] == pytest.approx([np.log(2)] * 2)


def test_facts_of_a_person(facts: np.ndarray) -> None:
    person = Person().did(2, NOW - 10 * DAY).did(3, NOW - 10 * DAY).did(4, NOW - 2 * DAY)
    found = features.person_facts(person.tastes(NOW, HALF_LIFE), facts, NOW)
    of = dict(zip(features.PERSON, found, strict=True))
    assert of["items"] == pytest.approx(np.log(4))
    assert (of["days_since_last"], of["days_since_first"]) == pytest.approx((2, 10))
    assert of["basket"] == pytest.approx(1.5)
    assert of["usual_price"] == pytest.approx(np.log(2))
    assert of["spread_of_prices"] == pytest.approx(0, abs=1e-6)
    # Listed on day 0: 110, 110 and 118 days old when they were bought
    assert of["usual_age"] == pytest.approx((110 + 110 + 118) / 3)


def test_nothing_is_known_of_a_newcomer(facts: np.ndarray) -> None:
    found = features.person_facts(Person().tastes(NOW, HALF_LIFE), facts, NOW)
    assert found[0] == 0
    assert np.isnan(found[1:]).all()


def test_features_have_their_names(scoring: Scoring, facts: np.ndarray) -> None:
    person, items = Person().did(2, NOW), np.array([5, 0])
    scores, tastes = scoring(person, NOW), person.tastes(NOW, HALF_LIFE)
    found = features.features(tastes, items, scores, facts, NOW)
    assert found.shape == (2, len(features.NAMES))
    assert found.dtype == np.float32
    ease = named(scores, "ease", SCORES)
    assert named(found.T, "ease", features.NAMES) == pytest.approx(ease[items])
    better = [(ease > ease[item]).sum() for item in items]
    assert named(found.T, "ease_rank", features.NAMES) == pytest.approx(np.log1p(better))
    prices = named(found.T, "price_to_usual", features.NAMES)
    assert prices == pytest.approx([0, 0], abs=1e-6)


def test_candidates_are_ordered_by_weighted_ranks(scoring: Scoring, facts: np.ndarray) -> None:
    scores = scoring(Person().did(2, NOW), NOW)
    expected = np.zeros(len(facts))
    for name, weight in candidates.WEIGHTS.items():
        column = scores[SCORES.index(name)] if name in SCORES else None
        if column is None:
            column = facts[:, item_facts.NAMES.index(name)]
        above = (column[None] > column[:, None]).sum(1)
        expected -= weight * np.log1p(above)
    np.testing.assert_allclose(candidates.fused(scores, facts), expected, rtol=1e-4, atol=1e-5)


def test_the_best_of_equals_are_the_first() -> None:
    assert candidates.best(np.array([0.5, 0.9, 0.5, 0.1, 0.5]), 3).tolist() == [1, 0, 2]
    assert candidates.best(np.array([0.5, 0.9]), 3).tolist() == [1, 0]
