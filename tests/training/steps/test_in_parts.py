"""A batch in parts is the batch: the same gradients, the same curves."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial import config
from tfsocial.errors import InputError
from tfsocial.training.steps import in_parts

FORMULA = {
    "tasks": {"topic": {"weight": 2.0}, "score": {"kind": "regress", "weight": 0.5}},
    "community": {"feature_cosine": {"weight": 3.0}, "l2_sp": {"weight": 0.01}},
    "papers": {"r_drop": {"weight": 4.0}, "fgm": {}},
}
SHORT = {  # XLA takes a minute to compile all of the above, and two ascents half of one to trace
    "tasks": FORMULA["tasks"],
    "community": {"feature_cosine": {"weight": 3.0}},
}
CALM = {"epsilon": 1e-3}  # see test_step.py


def fit(model, dataset) -> dict[str, list[float]]:
    """Three steps; the curves of each."""
    return model.fit(dataset, steps_per_epoch=1, epochs=3, verbose=0).history


def weights(model) -> dict[str, np.ndarray]:
    return {variable.name: variable.numpy() for variable in model.text_model.variables}


def assert_alike(one, other, curves, others) -> None:
    expected = weights(other)
    for name, value in weights(one).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5, err_msg=name)
    for name, values in curves.items():
        np.testing.assert_allclose(values, others[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.fixture(scope="module")
def whole(social_model, batch, endless):
    """The model without parts after its steps, and its curves."""
    model = social_model(**FORMULA, **CALM)
    return model, fit(model, endless(batch))


def test_parts_add_up_to_the_whole(social_model, batch, endless, whole):
    """Rows with labels and rows with fewer, clipping, several terms: each row is a part."""
    parted = social_model(**FORMULA, **CALM, parts=4)
    actual = fit(parted, endless(batch))
    assert_alike(parted, whole[0], actual, whole[1])


@pytest.mark.parametrize(
    "options",
    [{"sam_radius": 0.05}, {"weighing": "uncertainty", "jit_compile": True}],
    ids=["sharpness", "uncertainty under xla"],
)
def test_other_steps_take_parts(social_model, batch, endless, options):
    """Parts of 2 rows."""
    whole = social_model(**SHORT, **CALM, **options)
    parted = social_model(**SHORT, **CALM, **options, parts=2)
    expected, actual = fit(whole, endless(batch)), fit(parted, endless(batch))
    assert_alike(parted, whole, actual, expected)


def test_two_replicas_in_parts_are_one_whole(social_model, batch, endless, two_cpus, whole):
    """Four rows: two parts of one row on each of two replicas."""
    with two_cpus.scope():
        parted = social_model(**FORMULA, **CALM, parts=2)
    actual = fit(parted, endless(batch))
    assert_alike(parted, whole[0], actual, whole[1])


def test_counting_computes_nothing(social_model, batch):
    """It draws no dropout, and the graph that runs holds no product of it."""
    model = social_model(**FORMULA, dropout=0.1, parts=2)
    generator = model.text_model.encoder.generator

    @tf.function
    def count():
        return in_parts.counted_in_parts(model.formula, in_parts.split(batch, 2))

    before = generator.state.numpy()
    found = count()
    assert np.array_equal(before, generator.state.numpy())
    assert found["L/topic"] == 9
    assert found["L_paper/r_drop"] == 10
    graph = count.get_concrete_function().graph
    needed, waiting = set(), [*graph.control_outputs, *[output.op for output in graph.outputs]]
    while waiting:
        op = waiting.pop()
        if op not in needed:
            needed.add(op)
            waiting += [*op.control_inputs, *[tensor.op for tensor in op.inputs]]
    assert not {op.type for op in needed} & {"MatMul", "BatchMatMulV2", "Einsum", "Softmax"}


def test_whom_nobody_is_compared_with_does_not_count(social_model, batch):
    """Classes 0 1 0 2 1 0 in the two rows of one part, - 2 1 0 in the other: 2 is alone in both."""
    model = social_model(papers={"supervised_contrastive": {}}, parts=2)
    found = in_parts.counted_in_parts(model.formula, in_parts.split(batch, 2))
    assert found["L_paper/supervised_contrastive"] == 5


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("data", {"rows": 3}, r"2 parts do not divide the 3 rows"),
        ("objectives", {"weighing": "pcgrad"}, r"leave out objectives\.weighing: pcgrad"),
        ("objectives", {"cosines_every": 5}, r"leave out objectives\.cosines_every"),
    ],
)
def test_what_cannot_be_parted_is_refused(key, value, said):
    with pytest.raises(InputError, match=said):
        config.parse({"training": {"micro_batches": 2}, key: value})
