"""Columns beside the text as numbers that heads read: fitted to train, computed alike everywhere.

A number x becomes (x - mean) / spread, kept within ten spreads, and a flag; a missing one is 0 with
the flag set. A category becomes one-hot over a slot for any that train lacks and one a level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfsocial import config
from tfsocial.data.attributes import Attribute
from tfsocial.data.examples import Examples
from tfsocial.data.reading.feature_cells import FeatureCell, cell_of
from tfsocial.errors import InputError
from tfsocial.kinds import FeatureKind
from tfsocial.models.spec import FeatureSpec

FURTHEST = 10.0  # spreads: one slip of a decimal point must not outweigh all else
MOST_LEVELS = 1000  # each is a number of every example

# --- what train says --------------------------------------------------------------------


def fit(data: config.Data, train: Examples) -> dict[str, FeatureSpec]:
    """Fit the configured features to the examples that are learned from.

    Raises:
        InputError: train has no number in a column, or too many categories, or none.
    """
    return {
        name: _fitted(
            f"data.features.{name}", feature, data.feature_column(name), train.attributes[name]
        )
        for name, feature in data.features.items()
    }


def _fitted(key: str, feature: config.Feature, column: str, values: Attribute) -> FeatureSpec:
    spec = FeatureSpec(column, feature.kind, feature.log)
    different, which = _different(spec, values)
    if feature.kind == "numeric":
        numbers = np.array(different, np.float32)[which].astype(np.float64)  # as heads read them
        mean, spread = _mean_and_spread(key, spec, numbers[np.isfinite(numbers)])
        return FeatureSpec(column, feature.kind, feature.log, mean, spread)
    counts = Counter[FeatureCell]()
    for cell, count in zip(different, np.bincount(which, minlength=len(different)), strict=True):
        counts[cell] += int(count)
    return FeatureSpec(column, feature.kind, levels=_levels(key, counts, feature.min_count))


def _mean_and_spread(key: str, spec: FeatureSpec, known: np.ndarray) -> tuple[float, float]:
    if not len(known):
        raise InputError(
            f"{key}: no row of train has a number in column {spec.column!r}; fill it in, or leave "
            "the feature out"
        )
    several = known.min() < known.max()  # the deviation of equal ones may be what was rounded away
    known = np.log1p(known) if spec.log else known
    return float(known.mean()), float(known.std()) if several else 1.0


def _levels(key: str, counts: Mapping[FeatureCell, int], least: int) -> tuple[str, ...]:
    levels = sorted(str(cell) for cell, count in counts.items() if count >= least)
    if not 0 < len(levels) <= MOST_LEVELS:
        raise InputError(
            f"{key}: train has {len(levels)} levels that stand in {least} rows or more, and a "
            f"feature has 1 to {MOST_LEVELS}; {'raise' if levels else 'lower'} {key}.min_count, or "
            "leave the feature out"
        )
    return tuple(levels)


# --- numbers ----------------------------------------------------------------------------


def vectors(features: Mapping[str, FeatureSpec], examples: Examples) -> np.ndarray | None:
    """Compute what heads read of examples, float32 [n, F]; None where they read nothing.

    Args:
        examples: with an attribute of each feature's name.
    """
    if not features:
        return None
    parts = []
    for name, spec in features.items():
        different, which = _different(spec, examples.attributes[name])
        parts.append(_encoded(spec, as_tensor(spec.kind, different)).numpy()[which])
    return np.concatenate(parts, -1)


def _different(spec: FeatureSpec, values: Attribute) -> tuple[list[FeatureCell], np.ndarray]:
    """List the cells that occur, the first being that of a missing one, and int [n], which."""
    cells = [cell_of(value, spec) for value in ("", *values.values)]
    return cells, values.codes + 1


def as_tensor(kind: FeatureKind, cells: Sequence[FeatureCell]) -> tf.Tensor:
    """Put cells into float32 [n], NaN where a number is missing, or string [n]."""
    if kind == "categorical":
        return tf.constant(cells, tf.string)
    return tf.constant(np.array(cells, np.float32))


def encode(features: Mapping[str, FeatureSpec], columns: Sequence[tf.Tensor]) -> tf.Tensor:
    """Compute, in a graph or not, what heads read of raw columns, float32 [n, F].

    Args:
        columns: one a feature: float32 [n], where all that is not finite is missing, or string [n].
    """
    pairs = zip(features.values(), columns, strict=True)
    return tf.concat([_encoded(spec, values) for spec, values in pairs], -1)


def _encoded(spec: FeatureSpec, values: tf.Tensor) -> tf.Tensor:
    return _standardised(spec, values) if spec.kind == "numeric" else _one_hot(spec, values)


def _standardised(spec: FeatureSpec, values: tf.Tensor) -> tf.Tensor:
    """Compute float32 [n, 2] of numbers; one below 0 that has no logarithm counts as 0."""
    known = tf.math.is_finite(values)
    numbers = tf.where(known, values, 0.0)
    if spec.log:
        numbers = tf.math.log(1.0 + tf.maximum(numbers, 0.0))
    distance = tf.clip_by_value((numbers - spec.mean) / spec.spread, -FURTHEST, FURTHEST)
    missing = 1.0 - tf.cast(known, tf.float32)
    return tf.stack([tf.where(known, distance, 0.0), missing], -1)


def _one_hot(spec: FeatureSpec, values: tf.Tensor) -> tf.Tensor:
    same = tf.cast(values[:, tf.newaxis] == tf.constant(spec.levels), tf.float32)
    return tf.concat([1.0 - tf.reduce_sum(same, -1, keepdims=True), same], -1)
