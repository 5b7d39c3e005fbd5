"""Who is next: the urgent first, then each tenant in turn by tokens."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tfsocial.serving.gateway.load.lines import Line


def taken(line: Line) -> list:
    return [line.take()[0] for _ in range(len(line))]


def test_urgent_ones_go_first():
    line = Line()
    line.put("later", "a", 1, priority=2)
    line.put("now", "b", 1, priority=0)
    assert taken(line) == ["now", "later"]


def test_a_tenant_who_was_away_has_saved_nothing_up():
    """Turns that were not used are not made good: the line would be theirs for long."""
    line = Line()
    for number in range(100):
        line.put(("a", number), "a", 10)
    for _ in range(50):
        line.take()
    for number in range(10):
        line.put(("b", number), "b", 10)
    first = [tenant for tenant, _ in taken(line)[:20]]
    assert Counter(first) == {"a": 10, "b": 10}


def test_long_texts_get_fewer_turns():
    line = Line()
    for number in range(40):
        line.put("long", "a", 40)
        line.put("short", "b", 10)
        del number
    first = Counter(taken(line)[:25])
    assert first["short"] == 20
    assert first["long"] == 5


def test_what_is_put_back_is_next():
    line = Line()
    line.put("first", "a", 1)
    line.put("second", "a", 1)
    item, tokens = line.take()
    line.put_back(item, "a", tokens)
    assert taken(line) == ["first", "second"]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 50), st.integers(0, 2)), max_size=60)
)
def test_nothing_is_lost_and_a_tenant_keeps_its_order(puts):
    line = Line()
    for number, (tenant, tokens, priority) in enumerate(puts):
        line.put((tenant, priority, number), tenant, tokens, priority)
    assert line.tokens == sum(tokens for _, tokens, _ in puts)
    out = taken(line)
    assert line.tokens == 0
    assert sorted(number for *_, number in out) == list(range(len(puts)))
    for tenant in "abc":
        for priority in range(3):
            own = [number for t, p, number in out if (t, p) == (tenant, priority)]
            assert own == sorted(own)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 20)), min_size=40, max_size=80))
def test_two_tenants_who_always_wait_get_as_much(puts):
    """While both wait, neither is ahead by more than the two largest texts."""
    line, left = Line(), Counter()
    for tenant, tokens in puts:
        line.put((tenant, tokens), tenant, tokens)
        left[tenant] += 1
    got = Counter()
    while left["a"] and left["b"]:
        (tenant, tokens), _ = line.take()
        got[tenant] += tokens
        left[tenant] -= 1
        assert abs(got["a"] - got["b"]) <= 40


def test_what_is_ahead():
    """More urgent ones, one's own, and of others as many as one's own."""
    line = Line()
    line.put("u", "a", 5, priority=0)
    line.put("x", "a", 30)
    line.put("y", "b", 10)
    line.put("z", "b", 10, priority=2)
    assert line.ahead("a") == 5 + 30 + 10
    assert line.ahead("b") == 5 + 10 + 10
    assert line.ahead("c") == 5
