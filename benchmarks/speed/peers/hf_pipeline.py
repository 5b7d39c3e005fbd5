"""Prediction with transformers.pipeline("text-classification"), dynamic padding.

The pipeline takes strings and gives labels with scores, so its tokenizer is inside the clock.

    python hf_pipeline.py --data=test.csv --checkpoint=DIR --steps=90 --warmup=5 --threads=2
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import measure
import rows


def classifier(options: argparse.Namespace, classes: int):
    """The pipeline over the checkpoint with a new head (a trained head costs the same)."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    model = AutoModelForSequenceClassification.from_pretrained(
        options.checkpoint, num_labels=classes
    )
    if options.precision == "bf16":
        model = model.to(torch.bfloat16)
    return pipeline(
        "text-classification",
        model=model,
        tokenizer=AutoTokenizer.from_pretrained(options.checkpoint),
        batch_size=options.batch_size,
        device="cpu",
    )


def main() -> None:
    """Reads the rows, predicts, prints the JSON line."""
    options = measure.flags(__doc__, batch_size=32, precisions=("fp32", "bf16")).parse_args()
    measure.hold_to_threads(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    warmup, timed = rows.warmup_and_timed(
        options.data, options.warmup * options.batch_size, options.steps * options.batch_size
    )
    predict = classifier(options, len(timed.names))
    predict(warmup.texts)
    started_at = time.perf_counter()
    predict(timed.texts)
    seconds = time.perf_counter() - started_at
    measure.report(
        peer="hf_pipeline",
        setting=f"{options.precision}, batch {options.batch_size}, dynamic padding",
        threads=options.threads,
        examples=len(timed),
        real_tokens=sum(map(len, predict.tokenizer(timed.texts)["input_ids"])),
        seconds=seconds,
        packages=("torch", "transformers"),
    )


if __name__ == "__main__":
    main()
