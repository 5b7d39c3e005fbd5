"""Counts by time of happening: in whatever order events come, they end the same."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfsocial.apps.buckets import Buckets
from tfsocial.apps.database import open_database, writing
from tfsocial.apps.events import Event


def came(happened: float, arrived: float = 10_000.0) -> Event:
    return Event("opinions", "k", happened, arrived=arrived)


def test_counts_stand_where_things_happened(engine):
    buckets = Buckets("air", width=600, lateness=300)
    with writing(engine) as connection:
        assert buckets.closed_before(connection) == 0
        first = [(came(100), "bad"), (came(599.9), "bad"), (came(600), "good")]
        assert buckets.add(connection, first) == []
        assert buckets.counts(connection, 0, 1200) == {0: {"bad": 2}, 600: {"good": 1}}
        assert buckets.closed_before(connection) == 300
        assert buckets.add(connection, [(came(1000), "bad")]) == []  # the first one closes now
        assert buckets.add(connection, [(came(200), "bad"), (came(700), "bad")]) == [0]
        assert buckets.counts(connection, 0, 600) == {0: {"bad": 3}}
        assert buckets.counts(connection, 600, 1200) == {600: {"good": 1, "bad": 2}}
        assert buckets.counts(connection, 5000, 6000) == {}


def test_who_says_that_it_happens_tomorrow_closes_nothing(engine):
    buckets = Buckets("air", width=600)
    with writing(engine) as connection:
        buckets.add(connection, [(came(90_000, arrived=1_200), "bad")])
        assert buckets.closed_before(connection) == 1_200
        assert buckets.add(connection, [(came(1_201), "bad")]) == []


def test_series_are_apart_and_one_is_counted_anew(engine):
    one, other = Buckets("air", 600), Buckets("sea", 600)
    with writing(engine) as connection:
        one.add(connection, [(came(1), "bad")])
        other.add(connection, [(came(1), "bad")])
        one.clear(connection)
        assert one.counts(connection, 0, 600) == {}
        assert one.closed_before(connection) == 0
        assert other.counts(connection, 0, 600) == {0: {"bad": 1}}


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.lists(st.tuples(st.floats(0, 5_000), st.sampled_from("ab")), max_size=30),
    st.randoms(use_true_random=False),
)
def test_any_order_and_any_cut_count_the_same(engine, found, source: random.Random):
    name = f"s{source.random()}"
    straight, mixed = Buckets(f"{name}-1", 600), Buckets(f"{name}-2", 600)
    events = [(came(happened), label) for happened, label in found]
    with writing(engine) as connection:
        straight.add(connection, events)
        source.shuffle(events)
        while events:
            cut = source.randint(1, len(events))
            mixed.add(connection, events[:cut])
            events = events[cut:]
        assert mixed.counts(connection, 0, 6e3) == straight.counts(connection, 0, 6e3)
        assert mixed.closed_before(connection) == straight.closed_before(connection)


def test_a_bucket_is_kept(url):
    engine = open_database(url)
    with writing(engine) as connection:
        Buckets("air", 60).add(connection, [(came(61), "bad")])
    engine.dispose()
    again = open_database(url)
    with again.connect() as connection:
        assert Buckets("air", 60).counts(connection, 0, 120) == {60: {"bad": 1}}
    again.dispose()
