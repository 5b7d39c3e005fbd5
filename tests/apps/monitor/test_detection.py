"""Surges are found in drawn counts, floods are not, and numbers are those worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsocial.apps.monitor.detection import fitting, thresholds
from tfsocial.apps.monitor.detection.expected import expected, season, trend
from tfsocial.apps.monitor.detection.heights import heights, rising
from tfsocial.apps.monitor.detection.levels import autoregression, binomial, switching
from tfsocial.apps.monitor.detection.scan import LOWEST, newest, scan, windows
from tfsocial.apps.monitor.detection.settings import Settings

OURS = Settings(hour=2)  # half an hour a bin
DAY = OURS.day
SEASON = 4 + 3 * np.sin(np.arange(24) * np.pi / 12)  # negatives of a bin by hour


def drawn(days, seed=0, surge=1.0, flood=1.0, lasts=12, leak=0.0):
    """Negatives, totals and phases; on the last day, from noon on, with a surge or a flood."""
    source = np.random.default_rng(seed)
    phase = (np.arange(days * DAY) // OURS.hour) % 24
    at = slice((days - 1) * DAY + DAY // 2, (days - 1) * DAY + DAY // 2 + lasts)
    negative, rest = SEASON[phase].copy(), SEASON[phase].copy()
    negative[at] *= surge
    negative[at] += leak * rest[at] * (flood - 1)
    rest[at] *= flood
    counts = source.poisson([negative, rest])
    return counts[0], counts.sum(0), phase, at


# --- what is expected -----------------------------------------------------------------------


def test_season_is_the_mean_of_an_hour_drawn_a_little_to_that_of_all():
    phase = np.tile([0, 0, 1, 1], 10)  # two phases, each two bins long, ten times
    counts = np.tile([4, 4, 1, 1], 10)
    found = season(counts, phase, 2, OURS)
    # Of each phase 20 bins and a tenth of a day's two bins of the overall 2.5; then a quarter of
    # either neighbour, which here is the same one twice.
    four, one = (80 + 0.5) / 20.2, (20 + 0.5) / 20.2
    assert found == pytest.approx([(four + one) / 2, (four + one) / 2])


def test_an_earlier_surge_does_not_raise_what_is_expected():
    negative, _, phase, at = drawn(15)
    surged = negative.copy()
    surged[at] *= 6
    before, after = (expected(one, phase, np.arange(24), OURS) for one in (negative, surged))
    assert after == pytest.approx(before, rel=0.1, abs=0.25)
    assert surged.mean() > 1.05 * negative.mean()
    assert before == pytest.approx(SEASON, rel=0.35)


def test_trend_follows_the_last_days_and_not_one_of_them():
    flat = np.ones(20 * DAY)
    doubled, one_day = flat.copy(), flat.copy()
    doubled[-6 * DAY :] *= 2
    one_day[-DAY:] *= 30
    assert trend(flat, flat, OURS) == pytest.approx(1)
    assert trend(doubled, flat, OURS) > 1.25
    assert trend(one_day, flat, OURS) < 1.1
    assert trend(flat[:DAY], flat[:DAY], OURS) == 1


@given(st.integers(1, 40), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_expectations_are_positive_and_of_the_size_of_counts(days, seed):
    counts = np.random.default_rng(seed).poisson(3, days * DAY)
    phase = (np.arange(len(counts)) // OURS.hour) % 24
    found = expected(counts, phase, phase, OURS)
    assert (found > 0).all()
    assert found.mean() == pytest.approx(counts.mean(), rel=0.35)


# --- the filter -----------------------------------------------------------------------------


@given(st.floats(0.05, 0.99), st.integers(2, 9))
def test_levels_keep_their_variance_and_their_correlation(memory, size):
    moves, often = autoregression(memory, size), binomial(size)
    values = np.sqrt(size - 1) * np.linspace(-1, 1, size)
    assert moves.sum(1) == pytest.approx(1)
    assert often @ moves == pytest.approx(often)
    assert often @ values**2 == pytest.approx(1)
    assert moves @ values == pytest.approx(memory * values, abs=1e-9)


@given(st.integers(2, 6), st.floats(0, 0.3), st.floats(0, 0.3), st.floats(0, 0.3))
def test_switching_is_by_probabilities(states, enter, leave, move):
    found = switching(states, enter, leave, move)
    assert (found >= 0).all()
    assert found.sum(1) == pytest.approx(1)
    assert found[0, 0] == pytest.approx(1 - enter)


# --- scores ---------------------------------------------------------------------------------


def test_a_surge_scores_and_a_quiet_day_does_not():
    negative, total, phase, at = drawn(8, surge=6.0)
    found = scan(negative, total, phase, OURS)
    assert found.score[at].max() > 2
    assert found.score[2 * DAY : at.start].max() < 0
    # When it stands out most, so does a window that is no longer than the surge has lasted.
    best = at.start + int(found.score[at].argmax())
    window = int(found.window[best])
    assert negative[best - window + 1 : best + 1].sum() > 2 * (
        found.expected[best - window + 1 : best + 1].sum()
    )


def test_a_flood_neither_raises_an_alarm_nor_hides_one():
    ours = replace(OURS, leak=0.3)
    flood = scan(*drawn(8, flood=15.0, leak=0.3)[:3], ours)
    both = scan(*drawn(8, flood=15.0, leak=0.3, surge=8.0)[:3], ours)
    at = drawn(8)[3]
    blind = scan(*drawn(8, flood=15.0, leak=0.3)[:3], OURS)
    assert flood.score[at].max() < 0 < blind.score[at].max()
    without = scan(*drawn(8, surge=8.0)[:3], ours)
    assert min(without.score[at].max(), both.score[at].max()) > 2


def test_with_too_few_days_nothing_is_judged():
    negative, total, phase, _ = drawn(3)
    score = scan(negative, total, phase, OURS).score
    assert (score[: 2 * DAY] == LOWEST).all()
    assert (score[2 * DAY :] > LOWEST).all()


@given(st.integers(0, 10**6), st.integers(1, 100), st.integers(0, 10**4))
@settings(max_examples=8, deadline=None)
def test_the_newest_bins_score_as_in_a_scan_of_all_of_them(seed, bins, first):
    negative, total, phase, _ = drawn(33, seed, surge=3.0)
    everything = scan(negative, total, phase, OURS, first)
    cut = slice(2 * DAY, None)  # older ones change nothing
    some = newest(negative[cut], total[cut], phase[cut], bins, OURS, first + 2 * DAY)
    for name, values in vars(some).items():
        assert values == pytest.approx(getattr(everything, name)[-bins:]), name


@given(st.integers(0, 10**6), st.integers(1, 60))
@settings(max_examples=8, deadline=None)
def test_a_score_knows_nothing_of_later_bins(seed, later):
    negative, total, phase, _ = drawn(6, seed, surge=5.0)
    known = scan(negative[:-later], total[:-later], phase[:-later], OURS)
    everything = scan(negative, total, phase, OURS)
    for name, values in vars(known).items():
        assert values == pytest.approx(getattr(everything, name)[:-later]), name


def test_texts_without_labels_are_scanned_by_their_counts():
    negative, _, phase, at = drawn(8, surge=5.0)
    score = scan(negative, negative, phase, OURS).score
    assert score[at].max() > 2
    assert score[2 * DAY : at.start].max() < 0


def test_a_window_is_the_one_that_stands_out_most():
    # Two bins of 6 where 1 was expected: 12 log(12 / 2) - 10 = 11.5; the last alone 5.8 and
    # four bins, 14 in place of 4, 7.5.
    ours = Settings(hour=2, windows=(0.5, 1, 2))
    found = windows(np.array([1, 1, 1, 1, 6, 6]), np.ones(6), ours)
    assert found[-1] == 2
    assert found[-2] == 1


def test_most_quiet_bins_are_inside_the_band():
    negative, total, phase, _ = drawn(20)
    found = scan(negative, total, phase, OURS)
    own = slice(3 * DAY, None)
    inside = (negative >= found.low)[own] & (negative <= found.high)[own]
    assert 0.93 < inside.mean() <= 1
    assert (found.low <= found.expected).all()


# --- fitting and thresholds -----------------------------------------------------------------


def together(days, coupling, seed=0):
    """Counts whose negatives and rest move together or apart."""
    source = np.random.default_rng(seed)
    bins = days * DAY
    moves = np.repeat(source.normal(0, 0.5, (2, bins // 6)), 6, 1)
    moves[1] = coupling * moves[0] + np.sqrt(1 - coupling**2) * moves[1]
    counts = source.poisson(12 * np.exp(moves))
    return counts[0], counts.sum(0), (np.arange(bins) // OURS.hour) % 24


def test_labels_are_coupled_as_far_as_they_move_together():
    assert fitting.fit(*together(16, 1.0), OURS).coupling == 1
    assert fitting.fit(*together(16, 0.0), OURS).coupling <= 0.2
    assert fitting.fit(*together(5, 1.0), OURS) == OURS  # too few days


def test_alarms_within_half_a_day_are_one():
    half = thresholds.GAP * OURS.hour
    line = np.zeros((2, 4 * half))
    line[0, [0, half, 2 * half + 1]] = 1  # the third one more than half a day after the second
    line[1, 0] = 1
    assert thresholds.alarms(line, 0.5, OURS) == 3
    assert thresholds.alarms(line, 1.5, OURS) == 0


def test_a_level_is_passed_as_often_as_was_asked_for_and_beyond_the_tail_goes_on():
    # Apart by more than half a day, heights exponential: above log(all / n) are n of them.
    step, many = thresholds.GAP * OURS.hour + 1, 4000
    line = np.zeros(step * many)
    line[::step] = -np.log((np.arange(many) + 0.5) / many)
    weeks = line.size / (7 * DAY)
    for wanted in (400, 40, 2):
        found = thresholds.level(line[None], wanted / weeks, OURS)
        assert found == pytest.approx(np.log(many / wanted), abs=0.1)


def test_rarer_alarms_have_higher_thresholds_and_own_scores_count(monkeypatch):
    monkeypatch.setattr(thresholds, "ROWS", 15)
    negative, total, phase, at = drawn(6)
    often, rarely = (
        thresholds.threshold(negative, total, phase, rate, OURS) for rate in (2.0, 0.2)
    )
    assert often < rarely
    burst = negative.copy()
    burst[at] *= 3
    more = total + burst - negative
    raised = thresholds.threshold(burst, more, phase, 2.0, OURS)
    own = thresholds.own_scores(burst, more, phase, OURS, 0).max()
    assert rarely < raised <= own


def test_a_topic_of_which_nobody_speaks_does_not_alarm(monkeypatch):
    monkeypatch.setattr(thresholds, "ROWS", 5)
    nothing, phase = np.zeros(4 * DAY, int), (np.arange(4 * DAY) // OURS.hour) % 24
    limit = thresholds.threshold(nothing, nothing, phase, 0.2, OURS)
    assert (scan(nothing, nothing, phase, OURS).score < limit).all()


# --- counts without labels ------------------------------------------------------------------


def test_heights_are_in_units_of_the_highest_of_the_past():
    counts = np.full(5 * DAY, 3)
    counts[4 * DAY + 5] = 30
    counts[DAY] = 8  # one of 144 bins: above their .995 quantile there is less than one
    found = heights(counts, OURS)
    assert (found[: 2 * DAY] == LOWEST).all()
    unit = np.quantile(counts[: 4 * DAY], 0.995)
    assert found[4 * DAY + 5] == pytest.approx(np.log(30 / unit))
    assert found[4 * DAY + 4] == pytest.approx(np.log(3 / unit))
    assert heights(counts[: 4 * DAY], OURS) == pytest.approx(found[: 4 * DAY])


def test_an_alarm_is_raised_again_when_it_gets_much_worse_or_after_a_pause():
    score = np.array([0.0, 1.0, 1.1, 1.4, 0.0, 0.0, 1.2, 0.0, 0.0, 0.0, 0.9])
    assert rising(score, 0.5, gap=3) == [1, 3, 10]
    assert rising(score, 1.25, gap=3) == [3]
    assert rising(score, 2.0, gap=3) == []
