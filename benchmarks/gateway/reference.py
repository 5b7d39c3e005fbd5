"""What a SavedModel itself says of texts: a line of JSON for each, label -> probability.

    python -m benchmarks.gateway.reference --model=VERSION --data=DIR/test.csv --texts=64

A process of its own, so that the one that measures does not hold TensorFlow.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.gateway.load import read_texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, required=True)
    options = parser.parse_args()
    from tfsocial.serving.loading import load_predictor

    predictor = load_predictor(options.model)
    (task,) = predictor.manifest.tasks
    for text in read_texts(options.data, seed=0)[: options.texts]:
        (answer,) = predictor.predict([text])
        print(json.dumps({"text": text, "answer": answer[task]["probabilities"]}))


if __name__ == "__main__":
    main()
