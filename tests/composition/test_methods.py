"""Every method by hand, by properties that all share, and against PEFT and mergekit."""

from __future__ import annotations

import json
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference import make_merges
from tfsocial.composition.methods import contract, table, task_vectors
from tfsocial.composition.methods.contract import Tensors
from tfsocial.composition.methods.geometry import ModelStock, Slerp
from tfsocial.composition.methods.linear import Linear, WiseFT
from tfsocial.composition.methods.measured import Fisher, RegMean
from tfsocial.composition.methods.table import METHODS
from tfsocial.composition.methods.task_vectors import DARE, TIES, TaskArithmetic, smallest_kept
from tfsocial.errors import InputError

ORACLE = json.loads(make_merges.FILE.read_text("utf-8"))
BASE, RUNS = make_merges.drawn()
ALL = Tensors("w", BASE, RUNS, make_merges.WEIGHTS)
ALIKE = ALL._replace(weights=[1.0] * make_merges.RUNS)


def array(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


def complete(method: contract.Method) -> contract.Method:
    """With what is otherwise chosen on dev."""
    return WiseFT(0.7) if isinstance(method, WiseFT) else method


def some_runs(method: contract.Method, tensors: Tensors) -> Tensors:
    """As many runs as the method takes, with statistics where it needs some."""
    runs = tensors.runs[: method.most or len(tensors.runs)]
    square = np.float32(np.diag(np.arange(1, BASE.shape[1] + 1)))
    made = {"fisher": np.ones_like(BASE), "gram": square, None: None}[method.needs]
    return tensors._replace(
        runs=runs, weights=tensors.weights[: len(runs)], statistics=[made] * len(runs)
    )


@pytest.mark.parametrize(
    ("library", "name", "method", "tensors"),
    [
        ("peft", "task_arithmetic", TaskArithmetic(), ALL),
        ("peft", "ties at weights of 1", TIES(make_merges.DENSITY), ALIKE),
        ("mergekit", "ties at weights of 1", TIES(make_merges.DENSITY), ALIKE),
        ("mergekit", "ties", TIES(make_merges.DENSITY), ALL),
        ("mergekit", "slerp", Slerp(), ALL._replace(runs=RUNS[:2], weights=[0.7, 0.3])),
        (
            "mergekit",
            "slerp of what points the same way",
            Slerp(),
            ALL._replace(runs=[RUNS[0], 2 * RUNS[0]], weights=[0.7, 0.3]),
        ),
        (
            "mergekit",
            "model_stock of 2",
            ModelStock(),
            ALIKE._replace(runs=RUNS[:2], weights=[1, 1]),
        ),
        ("mergekit", "model_stock", ModelStock(), ALIKE),
    ],
)
def test_other_libraries_say_the_same(library, name, method, tensors):
    np.testing.assert_allclose(method.merge(tensors), ORACLE[library][name], atol=1e-6)


def test_dare_with_given_coins_is_pefts():
    """Each number that stays is divided by the density; mergekit restores the L1 norm instead."""
    coins = make_merges.coins()
    with mock.patch.object(DARE, "mask", lambda self, name, place, shape: coins[place]):
        merged = DARE(make_merges.DENSITY).merge(ALL)
    np.testing.assert_allclose(merged, ORACLE["peft"]["dare"], atol=1e-6)


def test_dare_drops_by_seed_name_and_run_and_expects_the_sum():
    tensors = Tensors("w", np.zeros(20000, np.float32), [np.ones(20000, np.float32)], [1.0])
    merged = DARE(0.25, seed=3).merge(tensors)
    assert set(np.unique(merged)) == {0, 4}
    assert abs(merged.mean() - 1) < 0.05
    np.testing.assert_array_equal(merged, DARE(0.25, seed=3).merge(tensors))
    assert (merged != DARE(0.25, seed=4).merge(tensors)).any()
    assert (merged != DARE(0.25, seed=3).merge(tensors._replace(name="v"))).any()


@pytest.mark.parametrize("name", METHODS)
def test_runs_that_did_not_move_leave_m0(name):
    method = complete(METHODS[name]())
    still = some_runs(method, ALIKE._replace(runs=[BASE.copy() for _ in RUNS]))
    np.testing.assert_allclose(method.merge(still), BASE, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_shape_and_type_are_m0s_and_nothing_that_came_in_changes(name):
    method = complete(METHODS[name]())
    tensors = some_runs(method, ALL)
    before = [one.copy() for one in (tensors.base, *tensors.runs)]
    merged = method.merge(tensors)
    assert (merged.shape, merged.dtype) == (BASE.shape, np.float32)
    for one, other in zip((tensors.base, *tensors.runs), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", METHODS)
def test_the_order_of_runs_does_not_matter(name):
    """But to DARE, whose coins are those of a place."""
    method = complete(METHODS[name]())
    if isinstance(method, DARE):
        method = DARE(1.0)
    tensors = some_runs(method, ALL)
    turned = tensors._replace(runs=tensors.runs[::-1], weights=tensors.weights[::-1])
    np.testing.assert_allclose(method.merge(turned), method.merge(tensors), atol=1e-5)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=3))
def test_a_mean_lies_between_its_runs(weights):
    runs = RUNS[: len(weights)]
    merged = Linear().merge(Tensors("w", BASE, runs, weights))
    assert (merged >= np.min(runs, 0) - 1e-5).all()
    assert (merged <= np.max(runs, 0) + 1e-5).all()


def test_wise_ft_ends_at_m0_and_at_the_run_bit_for_bit():
    one = Tensors("w", BASE, RUNS[:1], [1.0])
    np.testing.assert_array_equal(WiseFT(0.0).merge(one), BASE)
    np.testing.assert_array_equal(WiseFT(1.0).merge(one), RUNS[0])
    np.testing.assert_allclose(WiseFT(0.25).merge(one), 0.75 * BASE + 0.25 * RUNS[0], atol=1e-6)


def test_sums_by_hand():
    """theta0 = 1; runs 2 and 4 changed it by 1 and 3."""
    tensors = Tensors("w", array(1), [array(2), array(4)], [1, 1])
    assert TaskArithmetic().merge(tensors) == 5
    assert TaskArithmetic().merge(tensors._replace(weights=[2, -1])) == 0
    assert Linear().merge(tensors._replace(weights=[1, 3])) == 3.5


def test_ties_by_hand():
    """Of each run the larger half stays; 5 - 1 elects plus, so the -1 has no part in the mean."""
    runs = [array(0.5, 5, 3, 0), array(0.5, -1, 3, 0)]
    merged = TIES(0.5).merge(Tensors("w", array(0, 0, 0, 0), runs, [1, 1]))
    assert merged.tolist() == [0, 5, 3, 0]
    assert TIES(0.5, 0.5).merge(Tensors("w", array(0, 0, 0, 0), runs, [1, 1])).tolist() == [
        *(0, 2.5, 1.5, 0)
    ]


def test_one_number_stays_at_least():
    assert smallest_kept(array(1, -3, 2), 0.01) == 3


def test_ties_by_rows_is_ties(monkeypatch):
    whole = TIES(0.4).merge(ALL)
    monkeypatch.setattr(task_vectors, "ROWS", 4)
    np.testing.assert_array_equal(TIES(0.4).merge(ALL), whole)


def test_model_stock_by_hand():
    """Changes at 60 degrees, c = 1/2: t = 2/3 of the mean and 1/3 of theta0."""
    runs = [array(1, 0), array(0.5, np.sqrt(0.75))]
    merged = ModelStock().merge(Tensors("w", array(0, 0), runs, [1, 1]))
    np.testing.assert_allclose(merged, 2 / 3 * np.mean(runs, 0), atol=1e-6)
    apart = [array(1, 0), array(0, 1)]
    assert not ModelStock().merge(Tensors("w", array(0, 0), apart, [1, 1])).any()


def test_slerp_stays_on_the_sphere():
    runs = [array(1, 0), array(0, 1)]
    merged = Slerp().merge(Tensors("w", array(9, 9), runs, [2, 1]))
    np.testing.assert_allclose(merged, [np.cos(np.pi / 6), np.sin(np.pi / 6)], atol=1e-6)


def test_fisher_by_hand():
    """Numbers that only one run's data depend on are that run's; where none does, the mean."""
    runs = [array(1, 1, 1), array(3, 3, 3)]
    tensors = Tensors("w", array(0, 0, 0), runs, [1, 1], [array(1, 0, 0), array(1, 5, 0)])
    np.testing.assert_allclose(Fisher().merge(tensors), [2, 3, 2], atol=1e-4)
    assert Fisher().merge(tensors._replace(statistics=[None, None])).tolist() == [2, 2, 2]


def test_regmean_with_whole_grams_is_least_squares():
    """W that is nearest to each run's outputs on its own inputs: sum_i |X_i W - X_i W_i|^2."""
    random = np.random.default_rng(0)
    inputs = [random.normal(size=(30, 4)) for _ in range(2)]
    kernels = [random.normal(size=(4, 3)) for _ in range(2)]
    outputs = np.concatenate([x @ w for x, w in zip(inputs, kernels, strict=True)])
    expected = np.linalg.lstsq(np.concatenate(inputs), outputs, rcond=None)[0]
    grams = [x.T @ x for x in inputs]
    runs = [kernel.T for kernel in kernels]
    merged = RegMean(1.0).merge(Tensors("w", np.zeros((3, 4)), runs, [1, 1], grams))
    np.testing.assert_allclose(merged, expected.T, atol=1e-5)


def test_regmean_without_what_lies_off_the_diagonal_weighs_inputs():
    grams = [np.float32([[1, 7], [7, 1]]), np.float32([[3, 9], [9, 1]])]
    runs = [np.float32([[1, 1]]), np.float32([[5, 5]])]
    merged = RegMean(0.0).merge(Tensors("w", np.zeros((1, 2)), runs, [1, 1], grams))
    np.testing.assert_allclose(merged, [[4, 3]], atol=1e-6)
    without = Tensors("w", np.zeros((1, 2)), runs, [1, 1], [None, None])
    np.testing.assert_allclose(RegMean(0.0).merge(without), [[3, 3]])


def test_regmean_names_a_layer_that_reads_nothing():
    grams = [np.zeros((2, 2), np.float32)] * 2
    tensors = Tensors("encoder.w", np.zeros((1, 2)), [np.zeros((1, 2))] * 2, [1, 1], grams)
    with pytest.raises(InputError, match=r"encoder\.w .* more texts"):
        RegMean().merge(tensors)


@pytest.mark.parametrize(
    ("name", "knobs", "weights", "message"),
    [
        ("tis", {}, [1], "did you mean ties?"),
        ("ties", {"densty": "1"}, [1, 1], r"--knob.densty is not a knob of ties; did you mean"),
        ("ties", {"density": "2"}, [1, 1], r"--knob.density is '2'; input should be less than"),
        ("ties", {}, [1], "takes at least 2 runs, and --add names 1"),
        ("slerp", {}, [1, 1, 1], "takes 2 runs, and --add names 3"),
        ("linear", {}, [1, -1], "no weight below 0; task_arithmetic and dare"),
        ("linear", {}, [1, 0], "weight 0 adds nothing"),
    ],
)
def test_what_does_not_fit_is_one_sentence(name, knobs, weights, message):
    with pytest.raises(InputError, match=message):
        table.check_runs(name, table.method(name, knobs), weights)
