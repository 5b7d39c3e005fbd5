"""tfsocial: any form of a model, through `load_predictor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import asking
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

# What a form is made of; warm-up requests, card and manifest are not asked for an answer.
SHIPPED = ("model.*", "vocab.txt", "saved_model.pb", "variables/*", "heads.safetensors")


def main() -> None:
    options = asking.flags(__doc__).parse_args()
    asking.hold_to_threads(options.threads)
    import tfsocial
    from tfsocial.serving import versions

    predictor = tfsocial.load_predictor(options.model)
    (task,) = predictor.manifest.tasks

    def answer(texts: Sequence[str]) -> np.ndarray:
        return predictor.many([(text,) for text in texts]).tasks[task]

    folder = versions.newest(options.model)
    size = sum(path.stat().st_size for pattern in SHIPPED for path in folder.glob(pattern))
    packages = {"litert": "ai-edge-litert", "openvino": "openvino"}
    package = packages.get(versions.format_of(folder) or "", "tensorflow")
    asking.measure(answer, options, size / 1e6, [package, "tokenizers"])


if __name__ == "__main__":
    main()
