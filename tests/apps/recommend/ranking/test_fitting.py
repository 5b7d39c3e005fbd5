"""What is learnt from a log, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.apps.recommend.ranking import by_hand
from tfsocial.apps.recommend.ranking import features, fitting
from tfsocial.apps.recommend.ranking.boosting import Trees
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import DAY, Deeds
from tfsocial.apps.recommend.ranking.model import FACTS, TREES, Model
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.ranker import Ranker
from tfsocial.errors import InputError

NOW = by_hand.DAYS * DAY
STATE = NOW - 30 * DAY


def test_states_go_back_to_the_first_deed() -> None:
    days = by_hand.SETTINGS.state_days * DAY
    settings = replace(by_hand.SETTINGS, states=9)
    assert fitting.states(by_hand.deeds(), NOW, settings) == [
        NOW - 3 * days,
        NOW - 2 * days,
        NOW - days,
    ]


def test_examples_are_first_purchases_and_others_never_bought() -> None:
    log, settings = by_hand.deeds(), by_hand.SETTINGS
    found = fitting.examples(log, by_hand.catalog(), STATE, settings)
    firsts = log.firsts()
    users_before = set(log.before(STATE).user.tolist())
    after = firsts.since(STATE)
    known = np.isin(after.user, list(users_before))
    assert found.labels.sum() == known.sum()
    # Half of four to one are drawn, less those that the user has.
    assert found.labels.sum() < len(found.labels) < 5 * known.sum()
    assert found.features.shape == (len(found.labels), len(features.NAMES))


def test_what_comes_after_a_state_is_not_seen() -> None:
    """Features of a state are those of a log that ends there, whatever follows."""
    log = by_hand.deeds()
    later = Deeds.of(
        [*log.user, *range(by_hand.USERS)],
        [*log.item, *[0] * by_hand.USERS],
        [*log.time, *[NOW + DAY] * by_hand.USERS],
    )
    own = (by_hand.catalog(), STATE, by_hand.SETTINGS)
    one, other = fitting.examples(log, *own), fitting.examples(later.before(NOW), *own)
    np.testing.assert_array_equal(one.features, other.features)


def test_newcomers_are_learnt_by_their_picks() -> None:
    old = Deeds.of([1, 1, 2], [0, 1, 0], [0.0, DAY, 2 * DAY])
    new = Deeds.of([9] * 5, [3, 4, 5, 6, 7], STATE + np.arange(5) * DAY)
    log = Deeds.of([*old.user, *new.user], [*old.item, *new.item], [*old.time, *new.time])
    settings = replace(by_hand.SETTINGS, als_factors=2)
    found = fitting.examples(log, by_hand.catalog(), STATE, settings)
    assert found.labels.sum() == 2  # of five, three are picks
    items = found.features[:, features.NAMES.index("items")]
    assert items == pytest.approx(np.log1p(fitting.PICKS))


def test_a_log_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="give a longer log"):
        fitting.fit(by_hand.deeds()[:0], by_hand.catalog(), NOW, by_hand.SETTINGS)


def test_trees_may_use_some_features_alone(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    values = draw.random((300, 3)).astype(np.float32)
    labels = (values[:, 2] > 0.5).astype(np.float32)
    names = ("one", "two", "three")
    trees = Trees.fit(values, labels, names, by_hand.SETTINGS, used=("two", "three"))
    other = values.copy()
    other[:, 0] = 0
    np.testing.assert_array_equal(trees(values), trees(other))
    assert ((trees(values) > 0) == (labels == 1)).mean() > 0.95
    trees.save(tmp_path / "trees.txt")
    again = Trees.load(tmp_path / "trees.txt", names)
    np.testing.assert_array_equal(again(values), trees(values))
    assert trees(values[:0]).shape == (0,)
    with pytest.raises(InputError, match="fitted with other features"):
        Trees.load(tmp_path / "trees.txt", ("one", "two"))


def test_broken_models_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    with pytest.raises(InputError, match="not a ranking model"):
        Model.load(folder)
    fitting.fit(by_hand.deeds(), by_hand.catalog(), NOW, by_hand.SETTINGS).save(folder)
    assert Model.load(folder).at == NOW
    (folder / TREES).write_text("tree\nnonsense", "utf-8")
    with pytest.raises(InputError, match="fit the model again"):
        Model.load(folder)
    (folder / FACTS).write_text(json.dumps({"at": 0, "settings": {"depth": 3}}), "utf-8")
    with pytest.raises(InputError, match="not a ranking model"):
        Model.load(folder)


def test_catalogues_are_checked() -> None:
    own = by_hand.catalog(3)
    assert own.rows(("i2", "i9")).tolist() == [2, -1]
    given = {name: getattr(own, name) for name in ("texts", "prices", "listed", "vectors")}
    with pytest.raises(InputError, match="'a' stands twice"):
        Catalog(names=("a", "b", "a"), **given)
    with pytest.raises(InputError, match="prices has 2 rows for 3 names"):
        Catalog(names=own.names, **given | {"prices": own.prices[:2]})
    with pytest.raises(InputError, match="weight has 1 rows"):
        Catalog(names=own.names, **given, columns={"weight": np.zeros(1)})
    with pytest.raises(InputError, match="letters, digits and _ alone"):
        Catalog(names=own.names, **given, columns={"weight, kg": np.zeros(3)})


def test_further_columns_are_learnt(tmp_path: Path) -> None:
    """Most buy what is heavy, which the column alone says."""
    weight = (np.arange(by_hand.ITEMS) % 5 == 0).astype(np.float32)
    with_weight = replace(by_hand.catalog(), columns={"weight": weight})
    draw = np.random.default_rng(3)
    user = np.repeat(np.arange(80), 6)
    time = draw.random(len(user)) * NOW
    # A catalogue whose items come and go: what is bought late was never bought before.
    late = time > STATE
    half = by_hand.ITEMS // 2
    heavy = 5 * draw.integers(half // 5, 2 * half // 5, len(user))
    any_late = np.where(
        draw.random(len(user)) < 0.8, heavy, draw.integers(half, 2 * half, len(user))
    )
    item = np.where(late, any_late, draw.integers(1, half, len(user)))
    settings = replace(by_hand.SETTINGS, states=1)
    model = fitting.fit(Deeds.of(user, item, time), with_weight, NOW, settings)
    assert model.columns == ("weight",)
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model")
    person, pulse = Person().did(1, NOW), Pulse.of(Deeds.of(user, item, time), by_hand.ITEMS)
    ranker = Ranker(again, with_weight)
    scores = ranker.score(person, np.arange(by_hand.ITEMS), pulse, NOW)
    assert scores[weight == 1].mean() > scores[weight == 0].mean()
    without = Ranker(again, by_hand.catalog()).score(person, np.arange(9), pulse, NOW)
    assert np.isfinite(without).all()
