"""What TensorFlow Serving's --mixed_precision=bfloat16 does to a model's answers and their time.

    python -m benchmarks.serving.bfloat16 --model=VERSION --data=DIR/test.csv --key=NAME

No TensorFlow Serving is at hand. The flag sets one option of the graph rewriter
(auto_mixed_precision_onednn_bfloat16), which the session of TensorFlow 1 has too, and the server
loads and runs a SavedModel through that session. Both sessions answer the file in batches of 32, in
turns, in one process; times are medians. Kept under --key in results/bfloat16.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.same_weights import commit, machine

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "bfloat16.json"
BATCH = 32
Ask = Callable[[list[str]], dict[str, np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a version's folder")
    parser.add_argument("--data", type=Path, required=True, help="csv with a column text")
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with options.data.open(encoding="utf-8", newline="") as file:
        texts = sorted((row["text"] for row in csv.DictReader(file)), key=len)
    float32, bfloat16 = session(options.model, False), session(options.model, True)
    times: tuple[list[float], list[float]] = [], []
    moved, same, cosines = [], [], []
    for start in range(0, len(texts) - BATCH, BATCH):
        batch = texts[start : start + BATCH]
        answers = []
        for ask, taken in zip((float32, bfloat16), times, strict=True):
            began = time.perf_counter()
            answers.append(ask(batch))
            taken.append(time.perf_counter() - began)
        one, other = (answer["probabilities"] for answer in answers)
        moved.append(np.abs(one - other).max())
        same += (one.argmax(-1) == other.argmax(-1)).tolist()
        cosines.append(cosine(*(answer["embedding"] for answer in answers)))
    warm = [statistics.median(taken[5:]) for taken in times]
    found = {
        "texts": len(same),
        "same": float(np.mean(same)),
        "largest_difference": float(max(moved)),
        "least_cosine": float(min(cosines)),
        "milliseconds_of_32": [round(1e3 * seconds, 2) for seconds in warm],
        "machine": machine(),
        "commit": commit(),
    }
    print(json.dumps(found, indent=1))
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**kept, options.key: found}, indent=1) + "\n", "utf-8")


def session(model: Path, bfloat16: bool) -> Ask:
    """A session that answers by the default signature."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  its kernels
    from tensorflow.core.protobuf import rewriter_config_pb2

    settings = tf.compat.v1.ConfigProto()
    if bfloat16:
        rewrites = settings.graph_options.rewrite_options
        rewrites.auto_mixed_precision_onednn_bfloat16 = rewriter_config_pb2.RewriterConfig.ON
    opened = tf.compat.v1.Session(graph=tf.Graph(), config=settings)
    with opened.graph.as_default():
        meta = tf.compat.v1.saved_model.loader.load(opened, ["serve"], str(model))
    signature = meta.signature_def["serving_default"]
    fetches = {name: signature.outputs[name].name for name in ("probabilities", "embedding")}
    return lambda texts: opened.run(fetches, {signature.inputs["text"].name: texts})


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    return float(np.min(np.sum(one * other, -1) / lengths))


if __name__ == "__main__":
    main()
