"""A process that answers from one exported version, for an owner that imports no model's library.

`python -m tfsocial.serving.worker FOLDER FD` speaks frames over the socket FD: first it says that
it is ready, or why not; then each frame with texts is answered by one with numbers, until the
socket is closed. Signals for the whole terminal are its owner's business.
"""

from __future__ import annotations

import signal
import socket
import sys
from io import BufferedRWPair
from pathlib import Path
from typing import Any

from tfsocial.errors import InputError
from tfsocial.serving import formats, frames
from tfsocial.serving.export import golden
from tfsocial.serving.predictor import Predictor


def main(folder: Path, descriptor: int) -> None:
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rwb") as stream:
        try:
            predictor = formats.load_version(folder)
            predictor.many(golden.requests(predictor.manifest))  # warm, in short and long shapes
        except InputError as error:
            _send(stream, {"error": str(error)})
            return
        _send(stream, {"ready": True})
        while texts := _received(stream):
            _send(stream, *_answered(predictor, texts))


def _answered(predictor: Predictor, texts: list[tuple[str, ...]]) -> tuple[dict[str, Any], dict]:
    try:
        found = predictor.many(texts)
    except Exception as error:  # the owner hears of it; the next batch may be well
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}, {}
    return {}, {"embedding": found.embedding, **{f"task {k}": v for k, v in found.tasks.items()}}


def _received(stream: BufferedRWPair) -> list[tuple[str, ...]] | None:
    head = stream.read(frames.HEAD.size)
    if len(head) < frames.HEAD.size:
        return None
    length, content = frames.HEAD.unpack(head)
    values, _ = frames.unpack(stream.read(length), stream.read(content))
    return [tuple(columns) for columns in values["texts"]]


def _send(stream: BufferedRWPair, values: dict[str, Any], arrays: dict | None = None) -> None:
    stream.write(frames.pack(values, arrays))
    stream.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
