"""Recommendations on online_retail: pairs told apart, rankings, candidates, newcomers, lists, time.

    python -m benchmarks.apps.recommend --data=DIR --work=DIR [--model=M0|RUN|VERSION] [--out=FILE]

DIR of --data holds online_retail. Two states: what was known on 1 October, scored on what was
bought in October (dev), and on 1 November, scored on what was bought after it (test). Settings
were chosen on dev. Parts of each:

* `pairs`: AUC of the set's pairs of a real purchase and sampled others, pooled and by user, of
  items that nobody had bought before, by features: all, all without text, text alone;
* `ranking`: Recall@20 and NDCG@20 over all items that a user has not bought, for users of the
  pairs, and how many later purchases are among 300 candidates;
* `newcomers`: users without an earlier purchase, whose first three purchases are given as picks;
* `lists`: what diversity costs in Recall@20;
* `milliseconds`: of one person, on one core.

Differences are means over users with the interval of 95 % of a paired bootstrap over them. Goes
into results/apps_recommend.json, where a month takes the place of its last run.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.apps import recommend_data, recommend_lists
from benchmarks.apps.recommend_data import Data, Month
from benchmarks.same_weights import commit, machine
from tfsocial.apps.recommend.ranking import (
    collaborative,
    features,
    fitting,
    item_facts,
    measures,
    negatives,
)
from tfsocial.apps.recommend.ranking.boosting import Trees
from tfsocial.apps.recommend.ranking.model import Model as Ranking
from tfsocial.apps.recommend.ranking.person import Person, persons
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.ranker import Ranker
from tfsocial.apps.recommend.ranking.scoring import BY_TEXT, INHERITED, SMOOTH
from tfsocial.apps.recommend.ranking.settings import Settings
from tfsocial.config.model import Model
from tfsocial.selection import readers, vectors

RESULTS = Path(__file__).resolve().parents[1] / "results" / "apps_recommend.json"
K, CANDIDATES = 20, (100, 300, 1000)
STAGE = 300  # candidates that are ranked
PICKS = 3
TIMED = 200  # persons
# All but the facts of an item that stand on others' purchases or on its text.
_OF_TEXT = {*SMOOTH, *INHERITED, *BY_TEXT} | {
    name for name in item_facts.NAMES if name.split("_")[0] in {"near", "words", "smooth", "text"}
}
_OF_TEXT_ALONE = {*INHERITED, *BY_TEXT} | {
    name for name in item_facts.NAMES if name.startswith("text_")
}
Line = dict[str, Any]


def used(of: str) -> list[str]:
    """Give the features of a set of them."""
    if of == "all":
        return list(features.NAMES)
    text = _OF_TEXT_ALONE if of == "text alone" else _OF_TEXT
    return [
        name
        for name in features.NAMES
        if (name.removesuffix("_rank") in text) == (of == "text alone")
    ]


SETS = ("all", "all without text", "text alone")


@dataclass(frozen=True)
class State:
    """What is scored, and what was known.

    Attributes:
        preferences: of the users of the pairs for all items, float32 [users, n], by the features
            that the trees have.
        share: log of how often each item is drawn as one not bought, float32 [n].
    """

    month: Month
    ranker: Ranker
    known: dict[int, Person]
    pulse: Pulse
    users: np.ndarray
    preferences: dict[str, np.ndarray]
    share: np.ndarray

    def person(self, user: int) -> Person:
        """Give what was known of a user."""
        return self.known.get(user, Person())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors")
    parser.add_argument("--model", type=Path, help="left out: M0 as it is")
    parser.add_argument("--months", nargs="*", choices=("dev", "test"), default=("dev", "test"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    reader = readers.reader(options.model, Model())

    def read(texts: Sequence[str]) -> np.ndarray:
        return vectors.numbers([(text,) for text in texts], reader, options.work / "vectors")

    data = recommend_data.read(options.data / "online_retail", read)
    settings = Settings()
    found: Line = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    for month in (data.dev, data.test):
        if month.name in options.months:
            found[month.name] = {
                "machine": machine(),
                "commit": commit(),
                "model": options.model.name if options.model else "M0",
                "settings": asdict(settings),
                **measured(data, month, settings),
            }
            options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def measured(data: Data, month: Month, settings: Settings) -> Line:
    """Fit on what was before a month, and score it."""
    began = time.process_time()
    state = fitted(data, month, settings)
    found: Line = {"seconds to fit": round(time.process_time() - began)}
    for name, part in (
        ("pairs", pairs),
        ("ranking", ranking),
        ("newcomers", newcomers),
        ("lists", lists),
        ("milliseconds", milliseconds),
    ):
        found[name] = part(state)
        print(month.name, name, json.dumps(found[name]), flush=True)
    return found


def fitted(data: Data, month: Month, settings: Settings) -> State:
    """Fit trees of each set of features on the same examples, and score all items."""
    known, catalog = data.deeds.before(month.at), data.catalog
    learnt = fitting.all_examples(known, catalog, month.at, settings)
    given = (learnt.features, learnt.labels, features.NAMES, settings)
    trees = {name: Trees.fit(*given, used(name)) for name in SETS}
    others = collaborative.fitted(known, catalog.names, month.at, settings)
    ranker = Ranker(Ranking(others, trees["all"], settings, month.at), catalog)
    users, pulse = np.unique(month.pairs.users), Pulse.of(known, len(catalog))
    share = negatives.log_share(pulse.counts(month.at, 30))
    found = {name: np.empty((len(users), len(catalog)), np.float32) for name in SETS}
    past, everything = persons(known), np.arange(len(catalog))
    for row, user in enumerate(users.tolist()):
        values = ranker.features(past.get(user, Person()), everything, pulse, month.at)
        for name, own in trees.items():
            found[name][row] = own(values)
    return State(month, ranker, past, pulse, users, found, share)


# --- pairs ----------------------------------------------------------------------------------


def pairs(state: State) -> Line:
    """Tell purchases from sampled others."""
    own = state.month.pairs
    unseen = state.pulse.ever[own.items] == 0
    rows = np.searchsorted(state.users, own.users)
    scores = {name: found[rows, own.items] for name, found in state.preferences.items()}
    by_user = {
        name: measures.auc_by_user(own.users, own.labels, score) for name, score in scores.items()
    }
    found: Line = {
        name: {
            "AUC": percent(measures.auc(own.labels, score)),
            "AUC by user": percent(float(np.nanmean(by_user[name]))),
            "AUC of unseen items": percent(measures.auc(own.labels[unseen], score[unseen])),
        }
        for name, score in scores.items()
    }
    return found | {"what text adds by user": difference(by_user)}


def difference(figures: dict[str, np.ndarray]) -> Line:
    found = measures.paired_bootstrap(figures["all"], figures["all without text"])
    return {name: percent(value) for name, value in asdict(found).items()}


def percent(share: float) -> float:
    return round(100 * float(share), 2)


# --- rankings -------------------------------------------------------------------------------


def ranking(state: State) -> Line:
    """Rank everything that the users of the pairs have not bought."""
    found: Line = {}
    recall: dict[str, np.ndarray] = {}
    for name, preferences in state.preferences.items():
        scores = preferences + state.share
        for row, user in enumerate(state.users.tolist()):
            scores[row, state.person(user).bought] = -np.inf
        shares = figures(state, np.argsort(-scores, axis=1, kind="stable"))
        found[name], recall[name] = named(shares), shares[:, 0]
    return found | {f"what text adds to Recall@{K}": difference(recall)} | two_stages(state)


def two_stages(state: State) -> Line:
    """Rank candidates alone, as the service does."""
    given = (state.pulse, state.month.at)
    ranked, hits = [], []
    for user in state.users.tolist():
        person, wanted = state.person(user), state.month.wanted[user].items
        found = state.ranker.candidates(person, *given, CANDIDATES[-1])
        hits.append([np.isin(wanted, found[:count]) for count in CANDIDATES])
        few = found[:STAGE]
        ranked.append(few[np.argsort(-state.ranker.score(person, few, *given), kind="stable")])
    reached = [np.concatenate(own).mean() for own in zip(*hits, strict=True)]
    return {
        f"of {STAGE} candidates": named(figures(state, ranked)),
        "purchases among candidates": dict(zip(CANDIDATES, map(percent, reached), strict=True)),
    }


def figures(state: State, ranked: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Give Recall and NDCG of each user, [users, 2]."""
    return np.array(
        [
            [of(own, state.month.wanted[user].items, K) for of in (measures.recall, measures.ndcg)]
            for user, own in zip(state.users.tolist(), ranked, strict=True)
        ]
    )


