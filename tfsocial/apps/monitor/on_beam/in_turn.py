"""What shares a key, one after another: in a batch in the order of lines, in a stream as it comes.

In a batch all of a key is grouped and sorted, so that what comes out does not depend on how Beam
bundles it. A stream has no order but that of coming, and keeps its state for as long as is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.coders import PickleCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    ReadModifyWriteStateSpec,
    RuntimeTimer,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from tfsocial.apps.monitor.on_beam.folding import Step, in_turn


class InTurn(beam.PTransform):
    """Has a step take the elements of each key in turn: (key, element) -> what follows."""

    def __init__(self, step: Step):
        super().__init__()
        self._step = step

    def expand(self, pcoll: beam.PCollection) -> beam.PCollection:
        """Apply it to what is grouped, or to what comes."""
        if pcoll.is_bounded:
            return pcoll | "group" >> beam.GroupByKey() | "sort" >> beam.FlatMap(_all, self._step)
        return pcoll | "as they come" >> beam.ParDo(_AsTheyCome(self._step))


def _all(grouped: tuple[Any, Iterable[Any]], step: Step) -> Iterator[Any]:
    return in_turn(grouped[1], step)


class _AsTheyCome(beam.DoFn):
    KNOWN = ReadModifyWriteStateSpec("known", PickleCoder())
    OVER = TimerSpec("over", TimeDomain.WATERMARK)

    def __init__(self, step: Step):
        self._step = step

    def process(
        self,
        keyed: tuple[Any, Any],
        known: Any = beam.DoFn.StateParam(KNOWN),  # noqa: B008 (so Beam is told)
        over: RuntimeTimer = beam.DoFn.TimerParam(OVER),  # noqa: B008
    ) -> Iterator[Any]:
        """Take the next element of a key."""
        element = keyed[1]
        until, state = known.read() or (0.0, None)
        until = max(until, element.happened + self._step.lasts)
        state, found = self._step(state, element)
        known.write((until, state))
        over.set(Timestamp(until))
        yield from found

    @on_timer(OVER)
    def forget(self, known: Any = beam.DoFn.StateParam(KNOWN)) -> None:  # noqa: B008
        """Let go of a key of which nothing more is waited for."""
        known.clear()
