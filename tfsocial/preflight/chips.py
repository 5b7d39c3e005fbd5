"""What is published of each TPU chip, and how chips hang together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from tfsocial.errors import InputError, nearest

GB, GIB = 10**9, 2**30


class Chip(NamedTuple):
    """Published figures of one chip.

    Attributes:
        flops: bfloat16 operations a second, at most.
        memory: bytes of HBM that the compiler lets a program have.
        bandwidth: bytes a second between HBM and the chip.
        link: bytes a second a link carries in one direction: the published bandwidth of all
            links in both directions, over twice their number.
        links: to neighbours, when all axes of the torus are closed.
        torus: as many chips close the torus; smaller slices are meshes.
    """

    flops: float
    memory: int
    bandwidth: float
    link: float
    links: int
    torus: int


# https://docs.cloud.google.com/tpu/docs/v5e, .../v6e and .../v5p: peak compute per chip (bf16), HBM
# capacity and bandwidth per chip, bidirectional inter-chip interconnect bandwidth (per chip),
# ports, interconnect topology and pod size; read in November 2026. A v5p slice closes its torus
# from a cube of 4x4x4 on. Memory is what libtpu 0.0.52 says of a program that is too large; the
# pages have 16, 32 and 95 GB. v4 is left out: libtpu compiles for its two cores apart.
CHIPS: Mapping[str, Chip] = {
    "v5e": Chip(197e12, int(15.75 * GIB), 819 * GB, 400 * GB / 2 / 4, links=4, torus=256),
    "v6e": Chip(918e12, int(31.24 * GIB), 1638 * GB, 800 * GB / 2 / 4, links=4, torus=256),
    "v5p": Chip(459e12, int(95.73 * GIB), 2765 * GB, 1200 * GB / 2 / 6, links=6, torus=64),
}


class Topology(NamedTuple):
    """A slice of a TPU pod."""

    name: str
    kind: str
    chips: int

    @property
    def chip(self) -> Chip:
        return CHIPS[self.kind]


def topology(name: str) -> Topology:
    """Read the slice from a name like `v5e:2x2`.

    Raises:
        InputError: no such chip, or no such form.

    >>> topology("v5e:2x2").chips
    4
    >>> topology("v5d:2x2")
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: --topology=v5d:2x2: no chip v5d; did you mean v5p?
    """
    kind, _, form = name.partition(":")
    if kind not in CHIPS:
        raise InputError(f"--topology={name}: no chip {kind}; {nearest(kind, list(CHIPS))}")
    sides = form.split("x")
    if not all(side.isdecimal() and int(side) for side in sides):
        raise InputError(f"--topology={name}: expected CHIP:AxB, as in v5e:2x2")
    return Topology(name, kind, math.prod(map(int, sides)))


def links_in_use(chip: Chip, chips: int) -> int:
    """Count the links of each chip over which gradients are exchanged.

    A ring can be laid through any mesh of chips and uses two links of each; two chips have one
    between them, a closed torus uses all.
    """
    if chips >= chip.torus:
        return chip.links
    return min(2, chips - 1)
