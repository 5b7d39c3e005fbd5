"""LitServe with batches of requests."""

from __future__ import annotations

import argparse
from typing import Any

import litserve
from served_model import ServedModel


class Classifier(litserve.LitAPI):
    def __init__(self, folder: str):
        super().__init__(max_batch_size=32, batch_timeout=0.002, api_path="/classify")
        self._folder = folder

    def setup(self, device: str) -> None:
        self._model = ServedModel(self._folder)

    def decode_request(self, request):  # an annotation would be taken for a model of the body
        return request["texts"][0]

    def batch(self, inputs: list[str]) -> list[str]:
        return inputs

    def predict(self, x: list[str]) -> list[dict[str, Any]]:
        return self._model(x)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return {"answers": [output]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    server = litserve.LitServer(Classifier(options.model), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=options.port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
