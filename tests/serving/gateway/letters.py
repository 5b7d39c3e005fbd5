"""A backend that says which text it was given: for tests of what stands before a model."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.gateway.backends.contract import Backend, Texts
from tfsocial.serving.predictor import Predictions

MANIFEST = ModelManifest(
    {"mood": HeadSpec("classify", ("good", "bad"))}, "mean", 128, 16, ("text",)
)


def numbers_of(text: str) -> np.ndarray:
    """What the model says of a text, float32 [2]: of its bytes alone."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    first = np.float32(digest[0] / 255)
    return np.array([first, 1 - first], np.float32)


class Letters(Backend):
    """Answers after `seconds` a batch and `each` a text; notes the batches."""

    def __init__(self, seconds: float = 0.0, each: float = 0.0, slots: int | None = 1):
        self.folder, self.manifest, self.slots = Path("letters"), MANIFEST, slots
        self.batches: list[list[str]] = []
        self.errors: list[Exception] = []
        self.most_at_once = self._now = 0
        self._seconds, self._each = seconds, each
        self.stopped = False

    async def start(self) -> None:
        self.stopped = False

    async def __call__(self, texts: Texts, seconds: float) -> Predictions:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await asyncio.sleep(self._seconds + self._each * len(texts))
        finally:
            self._now -= 1
        if self.errors:
            raise self.errors.pop()
        self.batches.append([text for (text,) in texts])
        rows = np.stack([numbers_of(text) for (text,) in texts])
        return Predictions({"mood": rows}, rows)

    async def stop(self) -> None:
        self.stopped = True
