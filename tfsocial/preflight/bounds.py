"""From counts and published figures to seconds: plain arithmetic, and nothing measured."""

from __future__ import annotations

from typing import NamedTuple

from tfsocial.preflight.chips import Chip, links_in_use


class Network(NamedTuple):
    """The sizes of a network that decide how much arithmetic an example needs.

    Attributes:
        per_token: parameters that each token meets: the encoder's, without the embeddings.
        per_example: parameters that each example meets once: the heads' and the pooler's.
        layers, hidden: of the encoder.
        gradient_bytes: of all that is trained, in float32.
        frozen_layers: of the layers, those that no gradient goes through.
        frozen_per_token: their parameters, which are counted in `per_token` too.
    """

    per_token: int
    per_example: int
    layers: int
    hidden: int
    gradient_bytes: int
    frozen_layers: int = 0
    frozen_per_token: int = 0


class Load(NamedTuple):
    """What an average step holds, of real text only.

    Attributes:
        tokens: without padding.
        squares: sum over the examples of their tokens squared.
    """

    examples: float
    tokens: float
    squares: float

    def times(self, factor: float) -> Load:
        """Multiply the text by a factor."""
        return Load(*(factor * value for value in self))


class Roofline(NamedTuple):
    """Seconds a step takes at least if nothing but arithmetic, or nothing but memory, took time."""

    compute: float
    memory: float

    @property
    def seconds(self) -> float:
        return max(self)


def useful_flops(network: Network, load: Load) -> float:
    """Count the floating-point operations of a pass forwards and backwards over real text.

    Each parameter a token meets costs 2 forwards and 4 backwards: Kaplan et al. (2020), Scaling
    Laws for Neural Language Models, arXiv:2001.08361, section 2.1. Beside it attention: of the
    n tokens of an example each looks at n, 2 products of n * n * hidden a layer, again times 6.
    Frozen layers are only gone through forwards. What is computed again is not useful.

    >>> useful_flops(Network(10, 3, layers=2, hidden=4, gradient_bytes=0), Load(1, 5, 25))
    2718.0
    >>> useful_flops(Network(10, 3, 2, 4, 0, frozen_layers=1, frozen_per_token=4), Load(1, 5, 25))
    1838.0
    """
    matrices = 6 * (network.per_token * load.tokens + network.per_example * load.examples)
    attention = 12 * network.layers * network.hidden * load.squares
    not_backwards = 4 * network.frozen_per_token * load.tokens
    not_backwards += 8 * network.frozen_layers * network.hidden * load.squares
    return float(matrices + attention - not_backwards)


def roofline(flops: float, traffic: float, chip: Chip) -> Roofline:
    """Compute the roofline model's two bounds.

    Williams, Waterman & Patterson (2009), doi:10.1145/1498765.1498785.
    """
    return Roofline(flops / chip.flops, traffic / chip.bandwidth)


def all_reduce_bytes(gradient_bytes: int, chips: int) -> float:
    """Count the bytes each chip sends to add up the gradients of all.

    2 (n - 1) / n of the gradient, which no algorithm can undercut: Patarasuk & Yuan (2009),
    doi:10.1016/j.jpdc.2008.09.002.

    >>> [all_reduce_bytes(100, chips) for chips in (1, 2, 4)]
    [0.0, 100.0, 150.0]
    """
    return 2 * (chips - 1) / chips * gradient_bytes


def all_reduce_seconds(gradient_bytes: int, chips: int, chip: Chip) -> float:
    """Compute the seconds of those bytes on the links in use; latency is not published."""
    if chips == 1:
        return 0.0
    return all_reduce_bytes(gradient_bytes, chips) / (links_in_use(chip, chips) * chip.link)


def efficiency(step: float, exchange: float) -> float:
    """Compute the share of n times one chip's speed that n chips reach if nothing overlaps.

    >>> efficiency(3.0, 1.0)
    0.75
    """
    return step / (step + exchange)
