"""What titles alone say of who buys what: frozen, by a regression, and as an encoder learned it.

    python -m benchmarks.apps.recommend_text --data=DIR --split=test [--teach=DIR] [--model=RUN ...]

DIR of --data holds online_retail. Of dev the state is that of 1 Oct 2011, of test that of 1 Nov: no
number knows a purchase after it. Settings are chosen on dev; test is only scored. --teach writes
what an encoder learns from that state and ends. A line for each way to vectors of titles:

* `frozen`: M0 as it is; `frozen, centred`: from the mean of what was bought on;
* `words`: TF-IDF of words and pairs of words;
* `frozen, ridge`, `frozen and words, ridge`: a linear map of these to who bought an item;
* of each --model, by the name of its folder, the same as of `frozen`.

A person is the vectors of what they bought, newer ones counting more; the ways to score an item by
them are those of `SCORES`. Goes into results/apps_recommend_text.json.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score

from benchmarks.same_weights import commit, machine
from tfsocial.apps.recommend import teaching
from tfsocial.config.model import Model
from tfsocial.selection import readers

RESULTS = Path(__file__).resolve().parents[1] / "results" / "apps_recommend_text.json"
STATES = {"dev": "2011-10-01 00:00", "test": "2011-11-01 00:00"}
DAY = 86_400.0
MEMORY = 120.0  # days in which a purchase comes to count e times less
SHARPNESS = 10.0  # of the soft maximum
RIDGE, SURE = 0.3, 50  # penalty; buyers above which an item counts no more
PLACES = 20
Line = dict[str, Any]


def plain(near: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Cosine with the mean of what was bought, but for its length."""
    return near.mean(0)


def nearest(near: np.ndarray, _: np.ndarray) -> np.ndarray:
    return near.max(0)


def newer(near: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of cosines, newer purchases counting more."""
    return weights @ near


def soft_newer(near: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Between mean and maximum, newer purchases counting more."""
    return np.log(weights @ np.exp(SHARPNESS * near)) / SHARPNESS


# Of cosines [bought, items] and the weights of what was bought, which sum to 1.
SCORES: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "profile": plain,
    "nearest": nearest,
    "newer": newer,
    "soft, newer": soft_newer,
}


@dataclass(frozen=True)
class Shop:
    """Titles and purchases; a purchase is the first of an item by a person.

    Attributes:
        titles: item -> its title, in the order of the vectors.
        persons, items: int [n], by number; times: float [n], seconds.
    """

    titles: Mapping[str, str]
    people: list[str]
    persons: np.ndarray
    items: np.ndarray
    times: np.ndarray

    @classmethod
    def of(cls, folder: Path) -> Shop:
        titles = {row["item_id"]: row["text"] for row in rows(folder / "items.csv")}
        log = list(rows(folder / "interactions.csv.gz"))
        people = sorted({row["user_id"] for row in log})
        numbers = {name: number for number, name in enumerate(people)}
        places = {name: number for number, name in enumerate(titles)}
        return cls(
            titles,
            people,
            np.array([numbers[row["user_id"]] for row in log]),
            np.array([places[row["item_id"]] for row in log]),
            np.array([seconds(row["first_ts"]) for row in log]),
        )

    def asked(self, folder: Path, split: str) -> np.ndarray:
        """Read the rows to score: person, item, whether bought, int [m, 3]."""
        numbers = {name: number for number, name in enumerate(self.people)}
        places = {name: number for number, name in enumerate(self.titles)}
        return np.array(
            [
                (numbers[row["user_id"]], places[row["item_id"]], int(row["label"]))
                for row in rows(folder / f"ctr_{split}.csv.gz")
            ]
        )


