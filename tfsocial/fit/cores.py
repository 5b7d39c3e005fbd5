"""Several short trainings at once, each on cores of its own.

Two threads do not train twice as fast as one where batches are small: on two cores, two
trainings at once are done sooner than one after the other.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from multiprocessing.pool import ThreadPool
from typing import TypeVar

MOST = 4  # at once: each holds a gigabyte or two
CORES_EACH = 4  # beyond two trainings

T = TypeVar("T")
Job = Callable[[Collection[int]], T]


@dataclass(frozen=True)
class Cores:
    """Shares of this machine's cores; one empty share is all of them.

    >>> Cores.of({0, 1}, MOST).shares, Cores.of({0}, MOST).shares, Cores.of({0, 1}, 1).shares
    ((frozenset({0}), frozenset({1})), (frozenset(),), (frozenset(),))
    """

    shares: Sequence[Collection[int]] = (frozenset(),)
    _asked_to_stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, cores: Collection[int], most: int = MOST) -> Cores:
        """Share cores out; `most` trainings at once."""
        count = min(most, max(len(cores) // CORES_EACH, min(2, len(cores))))
        if count < 2:
            return cls()
        ordered = sorted(cores)
        return cls(tuple(frozenset(ordered[number::count]) for number in range(count)))

    def at_once(self, jobs: Sequence[Job[T]]) -> list[T]:
        """Do jobs, as many at once as there are shares, each told its cores; one alone has all."""
        if len(jobs) < 2 or len(self.shares) < 2:
            return [job(()) for job in jobs]
        free: queue.SimpleQueue[Collection[int]] = queue.SimpleQueue()
        for share in self.shares:
            free.put(share)

        def done(job: Job[T]) -> T:
            share = free.get()
            try:
                return job(share)
            finally:
                free.put(share)

        pool = ThreadPool(len(self.shares))
        try:
            return pool.map_async(done, jobs, chunksize=1).get()
        except BaseException:  # Ctrl-C reaches this thread alone
            self._asked_to_stop.set()
            raise
        finally:
            pool.close()
            pool.join()

    def check(self) -> None:
        """End the work of a thread where the main one was asked to stop.

        Raises:
            KeyboardInterrupt: it was.
        """
        if self._asked_to_stop.is_set():
            raise KeyboardInterrupt


def of_machine(device: str) -> Cores:
    """Share this machine's cores out where it trains on them; elsewhere one training has all."""
    import tensorflow as tf

    on_cpu = device == "cpu" or (device == "auto" and not tf.config.list_physical_devices("GPU"))
    with contextlib.suppress(RuntimeError):  # of a process that has used one
        # This one only reads and writes: it would hold the memory that its trainings need.
        tf.config.set_visible_devices([], "GPU")
    affinity = getattr(os, "sched_getaffinity", None)
    return Cores.of(affinity(0)) if on_cpu and affinity else Cores()
