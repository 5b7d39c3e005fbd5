"""What every objective of the tables promises, whichever it is.

The cases are read off the tables: a new objective is tested here without a line of its own.
Its knobs need defaults; each of its on/off knobs is tested in both positions. Most of the time goes
into passes that all have in common: some objectives share a step, as those of a formula do, and are
compared one by one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import tensorflow as tf
from all_objectives import CASES, FIRST_KINDS

from tfsocial.objectives import table, weighing
from tfsocial.text import batch as keys
from tfsocial.text import packing

from .conftest import Measured

OF_NEARLY_EQUAL_PASSES = {table.PAPERS[name] for name in ("r_drop", "smart", "vat")}
GROUPS = 4
CASES_OF_GROUP = [FIRST_KINDS[first::GROUPS] for first in range(GROUPS)]
# Beside these the same objectives on other kinds of tasks.
SHARING = [*CASES_OF_GROUP, [case for case in CASES if case not in FIRST_KINDS]]


@pytest.fixture(scope="session")
def sharing(task_of_kind) -> Callable:
    """`sharing(objective)`: those that share their steps with it, itself among them."""
    groups = [tuple(case.objective(task_of_kind) for case in cases) for cases in SHARING]
    return {objective: group for group in groups for objective in group}.__getitem__


@pytest.fixture(scope="session")
def at_rest(bench, batch, sharing) -> Callable:
    """What an objective gives on `batch` without dropout, and the gradients; measured once."""
    measured = functools.cache(lambda group: each_measured(group, bench, bench.step(batch)))
    return lambda objective: measured(sharing(objective))[objective]


@pytest.fixture(params=CASES_OF_GROUP, ids=map(str, range(GROUPS)))
def group(request, task_of_kind) -> dict:
    """Some of the objectives, by their names."""
    return {str(case): case.objective(task_of_kind) for case in request.param}


def each_measured(group: Sequence, bench, step) -> dict:
    """What each objective of a group gives in one step, and its own gradients."""
    with tf.GradientTape(persistent=True) as tape:
        terms = each_alone(group, step)
        shares = {objective: weighing.mean(found) for objective, found in terms.items()}
    found = {}
    for objective, share in shares.items():
        gradients = tape.gradient(share, bench.variables, unconnected_gradients="zero")
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        found[objective] = Measured(terms[objective], share, gradients)
    return found


def each_alone(group: Sequence, step) -> dict:
    """What each objective makes of a step; its chance is that of a step of its own."""
    terms = {}
    for objective in group:
        getattr(step, "drawn", []).clear()  # a training pass draws as it likes
        terms[objective] = objective(step)
    return terms


def each_elsewhere(bench, batch, sharing) -> Callable:
    """What an objective makes of another batch or in another bench; a step for all of a group."""
    made = functools.cache(lambda group: each_alone(group, bench.step(batch)))
    return lambda objective: made(sharing(objective))[objective]


def assert_same_gradients(actual, expected, tolerance: float = 1e-5, of: str = "") -> None:
    """All within a tolerance of the length of the whole gradient."""
    scale = max(1.0, float(tf.linalg.global_norm(expected)))
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * scale, err_msg=of)


def by_example(batch, values) -> np.ndarray:
    return packing.unpack(batch[keys.EXAMPLE_ID].numpy(), values.numpy())[1]


# (a) what comes back


def test_gives_per_example_losses_and_their_mask(objective, at_rest, batch):
    """Loss and mask are float32 [rows, slots], finite everywhere; the mask is 0 or 1."""
    loss, mask = at_rest(objective).terms
    shape = batch[keys.WEIGHT].shape
    assert (loss.dtype, mask.dtype) == (tf.float32, tf.float32)
    assert (loss.shape, mask.shape) == (shape, shape)
    assert np.isfinite(loss.numpy()).all()
    assert set(np.unique(mask)) == {0.0, 1.0}


def test_counts_no_empty_or_weightless_slot(objective, at_rest, batch):
    """The mask is 0 wherever the batch's weight is."""
    assert not np.any(at_rest(objective).terms.mask[batch[keys.WEIGHT] == 0])


def test_says_something_about_every_counted_example(objective, at_rest):
    """No counted example has a loss of exactly 0 in a model that is still far from right."""
    loss, mask = at_rest(objective).terms
    assert np.all(loss[mask > 0] > 0)


