"""The one place that reduces: means over what is masked in, weights over the run, the sum."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsocial.config import DriftConstraint, Schedule
from tfsocial.objectives import weighing
from tfsocial.objectives.contract import Terms
from tfsocial.objectives.table import Term

fractions = st.floats(0, 1, width=32, allow_subnormal=False)  # TensorFlow takes those for 0


def terms(loss, mask) -> Terms:
    return Terms(tf.constant(loss, tf.float32), tf.constant(mask, tf.float32))


@dataclass(frozen=True)
class Moment:
    """All of a step that weighing itself looks at."""

    progress: float


@dataclass(frozen=True)
class Fixed:
    """An objective that always gives the same terms; counts how often it is asked."""

    given: Terms
    asked: list

    def __call__(self, step) -> Terms:
        self.asked.append(step)
        return self.given


class TestMean:
    """Sum over the masked examples, divided by their number."""

    def test_by_hand(self):
        """(1 + 3 + 8) / 3; what is masked out counts neither above nor below the line."""
        share = weighing.mean(terms([[1, 100], [3, 8]], [[1, 0], [1, 1]]))
        assert (share.shape, share.dtype) == ([], tf.float32)
        assert float(share) == 4

    @pytest.mark.parametrize("left_out", [math.inf, -math.inf, math.nan])
    def test_masked_loss_may_overflow(self, left_out):
        """What is masked out may be infinite or no number: the mean does not see it."""
        assert float(weighing.mean(terms([[2, left_out, 4]], [[1, 0, 1]]))) == 3

    @pytest.mark.parametrize("kept", [math.inf, math.nan])
    def test_loss_that_counts_is_not_hidden(self, kept):
        """A loss that is not finite and counts makes the mean so, for the guard to see."""
        assert not math.isfinite(weighing.mean(terms([[2, kept]], [[1, 1]])))

    def test_masked_overflow_has_no_gradient(self):
        """The gradient with respect to a masked loss is 0, also where that loss is infinite."""
        loss = tf.constant([[2.0, math.inf, 4.0]])
        with tf.GradientTape() as tape:
            tape.watch(loss)
            share = weighing.mean(Terms(loss, tf.constant([[1.0, 0.0, 1.0]])))
        np.testing.assert_array_equal(tape.gradient(share, loss), [[0.5, 0, 0.5]])

    def test_without_a_counted_example_it_is_zero(self):
        """Nothing labelled: the mean is 0 and so is its gradient, not 0 / 0."""
        loss = tf.constant([[2.0, 3.0]])
        with tf.GradientTape() as tape:
            tape.watch(loss)
            share = weighing.mean(Terms(loss, tf.zeros([1, 2])))
        assert float(share) == 0
        np.testing.assert_array_equal(tape.gradient(share, loss), [[0, 0]])

    @given(
        st.lists(st.tuples(st.floats(-100, 100, width=32), st.booleans()), min_size=1, max_size=20)
    )
    @settings(max_examples=50, deadline=None)
    def test_is_numpys_mean_of_the_chosen(self, pairs):
        """Against numpy, whatever is chosen."""
        chosen = [value for value, counts in pairs if counts]
        share = weighing.mean(terms([[v for v, _ in pairs]], [[c for _, c in pairs]]))
        np.testing.assert_allclose(share, np.mean(chosen) if chosen else 0, rtol=1e-4, atol=1e-4)

    def test_divides_by_the_count_of_all_replicas(self, two_cpus):
        """One example here, three there: the shares are quarters of the sums, 6 / 4 in all."""
        halves = [terms([[3, 9, 9]], [[1, 0, 0]]), terms([[1, 1, 1]], [[1, 1, 1]])]

        def part(context):
            return halves[context.replica_id_in_sync_group]

        given_parts = two_cpus.experimental_distribute_values_from_function(part)
        shares = tf.function(lambda parts: two_cpus.run(weighing.mean, args=(parts,)))(given_parts)
        assert [float(share) for share in two_cpus.experimental_local_results(shares)] == [
            0.75,
            0.75,
        ]


class TestTotal:
    """L + alpha * L0 + beta * L_paper."""

    def test_by_hand(self):
        """2 + 3 * 4 + (half of the way to 1) * 10 = 19, and each summand raw and weighted."""
        asked = []
        formula = [
            Term("L/topic", Fixed(terms([[1, 3]], [[1, 1]]), asked), 1.0),
            Term("L0/l2_sp", Fixed(terms([[4, 9]], [[1, 0]]), asked), 3.0),
            Term("L_paper/r_drop", Fixed(terms([[10, 10]], [[1, 1]]), asked), Schedule()),
        ]
        step = Moment(0.5)
        weighed = weighing.total(formula, step)
        assert float(weighed.loss) == 19
        raw = {name: float(value) for name, value in weighed.raw.items()}
        weighted = {name: float(value) for name, value in weighed.weighted.items()}
        assert raw == {"L/topic": 2, "L0/l2_sp": 4, "L_paper/r_drop": 10}
        assert weighted == {"L/topic": 2, "L0/l2_sp": 12, "L_paper/r_drop": 5}
        assert asked == [step] * 3

    def test_one_term_alone(self):
        """With only L the total is L."""
        weighed = weighing.total([Term("L/a", Fixed(terms([[7]], [[1]]), []), 2.0)], Moment(0.0))
        assert float(weighed.loss) == 14

    def test_factors_multiply_weights(self):
        """2 * 7 * 0.5 + 3 * 4: a factor is for its own term; a budget's value is all factor."""
        formula = [
            Term("L/a", Fixed(terms([[7]], [[1]]), []), 2.0),
            Term("L0/b", Fixed(terms([[4]], [[1]]), []), DriftConstraint(cosine=0.9, start=8)),
        ]
        factors = {"L/a": tf.constant(0.5), "L0/b": tf.constant(3.0)}
        weighed = weighing.total(formula, Moment(0.0), factors)
        assert float(weighed.loss) == 19
        assert float(weighed.raw["L0/b"]) == 4


