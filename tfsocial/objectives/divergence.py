"""How far apart two passes' answers are, for every kind of task; per example [rows, slots]."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from tfsocial.kinds import TaskKind


def symmetric(kind: TaskKind, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Compute 1/2 * (KL(p1 || p2) + KL(p2 || p1)); of values, (z1 - z2)^2.

    Symmetric KL needs no logarithm of its own: it is 1/2 * sum (p1 - p2) (log p1 - log p2).
    A multilabel task takes the KL of each label's Bernoulli, summed.

    Args:
        first: float32 [..., width], logits or values.
        second: the same of the other pass.

    Returns:
        Float32 [...].
    """
    if kind == "regress":
        return tf.reduce_sum(tf.math.squared_difference(first, second), -1)
    if kind == "multilabel":
        # For a Bernoulli both outcomes add up to (p1 - p2) times the difference in log-odds.
        differences = (tf.sigmoid(first) - tf.sigmoid(second)) * (first - second)
    else:
        log_ratio = tf.nn.log_softmax(first) - tf.nn.log_softmax(second)
        differences = (tf.nn.softmax(first) - tf.nn.softmax(second)) * log_ratio
    return tf.reduce_sum(differences, -1) / 2


def jensen_shannon(kind: TaskKind, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Compute 1/2 * KL(p1 || m) + 1/2 * KL(p2 || m), m = (p1 + p2) / 2.

    A multilabel task takes that of each label's Bernoulli, summed.

    Args:
        first: float32 [..., width], logits.
        second: the same of the other pass.

    Returns:
        Float32 [...].
    """
    if kind == "multilabel":
        outcomes = [tf.stack([logits, tf.zeros_like(logits)], -1) for logits in (first, second)]
        return tf.reduce_sum(jensen_shannon("classify", *outcomes), -1)
    logs = tf.nn.log_softmax(tf.stack([first, second]))
    middle = tf.reduce_logsumexp(logs, 0) - tf.math.log(2.0)
    return tf.reduce_sum(tf.exp(logs) * (logs - middle), [0, -1]) / 2


def from_to(kind: TaskKind, target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Compute KL(p_target || p); of values, (z_target - z)^2.

    Args:
        target: float32 [..., width], logits or values.
        logits: float32 [..., width], logits or values.

    Returns:
        Float32 [...].
    """
    if kind == "regress":
        return tf.reduce_sum(tf.math.squared_difference(target, logits), -1)
    if kind == "multilabel":
        outcomes = [tf.stack([values, tf.zeros_like(values)], -1) for values in (target, logits)]
        return tf.reduce_sum(from_to("classify", *outcomes), -1)
    log_ratio = tf.nn.log_softmax(target) - tf.nn.log_softmax(logits)
    return tf.reduce_sum(tf.nn.softmax(target) * log_ratio, -1)


def mean_of(kind: TaskKind, each: Sequence[tf.Tensor]) -> tf.Tensor:
    """Give the logits whose probabilities are the mean of those of each; of values their mean.

    Args:
        each: float32 [..., width], logits or values.

    >>> mean_of("classify", [tf.math.log([0.2, 0.8]), tf.math.log([0.6, 0.4])]).numpy().round(3)
    array([-0.916, -0.511], dtype=float32)
    """
    if len(each) == 1:
        return each[0]
    if kind == "regress":
        return tf.add_n([*each]) / len(each)
    if kind == "multilabel":
        outcomes = [_log_mean([tf.math.log_sigmoid(sign * z) for z in each]) for sign in (1, -1)]
        return outcomes[0] - outcomes[1]
    return _log_mean([tf.nn.log_softmax(logits) for logits in each])


def _log_mean(logs: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_logsumexp(tf.stack([*logs]), 0) - math.log(len(logs))
