"""The backend alone: FastAPI calls the SavedModel once a request, in its thread pool."""

from __future__ import annotations

import argparse
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from served_model import ServedModel


class Asked(BaseModel):
    texts: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    model, app = ServedModel(options.model), FastAPI()

    def classify(asked: Asked) -> dict[str, Any]:
        return {"answers": model(asked.texts)}

    # Without a name in this module the annotation could not be read.
    classify.__annotations__["asked"] = Asked
    app.post("/classify")(classify)
    uvicorn.run(app, host="127.0.0.1", port=options.port, access_log=False)


if __name__ == "__main__":
    main()
