"""Who works on a trial: one at a time, and somebody else when it falls silent."""

from __future__ import annotations

import json
import os
import time

import pytest

from tfsocial.tuning import lease as leases
from tfsocial.tuning.lease import FILE, LeaseLost
from tuning.conftest import wait_until


def _make_stale(folder, seconds: float = 100.0) -> None:
    past = time.time() - seconds
    os.utime(folder / FILE, (past, past))


def test_a_lease_that_is_renewed_is_nobody_else_s(tmp_path):
    held = leases.take(tmp_path, 0.4)
    time.sleep(1.0)  # long enough to be stale if nobody renewed it
    assert leases.take(tmp_path, 0.4) is None
    held.check()
    held.release()


def test_a_stale_lease_is_taken_and_its_old_holder_learns_of_it(tmp_path):
    old = leases.take(tmp_path, 60)
    _make_stale(tmp_path)
    new = leases.take(tmp_path, 60)
    assert new is not None
    old._every = 0.01  # its thread waits a quarter of a minute
    old._ended.set()
    old._thread.join()
    old._ended.clear()
    old._renew()
    with pytest.raises(LeaseLost, match="by now"):
        old.check()
    new.check()
    old.release()  # which is not its own any more
    assert leases.seconds_old(tmp_path) < 60


def test_who_loses_its_lease_learns_it_within_a_renewal(tmp_path):
    old = leases.take(tmp_path, 0.2)
    (tmp_path / FILE).write_text(json.dumps({"holder": "other:1", "token": "another"}), "utf-8")
    wait_until(old._lost.is_set, 10)
    with pytest.raises(LeaseLost, match="is other:1's by now"):
        old.check()


def test_a_released_lease_is_free_at_once(tmp_path):
    leases.take(tmp_path, 60).release()
    again = leases.take(tmp_path, 60)
    assert again is not None
    again.release()


def test_the_age_is_by_the_clock_of_the_filesystem(tmp_path, monkeypatch):
    """A machine whose own clock is an hour ahead takes nothing from others."""
    held = leases.take(tmp_path, 60)
    monkeypatch.setattr(time, "time", lambda: 1e12)
    assert leases.take(tmp_path, 60) is None
    held.release()


def test_a_holder_can_be_named(tmp_path):
    assert leases.holder(tmp_path) == "nobody"
    held = leases.take(tmp_path, 60)
    assert leases.holder(tmp_path).endswith(f":{os.getpid()}")
    held.release()
