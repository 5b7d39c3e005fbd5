"""Training with the Hugging Face Trainer: dynamic padding, its own defaults elsewhere.

Texts are tokenized before the clock runs; collating, the forward and backward passes, gradient
clipping, the AdamW step and the learning-rate schedule are inside it.

    python hf_trainer.py --data=train.csv --checkpoint=DIR --steps=32 --warmup=5 --threads=2
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import measure
import rows

LEARNING_RATE = 1e-4
MAX_LENGTH = 128
GROUP_BATCHES = 50  # what the Trainer sorts at once in a data set of more than 6,400 rows


def parse() -> argparse.Namespace:
    """The shared flags and the Trainer's own one."""
    parser = measure.flags(__doc__, batch_size=32, precisions=("fp32", "bf16"))
    parser.add_argument(
        "--group_by_length", action="store_true", help="batches of like length, as the Trainer does"
    )
    return parser.parse_args()


def encode(tokenizer, part: rows.Rows) -> list[dict]:
    """Tokenized examples, unpadded, one dict each."""
    encoded = tokenizer(part.texts, truncation=True, max_length=MAX_LENGTH)
    return [
        {**{key: encoded[key][place] for key in encoded}, "labels": label}
        for place, label in enumerate(part.labels)
    ]


def order(options: argparse.Namespace, timed: list[dict]) -> list[int]:
    """The order of the examples: as rows.py gave them, or the timed ones grouped by length.

    Warm-up examples always come first, so that exactly the same examples are timed either way.
    """
    from transformers.trainer_pt_utils import get_length_grouped_indices

    warmup = options.warmup * options.batch_size
    places = range(len(timed))
    if options.group_by_length:
        lengths = [len(example["input_ids"]) for example in timed]
        places = get_length_grouped_indices(lengths, options.batch_size, GROUP_BATCHES)
    return [*range(warmup), *(warmup + place for place in places)]


def arguments(options: argparse.Namespace, directory: str):
    """TrainingArguments with everything off that is not training."""
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=directory,
        per_device_train_batch_size=options.batch_size,
        max_steps=options.warmup + options.steps,
        learning_rate=LEARNING_RATE,
        bf16=options.precision == "bf16",
        use_cpu=True,
        dataloader_pin_memory=False,
        logging_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        seed=rows.SEED,
    )


def train(options: argparse.Namespace, classes: int, tokenizer, warmup, timed) -> float:
    """Trains once over all examples; seconds of the timed part."""
    from transformers import (
        AutoModelForSequenceClassification,
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        TrainerCallback,
    )

    clock = measure.StepClock(options.warmup, options.steps)
    sampler = order(options, timed)

    class Clock(TrainerCallback):
        """Tells the clock of every step."""

        def on_step_end(self, *_, **__):
            clock.step_ended()

    class FixedOrderTrainer(Trainer):
        """The Trainer, with the benchmark's order instead of a random one."""

        def _get_train_sampler(self, *_):
            return sampler

    model = AutoModelForSequenceClassification.from_pretrained(
        options.checkpoint, num_labels=classes
    )
    with tempfile.TemporaryDirectory() as directory:
        trainer = FixedOrderTrainer(
            model=model,
            args=arguments(options, directory),
            train_dataset=warmup + timed,
            data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[Clock()],
        )
        trainer.remove_callback(PrinterCallback)  # it would print beside the JSON line
        trainer.train()
    return clock.seconds


def describe(options: argparse.Namespace) -> str:
    """The setting in words."""
    grouping = ", group_by_length" if options.group_by_length else ""
    return f"{options.precision}, batch {options.batch_size}, dynamic padding{grouping}"


def main() -> None:
    """Reads the rows, trains, prints the JSON line."""
    options = parse()
    measure.hold_to_threads(options.threads)
    import torch
    from transformers import AutoTokenizer

    torch.set_num_threads(options.threads)
    parts = rows.warmup_and_timed(
        options.data, options.warmup * options.batch_size, options.steps * options.batch_size
    )
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
    warmup, timed = (encode(tokenizer, part) for part in parts)
    seconds = train(options, len(parts[0].names), tokenizer, warmup, timed)
    measure.report(
        peer="hf_trainer",
        setting=describe(options),
        threads=options.threads,
        examples=len(timed),
        real_tokens=sum(len(example["input_ids"]) for example in timed),
        seconds=seconds,
        packages=("torch", "transformers", "accelerate"),
    )


if __name__ == "__main__":
    main()
