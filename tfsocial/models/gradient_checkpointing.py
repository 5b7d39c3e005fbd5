"""Gradient checkpointing: what a layer computed inside is not kept, but computed again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla

Layer = Callable[[tf.Tensor], tf.Tensor]


@dataclass
class _Draws:
    """States before the draws that are written down, and those of the draws that are repeated."""

    noted: list[tf.Tensor] | None = None
    again: Iterator[tf.Tensor] | None = None


class RepeatableGenerator(tf.random.Generator):
    """A generator some of whose draws can be made again, without a number being kept.

    Each draw begins with `skip`, which gives the state its numbers follow from and moves that on.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._draws = _Draws()

    def skip(self, delta):
        """Skip as the generator does; a draw that is repeated gets the state it had."""
        if self._draws.again is not None:
            return next(self._draws.again)
        state = super().skip(delta)
        if self._draws.noted is not None:
            self._draws.noted.append(state)
        return state

    @contextlib.contextmanager
    def noted(self) -> Iterator[list[tf.Tensor]]:
        """Note the states, int64 [3] each, before all draws that are made inside."""
        noted: list[tf.Tensor] = []
        self._draws.noted = noted
        try:
            yield noted
        finally:
            self._draws.noted = None

    @contextlib.contextmanager
    def repeated(self, noted: Sequence[tf.Tensor]) -> Iterator[None]:
        """Repeat inside the draws that were noted, in their order; the state stands still."""
        self._draws.again = iter(noted)
        try:
            yield
        finally:
            self._draws.again = None


def checkpointed(
    layer: Layer, hidden: tf.Tensor, generator: RepeatableGenerator, compiled: bool
) -> tf.Tensor:
    """Apply a layer, keeping only `hidden` for the way back: there it is computed again.

    Chen et al. (2016), Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174. One
    forward pass more, and in return the layers' inner values are in memory one layer at a time.
    Dropout draws from `generator`, whose draws the second pass repeats: TensorFlow's own
    `tf.recompute_grad` would drop other values there than the gradient is of.

    Args:
        layer: from one tensor to one tensor; may read variables.
        hidden: float [...], as the layer reads it.
        compiled: whether XLA compiles the step.
    """

    @tf.custom_gradient
    def run(hidden):
        with generator.noted() as draws:
            outputs = layer(hidden)

        def gradient(upstream, variables=()):
            inputs, upstream = _behind(hidden, upstream, compiled)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([inputs, *variables])
                with generator.repeated(draws):
                    again = layer(inputs)
            of = [inputs, *variables]
            gradients = tape.gradient(again, of, upstream, unconnected_gradients="zero")
            return gradients[0], gradients[1:]

        return outputs, gradient

    return run(hidden)


def _behind(inputs: tf.Tensor, upstream: tf.Tensor, compiled: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the same tensors, of which the first is not there before the second.

    Otherwise a compiler would find that the layer was computed before, and keep what it had.
    """
    if compiled:
        inputs, upstream = xla.optimization_barrier(inputs, upstream)
        return inputs, upstream
    with tf.control_dependencies([upstream]):
        return tf.identity(inputs), upstream