# (b) eager, graph, XLA


def test_computes_the_same_in_a_graph(group, at_rest, bench, batch):
    """Eager execution and a graph agree."""
    assert_same_compiled(group, eager_terms(group, at_rest), bench, batch, jit_compile=False)


@pytest.mark.long
def test_computes_the_same_under_xla(group, at_rest, bench, batch):
    """Eager execution and XLA agree."""
    assert_same_compiled(group, eager_terms(group, at_rest), bench, batch, jit_compile=True)


def eager_terms(group, at_rest) -> dict:
    return {name: at_rest(objective).terms for name, objective in group.items()}


def assert_same_compiled(group, eager, bench, batch, jit_compile: bool) -> None:
    compute = functools.partial(terms_of, group, bench)
    traced = tf.function(compute, jit_compile=jit_compile, autograph=False)(batch)
    for name in group:
        np.testing.assert_array_equal(traced[name].mask, eager[name].mask, name)
        np.testing.assert_allclose(
            traced[name].loss, eager[name].loss, rtol=1e-5, atol=1e-5, err_msg=name
        )


def terms_of(group, bench, batch) -> dict:
    """What each objective of a group makes of one step."""
    terms = each_alone([*group.values()], bench.step(batch))
    return {name: terms[objective] for name, objective in group.items()}


# (c) what the mask leaves out does not count


@pytest.fixture(scope="session")
def other_slots(batch) -> dict:
    return disturbed(batch)


@pytest.fixture(scope="session")
def terms_of_other_slots(bench, other_slots, sharing) -> Callable:
    return each_elsewhere(bench, other_slots, sharing)


