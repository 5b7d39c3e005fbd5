"""Groups that stand together: none is divided, every example comes once, company changes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import first
from tokenized_by_hand import encoded_of

from tfsocial.data.attributes import Attribute
from tfsocial.data.pipeline import tokenized_split
from tfsocial.data.pipeline.batches import steps_per_epoch, training_batches
from tfsocial.errors import InputError
from tfsocial.text import batch as keys
from tfsocial.text import packing


def grouped(lengths, codes):
    """Examples of these lengths, each of a group."""
    values = tuple(f"list {code}" for code in range(max(codes) + 1))
    return replace(encoded_of(lengths), together=Attribute(np.array(codes, np.int32), values))


def batches_of(encoded, shape, count, seed=0, done=0):
    """The ids in each batch, [rows, slots]."""
    made = first(training_batches(encoded, shape, seed, done), count)
    return [batch[keys.EXAMPLE_ID] for batch in made]


def members(batch):
    return sorted(batch[batch != packing.EMPTY].tolist())


def test_rows_of_groups_by_hand():
    """Three lists of 9, 4 and 3 tokens in rows of 5: of two rows, one and one, two rows a batch."""
    encoded = grouped([5, 4, 2, 2, 3], [0, 0, 1, 1, 2])
    shape = keys.Shape(2, 5, 3)
    assert steps_per_epoch(encoded, shape) == 2
    found = batches_of(encoded, shape, 2)
    assert sorted(map(members, found)) == [[0, 1], [2, 3, 4]]
    rows = sorted(members(row) for batch in found for row in batch)
    assert rows == [[0], [1], [2, 3], [4]]


def test_examples_of_no_group_share_rows():
    """Four of one token beside a list of two: one row each, and not one each example."""
    encoded = grouped([1, 1, 1, 1, 2, 3], [-1, -1, -1, -1, 0, 0])
    found = batches_of(encoded, keys.Shape(2, 5, 4), 1)
    assert sorted(members(row) for row in found[0]) == [[0, 1, 2, 3], [4, 5]]


@settings(max_examples=8, deadline=None)  # each is traced anew
@given(st.lists(st.integers(-1, 5), min_size=1, max_size=40), st.integers(0, 9))
def test_no_group_is_divided_and_every_example_comes_once_an_epoch(codes, seed):
    """Whatever the groups; and a run that goes on meets the batches that it would have met."""
    lengths = 1 + (np.arange(len(codes)) * 5) % 7
    encoded, shape = grouped(lengths, codes), keys.Shape(41, 9, 4)
    steps = steps_per_epoch(encoded, shape)
    found = batches_of(encoded, shape, 2 * steps, seed)
    for epoch in (found[:steps], found[steps:]):
        assert sorted(np.concatenate([*map(members, epoch)])) == list(range(len(codes)))
        where = defaultdict(set)
        for number, batch in enumerate(epoch):
            for example in members(batch):
                where[codes[example]].add(number)
        assert all(len(own) == 1 for code, own in where.items() if code >= 0)
    later = batches_of(encoded, shape, steps, seed, done=steps)
    np.testing.assert_array_equal(later, found[steps:])


def test_groups_meet_others_in_every_epoch():
    """Ten lists of a row, two a batch: of 45 pairs most are met in 30 epochs."""
    encoded = grouped([2] * 20, [number // 2 for number in range(20)])
    found = batches_of(encoded, keys.Shape(2, 4, 2), 150)
    pairs = {tuple(sorted({example // 2 for example in members(batch)})) for batch in found}
    assert len(pairs) > 35
    assert all(len(pair) == 2 for pair in pairs)


def test_a_group_larger_than_a_batch_is_refused():
    """By its name, with what to change."""
    encoded = grouped([4, 4, 4], [0, 0, 0])
    with pytest.raises(
        InputError, match=r"3 examples of 'list 0' fill 3 rows of 5 tokens .*rows=2;"
    ):
        steps_per_epoch(encoded, keys.Shape(2, 5, 3))


def test_a_sample_and_a_hash_know_the_groups():
    """Batches follow from them, so a run does not go on with others."""
    encoded = grouped([1, 2, 3], [0, 1, 0])
    assert tokenized_split.sample(encoded, 2).together.codes.tolist() == [0, 0]
    others = [grouped([1, 2, 3], [0, 1, 1]), encoded_of([1, 2, 3])]
    hashes = {tokenized_split.fingerprint(one) for one in (encoded, *others)}
    assert len(hashes) == 3
