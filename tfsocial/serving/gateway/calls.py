"""The one policy that every dialect goes through: may it, mask it, count it, have it answered."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tfsocial.serving.gateway import tokens as counting
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.quotas import Quotas
from tfsocial.serving.gateway.audit.log import AuditLog, Entry
from tfsocial.serving.gateway.load.refusals import Refusals
from tfsocial.serving.gateway.masking import mask
from tfsocial.serving.gateway.models import Models, ServedModel
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.gateway.version import Version
from tfsocial.serving.gateway.watch.traces import Spans, no_spans
from tfsocial.serving.predictor import Predictions

Text = tuple[str, ...]


@dataclass(frozen=True)
class Bounds:
    """What one call may ask for.

    Attributes:
        texts: at once.
        characters: of one text; a model reads its first `row_length` tokens anyhow.
        seconds: that a caller may wait, and does who says nothing.
    """

    texts: int = 1024
    characters: int = 100_000
    seconds: float = 10.0


@dataclass(frozen=True)
class Ask:
    """What is asked.

    Attributes:
        texts: n texts or pairs.
        version: empty: the one that answers.
        seconds: that the caller waits; None, and at the most, as the bounds say.
        request_id: of the request that it came with.
        subject: whose texts they are, as the caller calls that person; empty: it does not say.
    """

    caller: Caller
    verb: str
    model: str
    texts: Sequence[Text]
    version: str = ""
    seconds: float | None = None
    request_id: str = ""
    subject: str = ""


class Work(NamedTuple):
    """What a line takes; see `Batcher`."""

    texts: Sequence[Text]
    tokens: Sequence[int]
    tenant: str
    seconds: float
    priority: int


@dataclass(frozen=True)
class Answered:
    """What came of a call.

    Attributes:
        version: that answered.
        tokens: that were counted.
        headers: of HTTP, about the quota.
    """

    version: Version
    predictions: Predictions
    tokens: int
    headers: Mapping[str, str] = field(default_factory=dict)


class Calls:
    """Answers calls, or says why not.

    Args:
        masked: hears how many of each kind were masked for a model.
        audit: keeps who asked what and had what; None: nobody does.
        spans: see `watch.traces`.
    """

    def __init__(
        self,
        models: Models,
        quotas: Quotas,
        bounds: Bounds,
        masked: Callable[[str, Mapping[str, int]], None] = lambda model, counts: None,
        audit: AuditLog | None = None,
        spans: Spans = no_spans,
    ):
        self.models, self.bounds, self._quotas, self._masked = models, bounds, quotas, masked
        self._audit, self._spans, self._refusals = audit, spans, Refusals()

    async def __call__(self, ask: Ask) -> Answered:
        """Have n texts or pairs answered by a model, or say why not; the audit has both.

        Raises:
            Problem: it is not allowed, not possible, or not in time.
        """
        try:
            found = await self._answered(ask)
        except Problem as problem:
            self._keep(ask, None, problem.kind)
            if problem.kind in ("overloaded", "quota"):
                held = self._refusals.delay(ask.caller.tenant, self._until(ask), time.monotonic())
                await asyncio.sleep(held)
            raise
        self._keep(ask, found.version, "")
        return found

    async def _answered(self, ask: Ask) -> Answered:
        caller = ask.caller
        caller.check(ask.verb, ask.model)
        model = self.models[ask.model]
        chosen, _ = model.choose(ask.version, f"{caller.tenant} {ask.subject}")
        self._check(ask.texts, chosen)
        texts = [tuple(map(whole, text)) for text in ask.texts]
        if model.masks:
            texts = self._masked_texts(ask.model, texts)
        sizes = [counting.estimate(text, chosen.manifest.row_length) for text in texts]
        headers = await self._quotas.use(caller.tenant, sum(sizes))
        # It may have gone meanwhile; from here on it does not end before it has answered.
        chosen, on_trial = model.choose(ask.version, f"{caller.tenant} {ask.subject}")
        work = Work(texts, sizes, caller.tenant, self._until(ask), caller.priority)
        with self._spans("wait and compute") as told:
            version, found = await self._computed(model, chosen, on_trial, work)
            told("model", ask.model)
            told("version", version.number)
            told("texts", len(texts))
            told("tokens", sum(sizes))
        if version.watch:
            version.watch.see(found)
        return Answered(version, found, sum(sizes), headers)

    def _until(self, ask: Ask) -> float:
        return min(ask.seconds or self.bounds.seconds, self.bounds.seconds)

    async def _computed(
        self, model: ServedModel, chosen: Version, on_trial: bool, work: Work
    ) -> tuple[Version, Predictions]:
        """Have a version compute; where there is a trial, both versions in the end.

        A caller of a canary that fails is answered by the current version.
        """
        trial, began = model.trial, time.monotonic()
        try:
            found = await chosen.batcher(*work)
        except Problem as problem:
            if not (on_trial and trial and model.current and problem.kind == "backend"):
                raise
            trial.failed()
            chosen, on_trial = model.current, False
            found = await chosen.batcher(*work)
        if trial is not None and trial is model.trial:
            seconds = time.monotonic() - began
            trial.compare(work.texts, work.tokens, on_trial, found, seconds)
        return chosen, found

    def _keep(self, ask: Ask, version: Version | None, problem: str) -> None:
        """Write a call into the audit; without it nothing is answered.

        Raises:
            Problem: it cannot be written.
        """
        if self._audit is None:
            return
        try:
            self._audit.keep(
                Entry(
                    ask.request_id,
                    ask.caller.tenant,
                    ask.caller.credential,
                    ask.verb,
                    ask.model,
                    version.number if version else 0,
                    version.manifest_hash if version else "",
                    problem,
                ),
                ask.subject,
                ask.texts,
            )
        except (OSError, sqlite3.Error) as error:
            raise Problem("overloaded", f"the audit cannot be written ({error})", 5) from None

    def _check(self, texts: Sequence[Text], version: Version) -> None:
        columns = version.manifest.text_columns
        if not texts:
            raise Problem("invalid", "texts: there is none; send one at the least")
        if len(texts) > self.bounds.texts:
            raise Problem(
                "too_large", f"texts: {len(texts)} at once, above {self.bounds.texts}; send fewer"
            )
        for place, text in enumerate(texts):
            if len(text) != len(columns):
                raise Problem(
                    "invalid",
                    f"texts[{place}]: has {len(text)} parts, and this model reads "
                    f"{len(columns)} ({', '.join(columns)})",
                )
            if sum(map(len, text)) > self.bounds.characters:
                raise Problem(
                    "too_large",
                    f"texts[{place}]: has above {self.bounds.characters} characters; shorten it",
                )

    def _masked_texts(self, name: str, texts: Sequence[Text]) -> list[Text]:
        """Mask personal data, for a model that is not to see it."""
        found = [tuple(map(mask, text)) for text in texts]
        counts = Counter(span.kind for text in found for part in text for span in part.spans)
        self._masked(name, counts)
        return [tuple(part.text for part in text) for text in found]


def whole(text: str) -> str:
    """Leave out halves of characters, which JSON can bring along and no encoder takes.

    >>> whole("a" + chr(0xD83D) + "b")
    'ab'
    """
    return text.encode("utf-8", "ignore").decode()