def test_masked_slots_do_not_matter(objective, at_rest, terms_of_other_slots):
    """Other tokens, labels and ids in slots without weight leave the mean alone."""
    share = weighing.mean(terms_of_other_slots(objective))
    np.testing.assert_allclose(share, at_rest(objective).share, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("cases", SHARING, ids=map(str, range(len(SHARING))))
def test_masked_slots_move_no_gradient(cases, at_rest, bench, other_slots, task_of_kind):
    """One gradient is of all objectives of a group, long ones shortened, so that none hides
    another; where it is wrong, each is looked at.
    """
    group = {str(case): case.objective(task_of_kind) for case in cases}
    rest = {name: at_rest(objective).gradients for name, objective in group.items()}
    factors = shortening(rest)
    expected = [
        tf.add_n([factors[name] * one for name, one in zip(group, of_variable, strict=True)])
        for of_variable in zip(*rest.values(), strict=True)
    ]
    _, actual = measured(group, factors, bench, other_slots)
    try:
        assert_same_gradients(actual, expected, 1e-6)
    except AssertionError:
        found = each_measured([*group.values()], bench, bench.step(other_slots))
        for name, objective in group.items():
            assert_same_gradients(found[objective].gradients, rest[name], 1e-6, name)
        raise


def shortening(gradients) -> dict:
    """What makes long ones as long as 1."""
    norms = {name: float(tf.linalg.global_norm(of_one)) for name, of_one in gradients.items()}
    return {name: 1 / max(1.0, norm) for name, norm in norms.items()}


def disturbed(batch):
    """The batch with everything changed that has no weight."""
    weightless = batch[keys.WEIGHT].numpy() == 0
    weightless_of_segment = np.pad(weightless, [[0, 0], [1, 0]], constant_values=True)
    changed = {key: value.numpy().copy() for key, value in batch.items()}
    for view in ("", keys.VIEW):
        segments, tokens, types = (
            changed[keys.view_key(view, key)]
            for key in (keys.SEGMENT_IDS, keys.TOKEN_IDS, keys.TYPE_IDS)
        )
        unread = np.take_along_axis(weightless_of_segment, segments, axis=1)
        tokens[unread] = tokens[unread] * 3 % 40 + 1
        types[unread] = 1
    changed[keys.EXAMPLE_ID][weightless] = 3
    for task, other in (("topic", 2), ("tags", 1.0), ("score", -5.0)):
        changed[keys.label_key(task)][weightless] = other
    return {key: tf.constant(value, batch[key].dtype) for key, value in changed.items()}


# (d) order


@pytest.fixture(scope="session")
def rearranged_terms(bench, rearranged, sharing) -> Callable:
    return each_elsewhere(bench, rearranged, sharing)


def test_examples_may_stand_anywhere(objective, at_rest, batch, rearranged, rearranged_terms):
    """The same examples in other rows and slots have the same losses, and the same mean."""
    here, there = at_rest(objective).terms, rearranged_terms(objective)
    np.testing.assert_array_equal(by_example(rearranged, there.mask), by_example(batch, here.mask))
    moved, stayed = by_example(rearranged, there.loss), by_example(batch, here.loss)
    counted = by_example(batch, here.mask) > 0
    np.testing.assert_allclose(moved[counted], stayed[counted], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(weighing.mean(there), weighing.mean(here), rtol=1e-5, atol=1e-5)


# (e) gradients


@pytest.fixture(scope="session")
def under_dropout(bench, batch, sharing) -> Callable:
    """As `at_rest`, in an ordinary training pass."""
    step = functools.partial(bench.dropout_step, batch)
    measured = functools.cache(lambda group: each_measured(group, bench, step()))
    return lambda objective: measured(sharing(objective))[objective]


def test_gradients_under_dropout_are_finite_and_not_zero(objective, under_dropout):
    """An ordinary training pass can be learned from."""
    gradients = under_dropout(objective).gradients
    assert np.isfinite(tf.linalg.global_norm(gradients))
    assert tf.linalg.global_norm(gradients) > 1e-4


@pytest.fixture(scope="session")
def slopes(bench, batch, sharing) -> Callable:
    """Two random directions, and how steep an objective is in each by a small step."""
    directions = [random_signs(bench.variables, seed) for seed in range(2)]

    @functools.cache
    def measured(group) -> list[dict]:
        here = bench.step(batch)
        each_alone(group, here)
        return [each_slope(group, bench, here, direction, 1e-3) for direction in directions]

    return lambda objective: [
        (direction, found[objective])
        for direction, found in zip(directions, measured(sharing(objective)), strict=True)
    ]


def test_gradients_agree_with_finite_differences(of_first_kind, at_rest, slopes):
    """The slope in random directions is the gradient's share of them.

    Directions have entries of +-1, so the slope is about as large as the gradient's norm g.
    With steps h = 1e-3 the difference 2 h g is a hundred times float32's error, and the
    truncation error, h^2 times the third derivative, stays below a percent.
    """
    gradients = at_rest(of_first_kind).gradients
    norm = float(tf.linalg.global_norm(gradients))
    for direction, found in slopes(of_first_kind):
        expected = sum(
            float(tf.reduce_sum(g * d)) for g, d in zip(gradients, direction, strict=True)
        )
        assert found == pytest.approx(expected, abs=0.02 * norm)


def random_signs(variables, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.choice([-1.0, 1.0], variable.shape).astype(np.float32) for variable in variables]


def each_slope(group: Sequence, bench, here, direction, step: float) -> dict:
    """Central differences of the weighed means, with what was held at the weights as they are.

    It leaves them so.
    """
    before = [variable.numpy() for variable in bench.variables]
    values = []
    try:
        for sign in (1, -1):
            for variable, at, ahead in zip(bench.variables, before, direction, strict=True):
                variable.assign(at + sign * step * ahead)
            terms = each_alone(group, bench.step(here.batch, here.held))
            values.append({name: float(weighing.mean(found)) for name, found in terms.items()})
    finally:
        for variable, at in zip(bench.variables, before, strict=True):
            variable.assign(at)
    ahead, behind = values
    return {name: (ahead[name] - behind[name]) / (2 * step) for name in ahead}


# (f) precision


@pytest.fixture(scope="session")
def bfloat16_terms(bfloat16_bench, batch, sharing) -> Callable:
    return each_elsewhere(bfloat16_bench, batch, sharing)


def test_bfloat16_model_gives_float32_losses(objective, at_rest, bfloat16_terms):
    """A bfloat16 encoder changes the mean by a few percent at most, and no dtype.

    The distance between two passes that are nearly alike is less exact than either of them.
    """
    terms = bfloat16_terms(objective)
    assert (terms.loss.dtype, terms.mask.dtype) == (tf.float32, tf.float32)
    assert np.isfinite(terms.loss.numpy()).all()
    tolerance = 0.3 if type(objective) in OF_NEARLY_EQUAL_PASSES else 0.05
    np.testing.assert_allclose(weighing.mean(terms), at_rest(objective).share, rtol=tolerance)


def test_bfloat16_bench_computes_in_bfloat16(bfloat16_bench, batch):
    """The test above compares two precisions, not one with itself."""
    outputs = bfloat16_bench.step(batch).outputs
    assert (outputs.hidden.dtype, outputs.pooled.dtype) == (tf.bfloat16, tf.float32)


# (g) replicas


def test_two_replicas_are_one(group, at_rest, bench, mirrored_bench, two_cpus, batch):
    """Shares and gradients of two replicas add up to those of one with the whole batch.

    Once with five labelled examples on one and three on the other, once with all on one. One
    gradient is of all objectives of a group, long ones shortened, so that none hides another.
    """
    factors = shortening({name: at_rest(one).gradients for name, one in group.items()})
    together = on_replicas(two_cpus, mirrored_bench, group, factors)
    for whole in (batch, without_weight(batch, replica=1)):
        shares, gradients = together(whole)
        expected_shares, expected_gradients = measured(group, factors, bench, whole)
        for name, share in expected_shares.items():
            np.testing.assert_allclose(shares[name], share, rtol=1e-5, atol=1e-5, err_msg=name)
        for one, other in zip(gradients, expected_gradients, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5, err_msg=str(list(group)))


@pytest.mark.parametrize("name", ["pairwise", "listwise"])
def test_lists_may_lie_across_replicas(name, bench, mirrored_bench, two_cpus, batch):
    """Two replicas compare within the same lists as one, and so does XLA."""
    ids = batch[keys.EXAMPLE_ID]
    lists = tf.where(ids >= 0, tf.cast(ids % 3, tf.int32), -1)
    batch = {**batch, keys.group_key("score"): lists}
    alone_in_group = {name: table.TASK[name]("score")}
    factors = {name: 1.0}
    expected_shares, expected_gradients = measured(alone_in_group, factors, bench, batch)
    shares, gradients = on_replicas(two_cpus, mirrored_bench, alone_in_group, factors)(batch)
    np.testing.assert_allclose(shares[name], expected_shares[name], rtol=1e-5, atol=1e-5)
    assert_same_gradients(gradients, expected_gradients)
    eager = terms_of(alone_in_group, bench, batch)
    assert_same_compiled(alone_in_group, eager, bench, batch, jit_compile=True)


def measured(group, factors, bench, batch) -> tuple[dict, list]:
    """Each objective's share of one step, and the gradients of their weighted sum."""
    with tf.GradientTape() as tape:
        shares = {
            name: weighing.mean(terms) for name, terms in terms_of(group, bench, batch).items()
        }
        total = tf.add_n([factors[name] * share for name, share in shares.items()])
    gradients = tape.gradient(total, bench.variables, unconnected_gradients="zero")
    return shares, [tf.convert_to_tensor(gradient) for gradient in gradients]


def without_weight(batch, replica: int):
    """The batch whose rows of one of two replicas have weight 0."""
    weight = batch[keys.WEIGHT].numpy().copy()
    half = len(weight) // 2
    weight[replica * half : (replica + 1) * half] = 0
    return {**batch, keys.WEIGHT: tf.constant(weight)}


def on_replicas(strategy, bench, group, factors):
    """Gives the replicas' shares and gradients, added up; each gets its part of the rows."""

    def part(batch, context):
        rows = batch[keys.WEIGHT].shape[0] // context.num_replicas_in_sync
        start = context.replica_id_in_sync_group * rows
        return {key: value[start : start + rows] for key, value in batch.items()}

    def run(parts):
        parts = strategy.run(lambda part: measured(group, factors, bench, part), args=(parts,))
        add = tf.distribute.ReduceOp.SUM
        return tf.nest.map_structure(lambda value: strategy.reduce(add, value, None), parts)

    compiled = tf.function(run, autograph=False)
    distribute = strategy.experimental_distribute_values_from_function
    return lambda batch: compiled(distribute(lambda context: part(batch, context)))
