"""Every plan in benchmarks/ is one that quality.py can run: configs that are there, and build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import quality
from tfsocial import config
from tfsocial.data.augment import chain
from tfsocial.objectives import table

ROOT = Path(__file__).parents[1]
PLANS = sorted((ROOT / "benchmarks").rglob("*.yaml"))


def listed(path: Path) -> list[dict[str, Any]]:
    """As quality.py lists them."""
    return quality.listed(yaml.safe_load(path.read_text("utf-8")))


EXPERIMENTS = [
    pytest.param(experiment, id=f"{path.stem}: {experiment['name']}")
    for path in PLANS
    for experiment in listed(path)
]


def of(experiment: dict[str, Any]) -> config.Config:
    """An experiment's config, by the overrides that quality.py makes."""
    given = [f"{key}={json.dumps(value)}" for key, value in experiment.get("set", {}).items()]
    return config.load(ROOT / "configs" / f"{experiment['config']}.yaml", given)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_builds(experiment):
    chosen = of(experiment)
    assert table.formula(chosen)
    chain.build(chosen)
    assert sorted(set(experiment["seeds"])) == experiment["seeds"]


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_names_are_told_apart(path):
    """A line of results is found again by its experiment's name."""
    names = [experiment["name"] for experiment in listed(path)]
    assert len(set(names)) == len(names)


def test_each_op_is_compared_with_as_much_training():
    """Both sets have the same experiments; all but L itself the same epochs, draws and seeds."""
    plan = listed(ROOT / "benchmarks" / "augmentation.yaml")
    by_set: dict[str, list[tuple]] = {"banking77": [], "sst2": []}
    for experiment in plan:
        by_set[experiment["data"]].append((experiment["name"].split(" ", 2)[2], of(experiment)))
    names = [[name for name, _ in found] for found in by_set.values()]
    assert names[0] == names[1]
    for (_, plain), *others in by_set.values():
        assert {one.training.epochs for _, one in others} == {2 * plain.training.epochs}
        assert {one.data.shots for _, one in others} == {plain.data.shots}
        assert not any(one.data.splits.test for _, one in others)
    ops = {next(iter(op)) for _, one in by_set["sst2"] for op in one.data.augment}
    assert ops == set(names[0][2:]) - {"word_drop tf_idf"}
