"""The largest batch that fits, in few compilations: each takes a minute."""

from __future__ import annotations

import math
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
    unit: int = 1,
    too_many: int | None = None,
) -> Largest | None:
    """Find the most rows that fit into `memory` bytes, None where none does.

    Memory grows almost evenly with them.

    Args:
        known: rows -> counts of what was compiled before and fits.
        compile_rows: gives counts or raises `OutOfMemory`.
        unit: what the rows must be a multiple of.
        too_many: rows that were compiled before and do not fit; needed where `known` is empty.
    """
    fitting = dict(known)
    while not fitting and attempts and too_many is not None and too_many > unit:
        attempts -= 1  # first a batch that fits, a quarter each time
        too_many = _tried(max(unit, too_many // 4 // unit * unit), too_many, fitting, compile_rows)
    if not fitting:
        return None
    for _ in range(attempts):
        guess = _guess(fitting, too_many, memory, unit)
        if guess <= max(fitting):
            break
        too_many = _tried(guess, too_many, fitting, compile_rows)
    most = max(fitting)
    return Largest(most, too_many, fitting[most])


def _tried(
    rows: int,
    too_many: int | None,
    fitting: dict[int, Counts],
    compile_rows: Callable[[int], Counts],
) -> int | None:
    """Put rows that fit among those that do; give the fewest that do not."""
    try:
        fitting[rows] = compile_rows(rows)
    except OutOfMemory:
        return rows
    return too_many


def _guess(fitting: Mapping[int, Counts], too_many: int | None, memory: int, unit: int) -> int:
    """Choose rows to try next; no more than fit already where that is close enough."""
    most, step = max(fitting), math.lcm(STEP, unit)
    if len(fitting) == 1:
        wanted = 16.0 * most if too_many is None else (most * too_many) ** 0.5
    else:
        wanted = _predicted(fitting, memory)
    if too_many is not None and wanted >= too_many:
        wanted = (most + too_many) / 2
    if wanted < CLOSE * most or most + unit == too_many:
        return most
    return max(most + unit, int(wanted) // step * step)


def _predicted(fitting: Mapping[int, Counts], memory: int) -> float:
    """Extend the line through the two largest to the memory, a little less, in rows."""
    less, more = sorted(fitting)[-2:]
    per_row = (fitting[more].memory - fitting[less].memory) / (more - less)
    return 0.97 * (more + (memory - fitting[more].memory) / per_row) if per_row > 0 else 16.0 * more
