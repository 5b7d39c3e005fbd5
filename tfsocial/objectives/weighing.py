"""alpha(t) and beta_i(t), and the one place where losses are masked, reduced and summed.

Each term is divided by the number of examples it counts in the *global* batch, so one step
on two replicas equals one step on one replica with the same global batch: gradients are
summed over replicas, and so are the shares computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfsocial import schedules
from tfsocial.config import Alpha, DriftConstraint
from tfsocial.objectives.contract import Forward, Terms
from tfsocial.objectives.table import Term


class Weighed(NamedTuple):
    """The formula's value on this replica's share of the batch.

    Attributes:
        loss: scalar to minimise; the shares of all replicas add up to the formula.
        raw: term -> scalar share, before its weight.
        weighted: term -> scalar share, as it enters the loss.
    """

    loss: tf.Tensor
    raw: dict[str, tf.Tensor]
    weighted: dict[str, tf.Tensor]


def total(
    terms: Sequence[Term],
    step: Forward,
    factors: Mapping[str, tf.Tensor] | None = None,
    log_variances: tf.Tensor | None = None,
    counts: Mapping[str, tf.Tensor] | None = None,
    parts: int = 1,
) -> Weighed:
    """Compute L + alpha * L0 + beta * L_paper at this moment of the run.

    Args:
        factors: term -> what its weight is multiplied with, of terms whose weight training moves.
        log_variances: float32 [terms], see `by_uncertainty`.
        counts: term -> examples it counts in the global batch, float32 scalar, where `step` has a
            part of it only.
        parts: how many such parts there are.
    """
    counts = counts or {}
    raw = {term.name: mean(term.objective(step), counts.get(term.name)) for term in terms}
    weights = {term.name: weight_at(term.weight, step.progress) for term in terms}
    for name, factor in (factors or {}).items():
        weights[name] *= factor
    weighted = {name: weight * raw[name] for name, weight in weights.items()}
    if log_variances is None:
        return Weighed(tf.add_n(list(weighted.values())), raw, weighted)
    weighted, doubt = by_uncertainty(weighted, log_variances)
    loss = tf.add_n(list(weighted.values())) + doubt / _replicas() / parts
    return Weighed(loss, raw, weighted)


def by_uncertainty(
    weighted: Mapping[str, tf.Tensor], log_variances: tf.Tensor
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Multiply each term by exp(-s_i), s_i learned, and give sum_i s_i / 2 to be added.

    Kendall, Gal & Cipolla (2018), Multi-Task Learning Using Uncertainty, arXiv:1705.07115,
    equation 10 with s = log sigma^2.

    Args:
        weighted: term -> float32 scalar.
        log_variances: float32 [terms], s.

    Returns:
        Term -> float32 scalar, and a float32 scalar.
    """
    trust = dict(zip(weighted, tf.unstack(tf.exp(-log_variances)), strict=True))
    trusted = {name: trust[name] * value for name, value in weighted.items()}
    return trusted, tf.reduce_sum(log_variances) / 2


def mean(terms: Terms, count: tf.Tensor | None = None) -> tf.Tensor:
    """Compute this replica's share of the mean over the masked examples of the global batch.

    Args:
        count: of those examples, float32 scalar; left out, they are counted.

    Returns:
        Float32 scalar.
    """
    count = counted(terms) if count is None else count
    # Where, not multiply: a masked loss that overflowed would give 0 * inf = NaN.
    masked = tf.where(terms.mask > 0, terms.loss * terms.mask, 0.0)
    return tf.math.divide_no_nan(tf.reduce_sum(masked), count)


def counted(terms: Terms) -> tf.Tensor:
    """Count the examples of the global batch that count, float32 scalar."""
    count = tf.reduce_sum(terms.mask)
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        count = context.all_reduce(tf.distribute.ReduceOp.SUM, count)
    return count


def _replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def weight_at(weight: Alpha, progress: tf.Tensor) -> tf.Tensor:
    """Compute the value of a constant or a schedule, float32 scalar; 1 of a drift constraint.

    >>> float(weight_at(2.0, tf.constant(0.3)))
    2.0
    """
    if isinstance(weight, DriftConstraint):
        return tf.constant(1.0)
    return schedules.value_at(weight, progress)
