"""Customer service on stackfaq: is the right answer found, and is it known when there is none?

    python -m benchmarks.apps.support --data=DIR --work=DIR [--model=M0|RUN|VERSION]

DIR of --data holds stackfaq, and crosswoz_zh where that is asked for. Weights, confidence and
thresholds are chosen on dev (with `--train` also on the paraphrases of train, where those are not
in the base); test is only scored. A line for each way that the base is made:

* `question`: each answer with its question;
* `answer`: answers alone, all 719 of them;
* `paraphrases`: each answer with its question and five paraphrases, those of train;
* `question, typos`: as `question`, and in test a tenth of the letters is missing, doubled, swapped
  with the next or another one;
* `crosswoz`: Chinese; the 20 labels of crosswoz_zh as questions, with train's texts as paraphrases,
  and for test with dev's too, when weights are chosen;
* `unknown`, `unknown, paraphrases`: the same, and every fifth question is not in the base, though
  it is asked.

Goes into results/apps_support.jsonl.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.same_weights import commit
from tfsocial.apps.support import retrieval
from tfsocial.apps.support.confidence import features_of
from tfsocial.apps.support.fusion import Fusion, reciprocal_ranks
from tfsocial.apps.support.index import PARTS, Index, Query, read_queries
from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.records import Read
from tfsocial.config.model import Model
from tfsocial.selection import readers, vectors

RESULTS = Path(__file__).resolve().parents[1] / "results" / "apps_support.jsonl"
WAYS = (
    "question",
    "question, typos",
    "answer",
    "paraphrases",
    "unknown",
    "unknown, paraphrases",
    "crosswoz",
)
TYPOS = 0.1  # of the letters
EVERY = 5  # which question is taken out of the base where some are unknown
PASSING, PRECISIONS = 0.95, (0.95, 0.98)
Line = dict[str, Any]
Reads = Callable[[Sequence[str]], Read]


@dataclass(frozen=True)
class Data:
    """stackfaq: questions with their answers, and what is asked, by split, with what is right."""

    faqs: Sequence[Faq]
    asked: dict[str, Sequence[tuple[str, str]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors")
    parser.add_argument("--model", type=Path, help="left out: M0 as it is")
    parser.add_argument("--train", action="store_true", help="choose on train's paraphrases too")
    parser.add_argument("--ways", nargs="*", choices=WAYS, default=WAYS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    reader = readers.reader(options.model, Model())

    labels = [label for spec in reader.tasks.values() for label in spec.labels]

    def read(texts: Sequence[str]) -> Read:
        rows = [(text,) for text in texts]
        found = np.array(vectors.numbers(rows, reader, options.work / "vectors"))
        width = found.shape[1] - len(labels)
        intents = [dict(zip(labels, row[width:].tolist(), strict=True)) for row in found]
        return Read(found[:, :width], intents)

    for way in options.ways:
        data = (read_crosswoz if way == "crosswoz" else read_data)(options.data)
        line = {"way": way, "model": options.model.name if options.model else "M0"}
        line |= {"train": options.train, **measured(way, data, read, options.train)}
        print(json.dumps(line), flush=True)
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line | {"commit": commit()}) + "\n")


def read_crosswoz(folder: Path) -> Data:
    asked = {
        split: [
            (row["text"], row["label"]) for row in _rows(folder / "crosswoz_zh" / f"{split}.csv")
        ]
        for split in ("train", "dev", "test")
    }
    labels = sorted({label for _, label in asked["train"]})
    ways = {label: tuple(text for text, own in asked["train"] if own == label) for label in labels}
    return Data([Faq(one, one, one, paraphrases=ways[one]) for one in labels], asked)


def read_data(folder: Path) -> Data:
    folder = folder / "stackfaq"
    answers: dict[str, list[str]] = {}
    for row in _rows(folder / "answers.csv"):
        answers.setdefault(row["faq_id"], []).append(row["answer"])
    faqs = [
        Faq(
            row["faq_id"],
            row["question"],
            row["answer"],
            more=tuple(answers[row["faq_id"]][1:]),
            intent=row["question"],  # a label of a model that was trained on train's paraphrases
        )
        for row in _rows(folder / "faq.csv")
    ]
    splits = ("train", "dev", "test")
    return Data(
        faqs,
        {
            split: [(row["text"], row["label"]) for row in _rows(folder / f"{split}.csv")]
            for split in splits
        },
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def measured(way: str, data: Data, read: Reads, also_train: bool) -> Line:
    """Fit on what may be fitted on, and score test."""
    faqs = base(way, data)
    index = Index(faqs, lambda texts: read(texts).vectors)
    fitted_on = [*data.asked["dev"]]
    if also_train and "paraphrases" not in way and way != "crosswoz":
        fitted_on += data.asked["train"]
    ranking = retrieval.fit(
        index,
        queries(fitted_on, read, index),
        [right for _, right in fitted_on],
        precisions=PRECISIONS,
    )
    test = data.asked["test"]
    if way == "crosswoz":
        faqs = with_paraphrases(faqs, data.asked["dev"])
        index = Index(faqs, lambda texts: read(texts).vectors, index)
    if "typos" in way:
        draw = random.Random(0)
        test = [(with_typos(text, draw), right) for text, right in test]
    parts = np.stack([index.parts(query) for query in queries(test, read, index)])
    fused = ranking.fusion(parts, index.has)
    places = {faq.id: place for place, faq in enumerate(index.faqs)}
    own = np.array([places.get(right, -1) for _, right in test])
    encoder = PARTS.index("passage" if way == "answer" else "question")
    frozen = Fusion(tuple(np.eye(len(PARTS))[encoder].tolist()))
    found = {
        "weights": ranking.fusion.weights,
        **_hits(fused[own >= 0], own[own >= 0]),
        "encoder alone": _hits(frozen(parts, index.has)[own >= 0], own[own >= 0]),
    }
    features = np.stack([features_of(one, score) for one, score in zip(parts, fused, strict=True)])
    probability = ranking.confidence(features)
    right = fused.argmax(-1) == own
    return found | _sureness(probability, right, own >= 0, ranking.thresholds)


def base(way: str, data: Data) -> list[Faq]:
    """Make what is known."""
    faqs = list(data.faqs)
    if way == "answer":
        faqs = [replace(faq, question="", intent="") for faq in faqs]
    if way.endswith("paraphrases"):
        faqs = with_paraphrases(faqs, data.asked["train"])
    if "unknown" in way:
        faqs = [faq for place, faq in enumerate(faqs) if place % EVERY]
    return faqs


def with_paraphrases(faqs: Sequence[Faq], asked: Sequence[tuple[str, str]]) -> list[Faq]:
    """Store each text with the question that it asks."""
    ways: dict[str, list[str]] = {}
    for text, right in asked:
        ways.setdefault(right, []).append(text)
    return [replace(faq, paraphrases=(*faq.paraphrases, *ways.get(faq.id, ()))) for faq in faqs]


def with_typos(text: str, draw: random.Random) -> str:
    """Mistype a tenth of the letters."""
    letters, place = list(text), 0
    while place < len(letters):
        if letters[place].isalpha() and draw.random() < TYPOS:
            kind = draw.choice(("missing", "doubled", "swapped", "another"))
            if kind == "missing":
                letters[place] = ""
            elif kind == "doubled":
                letters[place] *= 2
            elif kind == "swapped" and place + 1 < len(letters):
                letters[place], letters[place + 1] = letters[place + 1], letters[place]
                place += 1
            else:
                letters[place] = draw.choice(string.ascii_lowercase)
        place += 1
    return "".join(letters)


def queries(asked: Sequence[tuple[str, str]], read: Reads, index: Index) -> list[Query]:
    return read_queries([text for text, _ in asked], read, index.spelling)


def _hits(scores: np.ndarray, own: np.ndarray) -> Line:
    ranks = reciprocal_ranks(scores, own)
    return {
        "hit@1": round(100 * float(np.mean(ranks == 1)), 2),
        "hit@5": round(100 * float(np.mean(ranks >= 0.2)), 2),
        "MRR": round(100 * float(ranks.mean()), 2),
    }


def _sureness(
    probability: np.ndarray, right: np.ndarray, known: np.ndarray, thresholds: dict[float, float]
) -> Line:
    """Score the probability: which are unknown, and how many are answered at which precision."""
    found: Line = {}
    if not known.all():
        passing = np.quantile(probability[known], 1 - PASSING)
        pairs = probability[known][:, None] - probability[~known][None]
        found["unknown AUROC"] = _percent(((pairs > 0) + 0.5 * (pairs == 0)).mean())
        found["unknown caught at 95 % passing"] = _percent((probability[~known] < passing).mean())
    for precision in PRECISIONS:
        found[f"answerable at {100 * precision:g} %"] = _percent(
            coverage(probability, right, precision)
        )
        answered = probability >= thresholds[precision]
        said = right[answered].mean() if answered.any() else np.nan
        found[f"stated {100 * precision:g} %"] = [_percent(said), _percent(answered.mean())]
    return found


def coverage(probability: np.ndarray, right: np.ndarray, precision: float) -> float:
    """Give the largest share of questions answered at a precision, whatever the threshold."""
    ordered = right[np.argsort(-probability, kind="stable")]
    shares = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    enough = np.flatnonzero(shares >= precision)
    return (enough[-1] + 1) / len(ordered) if len(enough) else 0.0


def _percent(share: float) -> float:
    return round(100 * float(share), 2)


if __name__ == "__main__":
    main()