class TestSchedules:
    """alpha(t) and beta(t), t the fraction of the run behind us."""

    @pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
    @pytest.mark.parametrize("weight", [0, 2, 0.25])
    def test_constant(self, weight, progress):
        """A number stays what it is."""
        value = weighing.weight_at(weight, tf.constant(progress))
        assert (float(value), value.dtype) == (weight, tf.float32)

    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ("linear", [1, 1, 2, 3, 5, 5]),
            # (1 - cos(pi x)) / 2 at x = 1/4, 1/2: 0.146447, 0.5
            ("cosine", [1, 1, 1 + 4 * 0.146447, 3, 5, 5]),
            ("step", [1, 5, 5, 5, 5, 5]),
        ],
    )
    def test_by_hand(self, shape, expected):
        """From 1 to 5 between 0.2 and 0.6: at 0, 0.2, 0.3, 0.4, 0.6 and 1."""
        schedule = Schedule(start=1, end=5, begin=0.2, until=0.6, shape=shape)
        moments = [0, 0.2, 0.3, 0.4, 0.6, 1]
        values = [float(weighing.weight_at(schedule, tf.constant(t, tf.float32))) for t in moments]
        np.testing.assert_allclose(values, expected, rtol=1e-5)

    def test_falls_as_well_as_rises(self):
        """End below start: three quarters of the way from 4 to 0 is 1."""
        schedule = Schedule(start=4, end=0)
        assert float(weighing.weight_at(schedule, tf.constant(0.75))) == 1

    @pytest.mark.parametrize("shape", ["linear", "cosine", "step"])
    def test_no_time_between_begin_and_until_is_a_jump(self, shape):
        """begin = until = 0.5 jumps, and divides by nothing."""
        schedule = Schedule(start=1, end=2, begin=0.5, until=0.5, shape=shape)
        values = [float(weighing.weight_at(schedule, tf.constant(t))) for t in (0.499, 0.5, 0.501)]
        assert values == [1, 2, 2]

    @given(
        shape=st.sampled_from(["linear", "cosine", "step"]),
        ends=st.tuples(st.floats(0, 10, width=32), st.floats(0, 10, width=32)),
        span=st.tuples(fractions, fractions).map(sorted),
        moments=st.lists(fractions, min_size=2, max_size=5).map(sorted),
    )
    @settings(max_examples=60, deadline=None)
    def test_moves_one_way_and_stays_between_its_ends(self, shape, ends, span, moments):
        """Monotone from start to end, never outside, start before `begin` and end after `until`."""
        start, end = ends
        schedule = Schedule(start=start, end=end, begin=span[0], until=span[1], shape=shape)
        times = [tf.constant(moment, tf.float32) for moment in moments]
        values = [float(weighing.weight_at(schedule, time)) for time in times]
        slack = 1e-5 * max(start, end, 1)
        signed = [value if end >= start else -value for value in values]
        assert all(b >= a - slack for a, b in itertools.pairwise(signed))
        assert all(min(ends) - slack <= value <= max(ends) + slack for value in values)
        for moment, value in zip(moments, values, strict=True):
            if moment < schedule.begin:
                assert value == pytest.approx(start, abs=slack)
            if moment > schedule.until:
                assert value == pytest.approx(end, abs=slack)

    def test_is_traced_once(self):
        """Progress is a tensor: a schedule moves inside one graph."""
        schedule, traces = Schedule(), []

        @tf.function
        def at(progress):
            traces.append(None)
            return weighing.weight_at(schedule, progress)

        assert [float(at(tf.constant(t))) for t in (0.0, 0.25, 1.0)] == [0, 0.25, 1]
        assert len(traces) == 1