@dataclass(frozen=True)
class State:
    """What is known at a time, and what was bought in the month after it."""

    shop: Shop
    at: float

    @property
    def past(self) -> np.ndarray:
        return self.shop.times < self.at

    def bought(self) -> np.ndarray:
        """Mark who bought what, float32 [people, items]."""
        found = np.zeros((len(self.shop.people), len(self.shop.titles)), np.float32)
        found[self.shop.persons[self.past], self.shop.items[self.past]] = 1
        return found

    def histories(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Give what each person bought, int [h], and its weights, float [h]."""
        own = np.flatnonzero(self.past)
        own = own[np.argsort(self.shop.persons[own], kind="stable")]
        people, starts = np.unique(self.shop.persons[own], return_index=True)
        ages = (self.at - self.shop.times[own]) / (MEMORY * DAY)
        weights = [np.exp(part.min() - part) for part in np.split(ages, starts[1:])]
        parts = zip(np.split(self.shop.items[own], starts[1:]), weights, strict=True)
        return {
            int(person): (items, weight / weight.sum())
            for person, (items, weight) in zip(people, parts, strict=True)
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=STATES, required=True)
    parser.add_argument("--teach", type=Path, help="folder for train.csv")
    parser.add_argument("--model", type=Path, nargs="*", default=[])
    parser.add_argument("--vectors", type=Path, help="folder that vectors are written to")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    folder = options.data / "online_retail"
    shop = Shop.of(folder)
    state = State(shop, seconds(STATES[options.split]))
    if options.teach:
        taught(state).write(options.teach)
        return
    asked = shop.asked(folder, options.split)
    for way, vectors in ways(state, options.model):
        line = {"way": way, "split": options.split, **measured(state, vectors, asked)}
        print(json.dumps(line), flush=True)
        write(options.results, line | {"commit": commit(), "machine": machine()})
        if options.vectors:
            np.save(options.vectors / f"{way}_{options.split}.npy".replace(" ", "_"), vectors)


def rows(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def seconds(time: str) -> float:
    return datetime.strptime(time, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()


def write(path: Path, line: Line) -> None:
    """Put a line in the place of the last one of its way and split."""
    lines = json.loads(path.read_text("utf-8")) if path.exists() else []
    key = (line["way"], line["split"])
    kept = [one for one in lines if (one["way"], one["split"]) != key]
    path.write_text(json.dumps([*kept, line], indent=1) + "\n", "utf-8")


def taught(state: State) -> teaching.Lessons:
    shop, names = state.shop, list(state.shop.titles)
    purchases = (
        teaching.Purchase(shop.people[shop.persons[row]], names[shop.items[row]])
        for row in np.flatnonzero(state.past)
    )
    return teaching.lessons(shop.titles, purchases)


# --- vectors --------------------------------------------------------------------------------


def ways(state: State, models: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each way with the vectors of titles, of length 1, [items, d]."""
    titles = list(state.shop.titles.values())
    spotted = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    words = spotted.fit_transform(titles).toarray().astype(np.float32)
    yield "words", words
    for name, model in {"frozen": None, **{model.name: model for model in models}}.items():
        vectors = read(model, titles)
        yield name, vectors
        yield f"{name}, centred", unit(vectors - vectors[state.bought().any(0)].mean(0))
        yield f"{name}, ridge", ridge(vectors, state)
        yield f"{name} and words, ridge", ridge(np.hstack([vectors, words]), state)


def read(model: Path | None, titles: list[str]) -> np.ndarray:
    reader = readers.reader(model, Model())
    found = reader([(title,) for title in titles])
    return found[:, : found.shape[1] - sum(len(spec.labels) for spec in reader.tasks.values())]


def ridge(given: np.ndarray, state: State) -> np.ndarray:
    """Predict who bought an item, busy people counting less, and take that for its vector."""
    bought = state.bought()
    active = bought[bought.sum(1) >= teaching.FEWEST]
    targets = (active / np.sqrt(active.sum(1, keepdims=True))).T
    targets /= np.maximum(np.linalg.norm(targets, axis=1, keepdims=True), 1e-9)
    known = bought.any(0)
    weights = np.minimum(bought.sum(0), SURE)[known] / SURE
    centre = np.average(given[known], axis=0, weights=weights)
    root = np.sqrt(weights)[:, None]
    inputs = (given[known] - centre) * root
    outputs = (targets[known] - np.average(targets[known], axis=0, weights=weights)) * root
    gram = inputs.T @ inputs + RIDGE * np.eye(inputs.shape[1], dtype=np.float32)
    return unit((given - centre) @ np.linalg.solve(gram, inputs.T @ outputs))


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


# --- measures -------------------------------------------------------------------------------


def measured(state: State, vectors: np.ndarray, asked: np.ndarray) -> Line:
    """Score the rows that are asked, and the unseen items among themselves."""
    histories, known = state.histories(), state.bought().any(0)
    person, item, label = asked.T
    scores = {way: np.zeros(len(asked)) for way in SCORES}
    for own in np.unique(person):
        places = person == own
        items, weights = histories[own]
        near = vectors[items] @ vectors[item[places]].T
        for way, score in SCORES.items():
            scores[way][places] = score(near, weights)
    unseen, recalled = ~known[item], recall(state, vectors, histories, known)
    return {
        way: {
            "AUC": percent(roc_auc_score(label, values)),
            "by person": percent(np.mean(list(aucs(person, label, values)))),
            "unseen items": percent(roc_auc_score(label[unseen], values[unseen])),
            f"Recall@{PLACES} of unseen": recalled[way],
        }
        for way, values in scores.items()
    }


def aucs(person: np.ndarray, label: np.ndarray, values: np.ndarray) -> Iterator[float]:
    for own in np.unique(person):
        places = person == own
        yield roc_auc_score(label[places], values[places])


def recall(
    state: State, vectors: np.ndarray, histories: Mapping[int, Any], known: np.ndarray
) -> dict[str, float]:
    """Rank what was first sold in the time after, and count what was bought of it."""
    shop = state.shop
    later = (shop.times >= state.at) & ~known[shop.items]
    if state.at < seconds(STATES["test"]):
        later &= shop.times < seconds(STATES["test"])
    new = np.unique(shop.items[later])
    found: dict[str, list[float]] = {way: [] for way in SCORES}
    for own in np.unique(shop.persons[later]):
        if own in histories:
            items, weights = histories[own]
            wanted = shop.items[later & (shop.persons == own)]
            near = vectors[items] @ vectors[new].T
            for way, score in SCORES.items():
                first = new[np.argsort(-score(near, weights), kind="stable")[:PLACES]]
                found[way].append(float(np.isin(wanted, first).mean()))
    return {way: percent(np.mean(values)) for way, values in found.items()}


def percent(share: float) -> float:
    return round(100 * float(share), 2)


if __name__ == "__main__":
    main()
