"""What becomes of a recommender that learns from its own lists, and of somebody who is erased.

    python -m benchmarks.apps.recommend_loop --data=DIR --work=DIR [--rounds=10] [--out=FILE]

DIR of --data holds online_retail. Goes into results/apps_recommend_loop.json:

loop:  in the demo's shop (1,200 items, 500 customers), four weeks before its last day, they see
       nothing but lists for some weeks, each with a fit on what was taken from them; see
       `tfsocial/apps/recommend/simulating.py`. With a place drawn by lot, a little diversity and a
       bonus for what is seldom shown, as it comes; with more of both; with none.
probe: whether a fitted ranking tells who was in the log. 300 customers are in it, 300 others are
       not. A customer's trace is how much their own items speak for each other in the fitted matrix
       (leave-one-out, EASE); the AUC tells those in from those out by it. Then the 300 are erased
       and it is fitted anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.apps import recommend_data
from benchmarks.same_weights import commit, machine
from tfsocial.api.run import demo_of
from tfsocial.apps.recommend import playing
from tfsocial.apps.recommend.ground import catalog_of, columns_of
from tfsocial.apps.recommend.measuring import HELD_OUT
from tfsocial.apps.recommend.ranking import collaborative, measures
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import Deeds
from tfsocial.apps.recommend.ranking.person import persons
from tfsocial.apps.recommend.ranking.settings import Settings
from tfsocial.apps.recommend.records import Deed
from tfsocial.apps.recommend.simulating import Loop, simulate
from tfsocial.config.model import Model
from tfsocial.selection import readers, vectors

RESULTS = Path(__file__).resolve().parents[1] / "results" / "apps_recommend_loop.json"
MEMBERS, ITEMS = 300, 10  # customers on each side, and items that each has at least
Line = dict[str, Any]


def loops(read: Callable[[Sequence[str]], np.ndarray], rounds: int) -> Line:
    """Simulate with and without what keeps lists from narrowing."""
    items = playing.items(demo_of("recommend"), 0.0)
    catalog = catalog_of(items, read([item.text for item in items]))
    people: dict[str, int] = {}
    deeds = columns_of(
        [
            (
                people.setdefault(one.person, len(people)),
                Deed(one.content["item"], "bought", one.happened),
            )
            for one in playing.deeds(demo_of("recommend"), 0.0)
        ],
        catalog,
    )
    at = float(deeds.time[-1]) - HELD_OUT
    kinds = {
        "as it comes": Loop(rounds),
        "bonus .4, three places by lot": Loop(rounds, bonus=0.4, explored=3),
        "by score alone": Loop(rounds, diversity=0.0, bonus=0.0, explored=0),
    }
    found = {}
    for name, loop in kinds.items():
        found[name] = [asdict(one) for one in simulate(deeds, catalog, at, loop)]
        print(name, [round(100 * one["coverage"], 1) for one in found[name]], flush=True)
    return found


def probe(deeds: Deeds, catalog: Catalog, at: float) -> Line:
    """Tell who was in the log, before and after they are erased."""
    known = deeds.before(at)
    able = [user for user, own in persons(known).items() if len(own.items) >= ITEMS]
    drawn = np.random.default_rng(0).permutation(sorted(able))[: 2 * MEMBERS]
    inside, outside = drawn[:MEMBERS], drawn[MEMBERS:]
    log = known[~np.isin(known.user, outside)]
    erased = log[~np.isin(log.user, inside)]
    own = persons(known)
    found = {}
    for name, one in (("with them", log), ("after they were erased", erased)):
        fitted = collaborative.fitted(one, catalog.names, at, Settings())
        column = np.full(len(catalog), -1)
        column[catalog.rows(fitted.names)] = np.arange(len(fitted.names))
        scores = [trace(fitted.ease, column[own[int(user)].items]) for user in drawn]
        labels = np.repeat([1, 0], [len(inside), len(outside)])
        found[name] = round(measures.auc(labels, scores), 3)
    return {"customers on each side": MEMBERS, "AUC of telling who was in": found}


def trace(ease: np.ndarray, columns: np.ndarray) -> float:
    """Give how much somebody's items speak for each other: the mean weight between two."""
    columns = np.unique(columns[columns >= 0])
    if len(columns) < 2:
        return 0.0
    own = ease[np.ix_(columns, columns)]
    return float(own.sum() / (len(columns) * (len(columns) - 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    reader = readers.reader(None, Model())

    def read(texts: Sequence[str]) -> np.ndarray:
        found = vectors.numbers([(text,) for text in texts], reader, options.work / "vectors")
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    data = recommend_data.read(options.data / "online_retail", read)
    found: Line = {"commit": commit(), "machine": machine()}
    found["probe"] = probe(data.deeds, data.catalog, data.test.at)
    print(found["probe"], flush=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    found["loop"] = loops(read, options.rounds)
    options.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
