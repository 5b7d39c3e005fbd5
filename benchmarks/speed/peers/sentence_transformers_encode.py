"""Encoding with SentenceTransformer.encode, which sorts by length before it pads.

`encode` takes strings and gives vectors, so its tokenizer is inside the clock. It has no
classification head: it does a little less than a predictor.

    python sentence_transformers_encode.py --data=test.csv --checkpoint=DIR --steps=90 --threads=2
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import measure
import rows


def main() -> None:
    """Reads the rows, encodes, prints the JSON line."""
    options = measure.flags(__doc__, batch_size=32, precisions=("fp32", "bf16")).parse_args()
    measure.hold_to_threads(options.threads)
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(options.threads)
    warmup, timed = rows.warmup_and_timed(
        options.data, options.warmup * options.batch_size, options.steps * options.batch_size
    )
    model = SentenceTransformer(options.checkpoint, device="cpu")
    if options.precision == "bf16":
        model = model.to(torch.bfloat16)
    model.encode(warmup.texts, batch_size=options.batch_size, show_progress_bar=False)
    started_at = time.perf_counter()
    model.encode(timed.texts, batch_size=options.batch_size, show_progress_bar=False)
    seconds = time.perf_counter() - started_at
    measure.report(
        peer="sentence_transformers_encode",
        setting=f"{options.precision}, batch {options.batch_size}, sorted by length",
        threads=options.threads,
        examples=len(timed),
        real_tokens=sum(map(len, model.tokenizer(timed.texts)["input_ids"])),
        seconds=seconds,
        packages=("torch", "transformers", "sentence-transformers"),
    )


if __name__ == "__main__":
    main()
