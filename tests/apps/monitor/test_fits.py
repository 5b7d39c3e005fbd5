"""Fits in a process of their own: the same numbers, and none is left when the server ends."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from tfsocial.apps.monitor.fits import FitsAside, Quiet, fitted


@pytest.fixture(scope="module")
def quiet() -> Quiet:
    """Four days of a topic, one text in four negative."""
    source = np.random.default_rng(0)
    hours = np.repeat(np.arange(4 * 24) % 24, 6)
    total = source.poisson(4.0, len(hours))
    return Quiet(source.binomial(total, 0.25), total, hours, 1.0, 0.1)


def test_a_process_of_its_own_finds_the_same(quiet):
    assert FitsAside()(quiet) == fitted(quiet)


def test_who_stops_waits_for_no_fit(quiet):
    fits, ended = FitsAside(), []

    def one():
        with pytest.raises(OSError, match="a fit ended with -15"):
            fits(quiet)
        ended.append(True)

    thread = threading.Thread(target=one)
    thread.start()
    while fits._process is None:
        time.sleep(0.001)
    fits.stop()
    thread.join(10)
    assert ended


def test_a_fit_that_fails_says_why():
    with pytest.raises(OSError, match="a fit ended with 1: ValueError: operands"):
        FitsAside()(Quiet(np.zeros(0), np.zeros(5), np.zeros(3, int), 1.0, 0.1))
