"""What holds for every optimizer of the menu."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import six_steps
import tensorflow as tf
from six_steps import STEPS, assert_all_close, built, gradients, trained, variables

from tfsocial.config.annotation_tree import tagged_union
from tfsocial.config.optimizer import AdamW, AnyOptimizer
from tfsocial.training.optimizers import build
from tfsocial.training.optimizers.build import OPTIMIZERS

ALL = pytest.mark.parametrize("name", OPTIMIZERS)


@ALL
def test_its_knobs_are_those_of_the_config(name):
    """What the config lets through is what the class takes beside the knobs all share."""
    own = inspect.signature(OPTIMIZERS[name].__init__).parameters.values()
    knobs = six_steps.section(name=name).knobs
    assert [one.name for one in own if one.kind is one.KEYWORD_ONLY] == list(knobs)


def test_the_config_knows_the_menu():
    """No name in the one that is not in the other."""
    assert set(OPTIMIZERS) == set(tagged_union(AnyOptimizer).variants)


def test_what_decays_is_said_of_variables():
    """Not of their names; without a decay none does."""
    kernel, bias = (tf.Variable(tf.ones([2]), name="bias/kernel") for _ in range(2))
    for decay in (0.2, 0.0):
        chosen = AdamW(weight_decay=decay)
        optimizer = build.optimizer(chosen, STEPS, not_decayed=[bias])
        optimizer.build([kernel, bias])
        assert optimizer.decays(kernel) == bool(decay)
        assert not optimizer.decays(bias)


@ALL
def test_its_slots_have_names(name):
    """What is remembered of a variable, all of it and under names of its own; nothing of others."""
    optimizer, weights = built(name=name), variables()
    optimizer.build(weights)
    slots = [slot for weight in weights for slot in optimizer.slots_of(weight).values()]
    counters = {"iteration:0", "learning_rate:0", "current_learning_rate:0"}
    remembered = [v for v in optimizer.variables if v.name not in counters]
    assert {slot.ref() for slot in slots} == {variable.ref() for variable in remembered}
    assert len(slots) == len(remembered)
    assert optimizer.slots_of(tf.Variable(1.0)) == {}


@ALL
def test_eager_is_graph_is_xla(name):
    """Same weights after six clipped steps."""
    eager, graph, xla = (trained(built(1.0, name=name), mode) for mode in six_steps.MODES)
    assert_all_close(graph, eager, 1e-6)
    assert_all_close(xla, eager, 1e-6)


@ALL
def test_two_replicas_are_one(name, two_cpus):
    """Replicas' gradients are added, clipped by the norm of the sum, and applied once."""

    def part(step, replica):
        share = 0.3 if replica else 0.7
        return [tf.constant(gradient * np.float32(share)) for gradient in gradients(step)]

    def added(step):
        return [
            (one + other).numpy() for one, other in zip(part(step, 0), part(step, 1), strict=True)
        ]

    with two_cpus.scope():
        weights = variables()
        optimizer = built(1.0, name=name, weights=weights)

    def on_replica(given):
        optimizer.apply_gradients(zip(given, weights, strict=True))

    apply = tf.function(lambda parts: two_cpus.run(on_replica, args=(parts,)), autograph=False)
    for step in range(STEPS):
        apply(
            two_cpus.experimental_distribute_values_from_function(
                lambda context, step=step: part(step, context.replica_id_in_sync_group)
            )
        )
    alone = built(1.0, name=name)
    assert_all_close(weights, trained(alone, of_step=added), 1e-6)
    for weight in weights:
        here, there = two_cpus.experimental_local_results(weight)
        np.testing.assert_array_equal(here, there)
    np.testing.assert_allclose(optimizer.gradient_norm, alone.gradient_norm, rtol=1e-6)


@ALL
def test_goes_on_from_a_checkpoint(name, tmp_path):
    """Three steps, saved and read into a new optimizer, and three more are six."""

    def started():
        weights = variables()
        optimizer = built(1.0, name=name, weights=weights)
        optimizer.build(weights)
        return weights, optimizer, tf.train.Checkpoint(weights=weights, optimizer=optimizer)

    def go(weights, optimizer, steps):
        for step in steps:
            given = map(tf.constant, gradients(step))
            optimizer.apply_gradients(zip(given, weights, strict=True))

    weights, optimizer, checkpoint = started()
    go(weights, optimizer, range(3))
    path = checkpoint.save(tmp_path / "half")
    weights, optimizer, checkpoint = started()
    checkpoint.restore(path).assert_consumed()
    go(weights, optimizer, range(3, STEPS))
    assert_all_close(weights, trained(built(1.0, name=name), "eager"), 0)


@ALL
def test_a_word_no_text_holds_stays(name):
    """A row of the word table without gradient keeps its place, bit for bit."""

    def without_row(step):
        given = gradients(step)
        given[3][2] = 0.0
        return given

    after, before = trained(built(1.0, name=name), of_step=without_row), variables()
    np.testing.assert_array_equal(after[3][2], before[3][2])
    assert (np.abs(after[3] - before[3])[[0, 1, 3, 4]] > 1e-3).all()


@ALL
def test_missing_gradient_leaves_the_variable_alone(name):
    """A weight the loss does not depend on neither moves nor decays."""
    weights = variables()
    optimizer = built(1.0, name=name, weights=weights)
    before = weights[0].numpy()
    given = [None, *map(tf.constant, gradients(0)[1:])]
    optimizer.apply_gradients(zip(given, weights, strict=True))
    np.testing.assert_array_equal(weights[0], before)


# Under XLA all take equal steps (above), and gradients are made dense for all in one place.
@pytest.mark.parametrize(
    ("name", "jit_compile"), [*((name, False) for name in OPTIMIZERS), ("adamw", True)]
)
def test_learns_a_batch(name, jit_compile, social_model, batch, endless):
    """Fifteen steps on one batch take half of the loss away, the norm on record is a number."""
    # LAMB's step is a share of the weight's length, not a length.
    rate = 3e-2 if name == "lamb" else 3e-3
    model = social_model(name=name, learning_rate=rate, jit_compile=jit_compile)
    history = model.fit(endless(batch), steps_per_epoch=1, epochs=15, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert 0 < float(model.optimizer.gradient_norm) < np.inf
