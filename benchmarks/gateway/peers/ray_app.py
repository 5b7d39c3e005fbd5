"""Ray Serve with @serve.batch: one replica, in a process of its own."""

from __future__ import annotations

import argparse
import signal
import threading
from typing import Any

import ray
from ray import serve
from served_model import ServedModel
from starlette.requests import Request


@serve.deployment(max_ongoing_requests=512, ray_actor_options={"num_cpus": 1})
class Classifier:
    def __init__(self, folder: str):
        self._model = ServedModel(folder)

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.002)
    async def many(self, texts: list[str]) -> list[dict[str, Any]]:
        return self._model(texts)

    async def __call__(self, request: Request) -> dict[str, Any]:
        asked = await request.json()
        return {"answers": [await self.many(asked["texts"][0])]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=256 * 2**20)
    serve.start(http_options={"host": "127.0.0.1", "port": options.port})
    serve.run(Classifier.bind(options.model), route_prefix="/classify")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
