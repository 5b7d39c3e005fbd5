"""The search for the largest batch, on a chip whose memory is known."""

from __future__ import annotations

import pytest

from tfsocial.preflight.compiler import Counts, OutOfMemory
from tfsocial.preflight.largest import largest

MEMORY = 10_000


def counts_of(memory: float) -> Counts:
    """Counts of a step that needs so many bytes."""
    return Counts("chip", int(memory), 0, 0, 0, 1.0, 1.0, 1, 1.0)


class Chip:
    """Refuses what needs more than `MEMORY`; counts how often it was asked."""

    def __init__(self, needs):
        self.needs, self.asked = needs, []

    def __call__(self, rows: int) -> Counts:
        self.asked.append(rows)
        if self.needs(rows) > MEMORY:
            raise OutOfMemory("RESOURCE_EXHAUSTED")
        return counts_of(self.needs(rows))


@pytest.mark.parametrize(
    ("needs", "most"),
    [
        (lambda rows: 1000 + 9 * rows, 1000),
        (lambda rows: 1000 + 900 * rows, 10),
        (lambda rows: 500 + 9 * rows + rows**1.2, 815),
    ],
    ids=["many", "few", "curved"],
)
def test_four_compilations_come_close(needs, most):
    """What is found fits, was compiled, and is at least four fifths of what is possible."""
    chip = Chip(needs)
    found = largest({4: counts_of(needs(4))}, MEMORY, chip)
    assert len(chip.asked) <= 4
    assert needs(found.fits) <= MEMORY
    assert found.fits >= 0.8 * most
    assert found.counts.memory == int(needs(found.fits))
    if found.too_many:
        assert found.too_many in chip.asked
        assert needs(found.too_many) > MEMORY


def test_a_full_chip_is_asked_little():
    """What is compiled already nearly fills the memory: one larger batch is tried, none after."""
    chip = Chip(lambda rows: 95 * rows)
    found = largest({100: counts_of(9500)}, MEMORY, chip)
    assert found.fits == 100
    assert found.too_many is not None


def test_no_attempt_gives_what_is_known():
    """The configured batch is the answer if nothing else may be compiled."""
    known = {8: counts_of(1)}
    assert largest(known, MEMORY, Chip(lambda rows: 0), attempts=0).fits == 8


@pytest.mark.parametrize("unit", [1, 3])
def test_what_does_not_fit_is_made_smaller(unit):
    """4,096 rows are too many: the largest that were compiled and fit, in six compilations."""
    chip = Chip(lambda rows: 1000 + 9 * rows)
    found = largest({}, MEMORY, chip, attempts=6, unit=unit, too_many=4095)
    assert 800 <= found.fits <= 1000
    assert not [rows for rows in chip.asked if rows % unit]


def test_nothing_fits():
    """Not even the smallest share of a batch in three parts."""
    chip = Chip(lambda rows: 10**6)
    assert largest({}, MEMORY, chip, unit=3, too_many=24) is None
    assert chip.asked == [6, 3]


def test_guesses_are_of_whole_parts():
    chip = Chip(lambda rows: 1000 + 900 * rows)
    assert largest({3: counts_of(3700)}, MEMORY, chip, unit=3).fits == 9
    assert not [rows for rows in chip.asked if rows % 3]
