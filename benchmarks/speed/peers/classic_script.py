"""Training as the widespread fine-tuning script does it: every text padded to 128, a plain loop.

Texts are tokenized before the clock runs (the script's usual `encode_plus` loop); drawing a batch,
the forward and backward passes, gradient clipping and the AdamW step are inside it.

    python classic_script.py --data=train.csv --checkpoint=DIR --steps=64 --warmup=10 --threads=2
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import measure
import rows

LEARNING_RATE = 1e-4
LENGTH = 128
CLIP_NORM = 1.0


def loader(options: argparse.Namespace, part: rows.Rows):
    """A DataLoader over padded tensors, in the order of the rows; also the real tokens of each."""
    import torch
    from transformers import BertTokenizerFast

    tokenizer = BertTokenizerFast.from_pretrained(options.checkpoint)
    encoded = tokenizer(
        part.texts, truncation=True, max_length=LENGTH, padding="max_length", return_tensors="pt"
    )
    data = torch.utils.data.TensorDataset(
        encoded["input_ids"], encoded["attention_mask"], torch.tensor(part.labels)
    )
    batches = torch.utils.data.DataLoader(data, batch_size=options.batch_size, shuffle=False)
    return batches, encoded["attention_mask"].sum(dim=1)


def train(options: argparse.Namespace, classes: int, batches) -> float:
    """One pass over the batches; seconds of the timed part."""
    import torch
    from transformers import BertForSequenceClassification

    model = BertForSequenceClassification.from_pretrained(options.checkpoint, num_labels=classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    clock = measure.StepClock(options.warmup, options.steps)
    model.train()
    for token_ids, mask, labels in batches:
        optimizer.zero_grad()
        loss = model(input_ids=token_ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        clock.step_ended()
    return clock.seconds


def main() -> None:
    """Reads the rows, trains, prints the JSON line."""
    options = measure.flags(__doc__, batch_size=16, precisions=("fp32",)).parse_args()
    measure.hold_to_threads(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(rows.SEED)
    warmup = options.warmup * options.batch_size
    timed = options.steps * options.batch_size
    part = rows.read(options.data).part(0, warmup + timed)
    batches, real_tokens = loader(options, part)
    seconds = train(options, len(part.names), batches)
    measure.report(
        peer="classic_script",
        setting=f"{options.precision}, batch {options.batch_size}, padded to {LENGTH}",
        threads=options.threads,
        examples=timed,
        real_tokens=int(real_tokens[warmup:].sum()),
        seconds=seconds,
        packages=("torch", "transformers"),
    )


if __name__ == "__main__":
    main()
