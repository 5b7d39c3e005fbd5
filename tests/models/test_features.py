"""Columns beside the text as numbers: worked by hand, and the same in a graph."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_by_hand import examples

from tfsocial import config
from tfsocial.data.attributes import Attribute
from tfsocial.errors import InputError
from tfsocial.models import features
from tfsocial.models.features import encode, fit, vectors
from tfsocial.models.heads import Heads
from tfsocial.models.spec import FeatureSpec, HeadSpec


def column(*values: str) -> Attribute:
    """An attribute of these values, "" where there is none."""
    different = tuple(dict.fromkeys(value for value in values if value))
    codes = [different.index(value) if value else -1 for value in values]
    return Attribute(np.array(codes, np.int32), different)


def train(**columns):
    """Examples with these attributes."""
    made = examples(["a"] * len(next(iter(columns.values()))))
    made.attributes.update({name: column(*values) for name, values in columns.items()})
    return made


def fitted(made, **wanted):
    return fit(config.Data(features=wanted), made)


NUMERIC, LOG, CATEGORICAL = (
    {"kind": "numeric"},
    {"kind": "numeric", "log": True},
    {"kind": "categorical"},
)


def test_numbers_are_standardised_by_hand():
    """Of 2, 4 and 6 the mean is 4, the spread the root of 8/3; a missing one is 0 and flagged."""
    made = train(price=["2", "4", "6", ""])
    specs = fitted(made, price=NUMERIC)
    spread = math.sqrt(8 / 3)
    assert specs["price"] == FeatureSpec("price", "numeric", mean=4.0, spread=pytest.approx(spread))
    by_hand = [[-2 / spread, 0], [0, 0], [2 / spread, 0], [0, 1]]
    np.testing.assert_allclose(vectors(specs, made), by_hand, atol=1e-6)


def test_logarithms_are_standardised():
    """0, e - 1 and e^2 - 1 are 0, 1 and 2 after log(1 + x)."""
    made = train(price=["0", str(math.e - 1), str(math.e**2 - 1)])
    spread = math.sqrt(2 / 3)
    expected = [[-1 / spread, 0], [0, 0], [1 / spread, 0]]
    np.testing.assert_allclose(vectors(fitted(made, price=LOG), made), expected, atol=1e-5)


def test_a_column_of_one_number_says_nothing():
    """Nor does what is left when its mean is rounded."""
    made = train(price=["0.1"] * 7 + [""])
    found = vectors(fitted(made, price=NUMERIC), made)
    np.testing.assert_allclose(found, [[0, 0]] * 7 + [[0, 1]], atol=1e-6)


def test_what_lies_far_out_is_held_at_ten_spreads():
    """In a server too, which may be handed what no file can hold."""
    specs = {"price": FeatureSpec("price", "numeric", mean=1.0, spread=2.0)}
    numbers = tf.constant([1e30, -1e30, np.inf, np.nan, 5.0])
    assert encode(specs, [numbers]).numpy().tolist() == [
        [10, 0], [-10, 0], [0, 1], [0, 1], [2, 0],
    ]  # fmt: skip


def test_categories_are_one_hot_by_hand():
    """Slots: what train lacks, then its levels in order; an empty cell is a level like others."""
    made = train(country=["fr", "de", "de", ""])
    specs = fitted(made, country=CATEGORICAL)
    assert specs["country"].levels == ("", "de", "fr")
    assert vectors(specs, made).tolist() == [
        [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0],
    ]  # fmt: skip
    new = train(country=["uk", " de "])
    assert vectors(specs, new).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]


def test_rare_categories_share_the_slot_of_unknown_ones():
    made = train(country=["fr", "de", "de", ""])
    specs = fitted(made, country={**CATEGORICAL, "min_count": 2})
    assert specs["country"].levels == ("de",)
    assert vectors(specs, made).tolist() == [[1, 0], [0, 1], [0, 1], [1, 0]]


def test_several_features_stand_in_their_order():
    made = train(country=["fr", "de"], price=["1", "3"])
    specs = fitted(made, price=NUMERIC, country=CATEGORICAL)
    assert vectors(specs, made).tolist() == [[-1, 0, 0, 0, 1], [1, 0, 0, 1, 0]]
    assert vectors({}, made) is None


def test_what_train_cannot_say_is_refused(monkeypatch):
    with pytest.raises(InputError, match=r"data.features.price: no row of train has a number"):
        fitted(train(price=["", " "]), price=NUMERIC)
    with pytest.raises(InputError, match=r"has 0 levels .*; lower data.features.c.min_count"):
        fitted(train(c=["a", "b"]), c={**CATEGORICAL, "min_count": 2})
    monkeypatch.setattr(features, "MOST_LEVELS", 1)
    with pytest.raises(InputError, match=r"has 2 levels .*; raise data.features.c.min_count"):
        fitted(train(c=["a", "b"]), c=CATEGORICAL)


CELLS = st.lists(
    st.tuples(
        st.none() | st.floats(-1e6, 1e6, width=32), st.sampled_from(["", "de", "fr", "uk", "é"])
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=30, deadline=None)
@given(cells=CELLS, mean=st.floats(-100, 100), spread=st.floats(0.1, 100))
def test_encoding_is_that_of_numpy(cells, mean, spread):
    """In an independent form: one row a cell."""
    specs = {
        "price": FeatureSpec("price", "numeric", mean=mean, spread=spread),
        "country": FeatureSpec("country", "categorical", levels=("de", "fr", "é")),
    }
    numbers, names = zip(*cells, strict=True)
    columns = [
        features.as_tensor("numeric", numbers), features.as_tensor("categorical", names)
    ]  # fmt: skip
    expected = [
        [
            0 if number is None else float(np.clip((number - mean) / spread, -10, 10)),
            number is None,
            name not in specs["country"].levels,
            *(name == level for level in specs["country"].levels),
        ]
        for number, name in cells
    ]
    found = tf.function(lambda *read: encode(specs, read))(*columns)
    np.testing.assert_allclose(found, np.array(expected, np.float32), atol=1e-4)


# --- heads -------------------------------------------------------------------------------


def test_heads_read_vector_and_features():
    """Logits are W [f(x); v] + b; a feature says nothing before anything is learned."""
    heads = Heads({"mood": HeadSpec("classify", ("a", "b"))}, 3, feature_width=2)
    heads.build()
    kernel, bias = heads.linear["mood"].get_weights()
    assert (kernel.shape, np.ptp(kernel[:3]) > 0) == ((5, 2), True)
    assert not kernel[3:].any()
    kernel[3:] = [[1, 2], [3, 4]]
    heads.linear["mood"].set_weights([kernel, bias])
    pooled, beside = np.ones([1, 1, 3], np.float32), np.float32([[[0.5, 2.0]]])
    logits = heads(pooled, beside)["mood"]
    expected = np.concatenate([pooled, beside], -1) @ kernel + bias
    np.testing.assert_allclose(logits, expected, atol=1e-6)
    with pytest.raises(ValueError, match="built to read features"):
        heads(pooled)


def test_neither_direction_nor_length_of_a_vector_touches_features():
    heads = Heads({}, 4, normalize=True, feature_width=1)
    read = heads.read(tf.constant([[3.0, 0.0, 4.0, 0.0]]), tf.constant([[7.0]]))
    np.testing.assert_allclose(read, [[1.2, 0.0, 1.6, 0.0, 7.0]], atol=1e-6)
