"""Chance by hash: uniform, independent of the batch, different for whatever it is for."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfsocial.data.augment.random_stream import RandomStream, index

MANY = 20_000


def numbers(seed=0, epoch=0, examples=MANY, branches=(), place=None) -> np.ndarray:
    stream = RandomStream.of(seed, epoch, tf.range(examples, dtype=tf.int64))
    for branch in branches:
        stream = stream.branch(branch)
    if place is None:
        return stream.uniform().numpy()
    rows = tf.range(examples, dtype=tf.int64)
    return stream.at(rows, tf.fill([examples], tf.constant(place, tf.int64))).numpy()


STREAMS = {
    "examples": {},
    "another epoch": {"epoch": 1},
    "another seed": {"seed": 1},
    "a branch": {"branches": (0,)},
    "a branch of a branch": {"branches": (1, 0)},
    "the first place": {"place": 0},
    "the second place": {"place": 1},
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_is_uniform(stream):
    """At least 0, less than 1, and as even as 20,000 draws are (Kolmogorov-Smirnov)."""
    values = numbers(**stream)
    assert values.dtype == np.float32
    assert (values.min() >= 0, values.max() < 1) == (True, True)
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_streams_do_not_hang_together():
    """No correlation beyond that of chance between any two streams, nor of neighbours in one."""
    values = np.array([numbers(**stream) for stream in STREAMS.values()])
    correlations = np.corrcoef(values) - np.eye(len(values))
    assert np.abs(correlations).max() < 5 / np.sqrt(MANY)
    for stream in values:
        assert abs(np.corrcoef(stream[1:], stream[:-1])[0, 1]) < 5 / np.sqrt(MANY)


def test_places_of_one_text_are_uniform_too():
    """Along a long text as well as across texts."""
    stream = RandomStream.of(3, 1, tf.constant([7], tf.int64))
    values = stream.at(tf.zeros([MANY], tf.int64), tf.range(MANY, dtype=tf.int64)).numpy()
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    assert len(np.unique(values)) > 0.99 * MANY


def test_is_split_mix_64():
    """The numbers are those of the published function, worked in Python's integers."""

    def mixed(bits: int) -> int:
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            bits = (bits ^ bits >> shift) * factor % 2**64
        return bits ^ bits >> 31

    golden = 0x9E3779B97F4A7C15
    key = mixed(golden * 5 % 2**64)
    key = mixed((key + golden * 2) % 2**64)
    key = mixed((key + golden * 9) % 2**64)
    stream = RandomStream.of(5, 2, tf.constant([9], tf.int64))
    assert stream.keys.numpy().tolist() == [key]
    assert float(stream.uniform()[0]) == (mixed(key) >> 40) / 2**24


def test_index_covers_all_and_never_more():
    """The largest number below 1 gives the last of any count."""
    largest = np.float32(1 - 2**-24)
    assert index(tf.constant([largest] * 3), tf.constant([1, 7, 10**6])).numpy().tolist() == [
        0,
        6,
        10**6 - 1,
    ]
    assert np.unique(index(tf.constant(numbers()), 3).numpy()).tolist() == [0, 1, 2]
