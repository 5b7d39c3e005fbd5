"""BentoML with adaptive batching; `bentoml serve` reads the model's folder from MODEL."""

from __future__ import annotations

import os
from typing import Any

import bentoml
from served_model import ServedModel


@bentoml.service(workers=1, traffic={"timeout": 60})
class Classifier:
    def __init__(self) -> None:
        self._model = ServedModel(os.environ["MODEL"])

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=10_000, route="/classify")
    def classify(self, texts: list[str]) -> list[dict[str, Any]]:
        return self._model(texts)
