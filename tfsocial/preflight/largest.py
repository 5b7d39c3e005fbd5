"""The largest batch that fits, in few compilations: each takes a minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tfsocial.preflight.compiler import Counts, OutOfMemory

STEP = 8  # rows; a chip's registers hold eight at a time
CLOSE = 1.1  # nearer bounds are not worth a compilation


class Largest(NamedTuple):
    """Rows a chip that were compiled and fit, and the fewest that were and do not."""

    fits: int
    too_many: int | None
    counts: Counts


def largest(
    known: Mapping[int, Counts],
    memory: int,
    compile_rows: Callable[[int], Counts],
    attempts: int = 4,
) -> Largest:
    """Rows that fit into `memory` bytes; memory grows almost evenly with them.

    Args:
        known: rows -> counts of what was compiled before, at least one.
        compile_rows: gives counts or raises `OutOfMemory`.
    """
    fitting, too_many = dict(known), None
    for _ in range(attempts):
        guess = _guess(fitting, too_many, memory)
        if guess <= max(fitting):
            break
        try:
            fitting[guess] = compile_rows(guess)
        except OutOfMemory:
            too_many = guess
    most = max(fitting)
    return Largest(most, too_many, fitting[most])


def _guess(fitting: Mapping[int, Counts], too_many: int | None, memory: int) -> int:
    """Rows to try next; no more than fit already where that is close enough."""
    most = max(fitting)
    if len(fitting) == 1:
        wanted = 16.0 * most if too_many is None else (most * too_many) ** 0.5
    else:
        wanted = _predicted(fitting, memory)
    if too_many is not None and wanted >= too_many:
        wanted = (most + too_many) / 2
    return most if wanted < CLOSE * most else max(most + 1, int(wanted) // STEP * STEP)


def _predicted(fitting: Mapping[int, Counts], memory: int) -> float:
    """Rows at which the line through the two largest reaches the memory, a little less."""
    less, more = sorted(fitting)[-2:]
    slope = (fitting[more].memory - fitting[less].memory) / (more - less)
    return 0.97 * (more + (memory - fitting[more].memory) / slope) if slope > 0 else 16.0 * more
