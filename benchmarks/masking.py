"""What masking finds and what it takes for personal data, beside Microsoft Presidio's patterns.

    python -m benchmarks.masking --presidio_python=PYTHON [--data=DIR]

PYTHON is that of an environment of its own (tests/reference/requirements-presidio.txt). Scores are
by kind, on tests/serving/gateway/masking/corpus.jsonl: a span counts where one of the same kind
overlaps it. The part "test" was written when all rules stood, by their author: other texts will
have more misses. Presidio is asked for all that it suspects, its default, and for what it is surer
of; it knows no Chinese numbers but phones, and no secrets. `chance` is the share of random
numbers of a form that is masked; with --data also what is found in 5,000 texts of sets that hold
hardly any personal data, of DIR/SET/train.csv. Times are of one process each, the best of three
passes. Written to results/masking.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.same_weights import commit, machine
from tests.serving.gateway.masking.masking_scores import rows, scores
from tfsocial.serving.gateway.masking import find
from tfsocial.serving.gateway.masking.phones import REGIONS

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "masking.json"
PARTS = {"all": ("dev", "test", "template"), "test": ("test",)}
THRESHOLDS = {"presidio": 0.0, "presidio from 0.4": 0.4}
PASSES = 3
SETS = ("banking77", "clinc150", "crosswoz_zh", "goemotions", "sst2", "airline_opinion")
MOST = 5_000
# # is a digit, @ a letter.
FORMS = (
    *("#######", "##########", "###########", "13#########", "################"),
    *("62##############", "##################", "#### #### ####", "###-###-####", "########-####"),
    *("@#########", "########@", "@@## @@@", "##.##.##.##", "1Z##########", "0##########"),
)
EACH = 500
Spans = list[tuple[int, int, str]]
Finder = Callable[[Sequence[str]], tuple[list[Spans], float]]  # spans, and seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presidio_python", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    options = parser.parse_args()
    finders: dict[str, Finder] = {"tfsocial": ours}
    for name, threshold in THRESHOLDS.items():
        finders[name] = presidio(options.presidio_python, threshold)
    found: dict[str, Any] = {
        "machine": machine(),
        "commit": commit(),
        "versions": versions(options.presidio_python),
        "scores": {name: scored(finder) for name, finder in finders.items()},
        "microseconds": microseconds(finders),
        "chance": {name: chance(finder) for name, finder in finders.items()},
    }
    if options.data:
        found["found_in_sets"] = {
            name: {of: in_set(options.data, of, finder) for of in SETS}
            for name, finder in finders.items()
        }
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def ours(texts: Sequence[str]) -> tuple[list[Spans], float]:
    seconds = []
    for _ in range(PASSES):
        began = time.process_time()
        found = [find(text) for text in texts]
        seconds.append(time.process_time() - began)
    return [[tuple(span) for span in spans] for spans in found], min(seconds)


def presidio(python: Path, threshold: float) -> Finder:
    def ask(texts: Sequence[str]) -> tuple[list[Spans], float]:
        asked = {"texts": texts, "regions": REGIONS, "threshold": threshold, "passes": PASSES}
        command = [str(python), str(HERE / "masking_presidio.py")]
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        answer = json.loads(done.stdout)
        return [sorted({tuple(span) for span in of}) for of in answer["spans"]], min(
            answer["seconds"]
        )

    return ask


def scored(finder: Finder) -> dict[str, Any]:
    """By part of the corpus and by kind."""
    found = {}
    for name, parts in PARTS.items():
        texts = rows(*parts)
        spans, _ = finder([row["text"] for row in texts])
        pairs = [(row["spans"], of) for row, of in zip(texts, spans, strict=True)]
        found[name] = scores(pairs)
    return found


def microseconds(finders: dict[str, Finder]) -> dict[str, Any]:
    """Per text of the corpus, with and without personal data, and how many times ours it takes."""
    corpus = rows(*PARTS["all"])
    found: dict[str, Any] = {}
    for name, wanted in (("without", False), ("with", True)):
        texts = [row["text"] for row in corpus if bool(row["spans"]) == wanted]
        each = {of: 1e6 * finder(texts)[1] / len(texts) for of, finder in finders.items()}
        ratios = {of: round(spent / each["tfsocial"], 1) for of, spent in each.items()}
        found[name] = {"each": {of: round(spent) for of, spent in each.items()}, "times": ratios}
    return found


def chance(finder: Finder) -> dict[str, float]:
    """Of random numbers of a form the share that is taken for personal data."""
    source = random.Random(0)
    found = {}
    for form in FORMS:
        texts = [f"see {written(form, source)} there" for _ in range(EACH)]
        found[form] = round(sum(bool(spans) for spans in finder(texts)[0]) / EACH, 3)
    return found


def written(form: str, source: random.Random) -> str:
    signs = {"#": "0123456789", "@": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    return "".join(source.choice(signs.get(sign, sign)) for sign in form)


def in_set(data: Path, name: str, finder: Finder) -> dict[str, Any]:
    """How many spans of each kind are found in a set's first texts, and in how many of them."""
    with (data / name / "train.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)][:MOST]
    spans, seconds = finder(texts)
    return {
        "texts": len(texts),
        "with_some": sum(map(bool, spans)),
        "kinds": dict(Counter(kind for of in spans for _, _, kind in of)),
        "microseconds": round(1e6 * seconds / len(texts)),
    }


def versions(python: Path) -> dict[str, str]:
    asked = "from importlib.metadata import version; print(version('presidio_analyzer'))"
    done = subprocess.run([str(python), "-c", asked], capture_output=True, text=True)
    return {
        "phonenumbers": metadata.version("phonenumbers"),
        "presidio-analyzer": done.stdout.strip(),
    }


if __name__ == "__main__":
    main()
