"""Logs, persons, and what everybody takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.apps.recommend.ranking.deeds import (
    BOUGHT,
    CLICKED,
    DAY,
    REFUSED,
    RETURNED,
    Deeds,
)
from tfsocial.apps.recommend.ranking.person import Person, persons
from tfsocial.apps.recommend.ranking.pulse import DAYS, Pulse
from tfsocial.errors import InputError

NOW = 15_000 * DAY


def test_deeds_are_sorted_and_cut_by_time() -> None:
    log = Deeds.of([1, 2, 1], [5, 6, 7], [30.0, 10.0, 20.0], [BOUGHT, CLICKED, BOUGHT])
    assert log.item.tolist() == [6, 7, 5]
    assert log.before(20.0).item.tolist() == [6]
    assert log.since(20.0).item.tolist() == [7, 5]
    assert log.of_kind(BOUGHT).user.tolist() == [1, 1]
    assert log.quantity.tolist() == [1.0, 1.0, 1.0]


def test_first_deeds_of_pairs() -> None:
    log = Deeds.of([1, 1, 2, 1], [5, 6, 5, 5], [1.0, 2.0, 3.0, 4.0])
    assert log.firsts().time.tolist() == [1.0, 2.0, 3.0]


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(InputError, match="item has 1 values for 2 times"):
        Deeds.of([1, 2], [5], [1.0, 2.0])
    with pytest.raises(InputError, match="kind must be the place of one of bought"):
        Deeds.of([1], [5], [1.0], [9])


def test_a_log_is_parted_by_user() -> None:
    log = Deeds.of([2, 1, 2], [5, 6, 7], [3.0, 2.0, 1.0])
    found = persons(log)
    assert {user: one.items.tolist() for user, one in found.items()} == {1: [6], 2: [7, 5]}
    assert persons(log[:0]) == {}


def test_tastes_weigh_each_item_by_its_strongest_deed() -> None:
    person = Person().did(3, NOW - 60 * DAY).did(4, NOW - 30 * DAY, CLICKED)
    person = person.did(3, NOW - 30 * DAY, CLICKED)
    tastes = person.tastes(NOW, half_life=30.0)
    assert sorted(tastes.items) == [3, 4]
    assert dict(zip(tastes.items, tastes.weights, strict=True)) == pytest.approx({3: 1.0, 4: 0.3})
    assert dict(zip(tastes.items, tastes.recent, strict=True)) == pytest.approx({3: 0.5, 4: 0.15})


@pytest.mark.parametrize("kind", [REFUSED, RETURNED])
def test_what_is_refused_is_no_taste(kind: int) -> None:
    person = Person().did(3, NOW).did(3, NOW, kind).did(4, NOW)
    assert person.tastes(NOW, 30.0).items.tolist() == [4]
    assert person.refused.tolist() == [3]


def test_picks_are_of_now() -> None:
    person = Person().did(3, NOW - DAY).with_picks(np.array([9]), np.array([0.5]))
    tastes = person.tastes(NOW, 30.0)
    assert tastes.items.tolist() == [3, 9]
    assert tastes.recent[1] == pytest.approx(0.5)
    assert tastes.last(1).items.tolist() == [9]


def test_counts_of_windows() -> None:
    log = Deeds.of([1] * 4, [0, 0, 1, 0], [NOW - 10 * DAY, NOW - 3 * DAY, NOW - DAY, NOW])
    pulse = Pulse.of(log, 2)
    assert pulse.counts(NOW, 7).tolist() == [2.0, 1.0]
    assert pulse.counts(NOW, 10).tolist() == [3.0, 1.0]
    assert pulse.counts(NOW + 9 * DAY, 7).tolist() == [0.0, 0.0]
    assert pulse.last.tolist() == [NOW, NOW - DAY]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2 * DAYS)), max_size=30))
def test_one_deed_at_a_time_is_the_log_at_once(rows: list[tuple[int, int]]) -> None:
    rows.sort(key=lambda row: row[1])
    items, days = [row[0] for row in rows], [row[1] * DAY for row in rows]
    whole, live = Pulse.of(Deeds.of([0] * len(rows), items, days), 4), Pulse(4)
    for item, time in zip(items, days, strict=True):
        live.add(item, time)
    for window in (7, 90, 380):
        for now in (days[-1] if days else 0.0, 2 * DAYS * DAY):
            np.testing.assert_array_equal(live.counts(now, window), whole.counts(now, window))
    np.testing.assert_array_equal(live.ever, whole.ever)
    np.testing.assert_array_equal(live.last, whole.last)


def test_a_click_is_no_purchase_and_a_late_one_counts_on_its_day() -> None:
    pulse = Pulse(2)
    pulse.add(0, NOW)
    pulse.add(0, NOW, CLICKED)
    pulse.add(1, NOW - 2 * DAY)
    pulse.add(1, NOW - (DAYS + 1) * DAY)
    assert pulse.counts(NOW, 1).tolist() == [1.0, 0.0]
    assert pulse.counts(NOW, 7).tolist() == [1.0, 1.0]
    assert pulse.ever.tolist() == [1.0, 2.0]


def test_room_for_new_items() -> None:
    pulse = Pulse(1)
    pulse.add(0, NOW)
    pulse.grow(3)
    pulse.add(2, NOW)
    assert pulse.counts(NOW, 7).tolist() == [1.0, 0.0, 1.0]
