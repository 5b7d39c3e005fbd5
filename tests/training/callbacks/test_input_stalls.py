"""Steps that wait for their input: the waiting is counted, and too much of it said."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.training.callbacks import input_stalls
from tfsocial.training.callbacks.input_stalls import FIRST, LOOK, InputStalls

SLEEP = 0.01  # seconds


def sleepy(batch, shapes) -> tf.data.Dataset:
    """A batch again and again, each made while the step waits; nothing is made ahead."""

    def slow():
        while True:
            time.sleep(SLEEP)
            yield batch

    signature = {key: tf.TensorSpec(value.shape, value.dtype) for key, value in shapes.items()}
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False  # they make some ahead
    options.experimental_optimization.inject_prefetch = False
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(slow, output_signature=signature)
    return dataset.with_options(options)


# --- counting ------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 3], ids=["one step", "three at once"])
def test_waiting_is_counted_in_every_step(social_model, batch, at_once):
    """Each batch takes a sleep to make, so no less than a sleep is waited for it."""
    model, counts = social_model(), InputStalls(augmented=False)
    model.compile(model.optimizer, jit_compile=False, steps_per_execution=at_once)
    counts.set_model(model)
    model.fit(sleepy(batch, batch), steps_per_epoch=6, verbose=0)
    assert float(counts.waited.numpy()) >= 6 * SLEEP
    assert int(model.optimizer.iterations) == 6


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_counting_changes_no_step(social_model, batch, endless, jit_compile):
    """The same weights bit for bit; nothing of it is the model's. A head is learned, no more: XLA
    compiles the way back through an encoder for long.
    """
    plain, counted = (social_model(jit_compile=jit_compile, frozen_layers=1) for _ in range(2))
    InputStalls(augmented=False).set_model(counted)
    for model in (plain, counted):
        model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    for one, other in zip(plain.variables, counted.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.name)


def test_two_replicas_are_counted_on_the_host(social_model, batch, endless, two_cpus):
    """The train function of a strategy takes it too."""
    counts = InputStalls(augmented=False)
    with two_cpus.scope():
        model = social_model()
    counts.set_model(model)
    model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    assert float(counts.waited.numpy()) > 0
    assert int(model.optimizer.iterations.numpy()) == 3


def test_the_clock_is_read_before_a_step_begins():
    """Else a lone thread, which reads it when it comes to it, counts the step as waiting."""
    with tf.device("CPU:0"):
        waited = tf.Variable(0.0, dtype=tf.float64)
    batches = iter(tf.data.Dataset.from_tensors({"x": [1.0], "y": [2]}).repeat())
    steps = input_stalls.counting(lambda batches: next(batches), waited)
    graph = steps.get_concrete_function(batches).graph
    (fetch,) = (op for op in graph.get_operations() if op.type == "IteratorGetNext")
    readers = [op for tensor in fetch.outputs for op in tensor.consumers()]
    assert len(readers) == 2
    for reader in readers:
        assert (reader.type, [op.type for op in reader.control_inputs]) == (
            "Identity",
            ["AssignAddVariableOp"],
        )


# --- saying --------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """Every look at the clock is 0.05 s later: so long does each step take."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(input_stalls.time, "perf_counter", lambda: 0.05 * next(ticks))


def play(counts: InputStalls, waited: float, count: int) -> None:
    """Executions of 0.05 s of which `waited` went by waiting."""
    for batch in range(count):
        counts.on_train_batch_begin(batch)
        counts.waited.assign_add(waited)
        counts.on_train_batch_end(batch)


def test_too_much_is_said_once_with_its_cause(clock, caplog):
    """20 ms of 50 are 40 %; it is said once."""
    counts = InputStalls(augmented=True)
    with caplog.at_level(logging.WARNING, logger=input_stalls.__name__):
        play(counts, 0.02, FIRST + 3 * LOOK)
    (message,) = caplog.messages
    assert message.startswith(
        "the input does not keep up: 40 % of 2.5 s in the last 50 executions went by waiting for "
        "batches (20.0 ms of 50.0 each); data.augment"
    )


def test_packing_alone_has_another_cause(clock, caplog):
    with caplog.at_level(logging.WARNING, logger=input_stalls.__name__):
        play(InputStalls(augmented=False), 0.02, FIRST + LOOK)
    assert "training.steps_per_execution" in caplog.text


def test_a_little_is_nobodys_business(clock, caplog):
    """14 ms of 50 are 28 %, and the first executions, which compile and fill buffers, do not
    count.
    """
    counts = InputStalls(augmented=True)
    play(counts, 0.05, FIRST)
    play(counts, 0.014, 2 * LOOK)
    assert caplog.records == []