def named(shares: np.ndarray) -> Line:
    return dict(zip((f"Recall@{K}", f"NDCG@{K}"), map(percent, shares.mean(0)), strict=True))


def newcomers(state: State) -> Line:
    """Give newcomers' first three purchases as picks, and find the rest."""
    new = [
        (Person().with_picks(own.items[:PICKS]), own.items[PICKS:])
        for user, own in state.month.wanted.items()
        if user not in state.known and len(own.items) > PICKS
    ]
    recall = [measures.recall(order(state, one, one.picked), rest, K) for one, rest in new]
    without = [measures.recall(order(state, Person(), one.picked), rest, K) for one, rest in new]
    return {
        "users": len(new),
        f"Recall@{K}": percent(float(np.mean(recall))),
        f"Recall@{K}, median": percent(float(np.median(recall))),
        f"Recall@{K} without picks": percent(float(np.mean(without))),
    }


def order(state: State, person: Person, without: np.ndarray) -> np.ndarray:
    """Rank all items, the best first."""
    everything = np.arange(len(state.share))
    scores = state.ranker.score(person, everything, state.pulse, state.month.at)
    scores[without] = -np.inf
    return np.argsort(-scores, kind="stable")


def lists(state: State) -> Line:
    """Give the price of diversity, on the users of the pairs."""
    given = (state.pulse, state.month.at)
    candidates, scores = [], []
    for user in state.users.tolist():
        candidates.append(state.ranker.candidates(state.person(user), *given, STAGE))
        scores.append(state.ranker.score(state.person(user), candidates[-1], *given))
    wanted = [state.month.wanted[user].items for user in state.users.tolist()]
    return recommend_lists.prices(candidates, scores, wanted, state.ranker.catalog.vectors)


def milliseconds(state: State) -> Line:
    """Time persons of the pairs, each once, after one that is not counted."""
    spent: dict[str, list[float]] = {"score 100": [], "300 candidates, score them": []}
    everything = np.arange(100)
    for user in state.users[: TIMED + 1].tolist():
        given = (state.pulse, state.month.at)
        person = replace(state.person(user))  # another, whose scores are not kept
        began = time.perf_counter()
        state.ranker.score(person, everything, *given)
        spent["score 100"].append(time.perf_counter() - began)
        person = replace(person)
        began = time.perf_counter()
        found = state.ranker.candidates(person, *given, STAGE)
        state.ranker.score(person, found, *given)
        spent["300 candidates, score them"].append(time.perf_counter() - began)
    return {
        name: {f"p{share}": round(1e3 * np.percentile(own[1:], share), 1) for share in (50, 99)}
        for name, own in spent.items()
    }


if __name__ == "__main__":
    main()
