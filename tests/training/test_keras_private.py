"""What the project leans on in Keras without a promise: it is there, and does what is relied on."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsocial.training.keras_private import FittedModel, OpenOptimizer

SIGNATURES = {
    (keras.Model, "_maybe_load_initial_counters_from_ckpt"): (
        "self", "steps_per_epoch", "initial_epoch",
    ),
    (keras.Model, "make_train_function"): ("self", "force"),
    (keras.optimizers.Optimizer, "_build_learning_rate"): ("self", "learning_rate"),
    (keras.optimizers.Optimizer, "_no_dependency"): ("self", "value"),
    (keras.optimizers.Optimizer, "_var_key"): ("self", "variable"),
    (keras.optimizers.Optimizer, "_use_weight_decay"): ("self", "variable"),
    (keras.optimizers.Optimizer, "_deduplicate_sparse_grad"): ("self", "grads"),
    (keras.optimizers.Optimizer, "_clip_gradients"): ("self", "grads"),
    (keras.optimizers.Optimizer, "_apply_weight_decay"): ("self", "variables"),
}  # fmt: skip


class Descending(OpenOptimizer):
    """theta <- theta - eta * g, its hooks written down."""

    def build_state(self, variables):
        self.built = self.untracked([*getattr(self, "built", []), len(variables)])

    def clipped(self, gradients):
        self.seen = self.untracked([type(gradient).__name__ for gradient in gradients])
        return [tf.convert_to_tensor(gradient) for gradient in gradients]

    def update_step(self, gradient, variable):
        variable.assign_sub(self.learning_rate * gradient)


class Counting(FittedModel):
    """Counts its steps."""

    def __init__(self):
        super().__init__()
        self.steps = tf.Variable(0)

    def train_step(self, batch):
        self.steps.assign_add(1)
        return {"steps": self.steps.read_value()}


@pytest.mark.parametrize(
    ("owner", "name"), SIGNATURES, ids=[f"{owner.__name__}.{name}" for owner, name in SIGNATURES]
)
def test_keras_still_has_it(owner, name):
    """With the arguments that we take or give."""
    assert tuple(inspect.signature(getattr(owner, name)).parameters) == SIGNATURES[owner, name]


def batches() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors(tf.zeros([2])).repeat()


def test_a_fit_begins_in_the_middle_of_an_epoch():
    """Epoch 1 of 0..2 from its step 3 of 4 on: one step, and a whole epoch."""
    model = Counting()
    model.compile()
    model.start_at(1, 3)
    history = model.fit(batches(), steps_per_epoch=4, epochs=3, verbose=0)
    assert history.epoch == [1, 2]
    assert int(model.steps) == 1 + 4


def test_a_train_function_is_wrapped_once():
    """What is wrapped is Python that takes an iterator; the wrapper is what `fit` calls."""
    model, wrapped = Counting(), []

    def wrap(steps):
        wrapped.append(tuple(inspect.signature(steps).parameters))
        return tf.function(steps)

    model.compile()
    model.wrap_steps(wrap)
    for _ in range(2):
        model.fit(batches(), steps_per_epoch=2, verbose=0)
    assert wrapped == [("iterator",)]
    assert int(model.steps) == 4


def test_the_hooks_of_an_optimizer_are_called():
    """Built once; sparse gradients come to `clipped` as they are, twice the same row with them."""
    table, other = tf.Variable(tf.ones([3, 1])), tf.Variable([1.0])
    optimizer = Descending(0.5, 0.1, None)
    sparse = tf.IndexedSlices(tf.ones([2, 1]), tf.constant([1, 1]), tf.constant([3, 1]))
    for _ in range(2):
        optimizer.apply_gradients([(sparse, table), (tf.constant([2.0]), other)])
    assert [*optimizer.built] == [2]
    assert [*optimizer.seen] == ["IndexedSlices", "EagerTensor"]
    np.testing.assert_allclose(table.numpy(), [[1.0], [-1.0], [1.0]])  # no decay of Keras's own
    np.testing.assert_allclose(other.numpy(), [-1.0])


def test_a_variable_has_a_key_and_a_place():
    """Those of a replica's copy are those of the whole; names may be excluded from decay."""
    one, other = tf.Variable([1.0], name="one"), tf.Variable([1.0], name="other")
    optimizer = Descending(0.5, 0.1, None)
    optimizer.exclude_from_weight_decay(var_names=["^other"])
    optimizer.build([one, other])
    assert optimizer.key(one) != optimizer.key(other)
    assert [optimizer.index(variable) for variable in (one, other)] == [0, 1]
    assert [optimizer.may_decay(variable) for variable in (one, other)] == [True, False]


def test_a_schedule_is_followed():
    """The rate on record is that of the steps done."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.25])
    optimizer, weight = Descending(schedule, 0.0, None), tf.Variable(0.0)
    optimizer.build([weight])
    for _ in range(2):
        optimizer.apply_gradients([(tf.constant(1.0), weight)])
    assert float(weight) == -1.25
