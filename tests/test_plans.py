"""Every plan in benchmarks/ is one that quality.py can run: configs that are there, and build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import quality
from tfsocial import config, errors
from tfsocial.data.augment import chain, wordnet
from tfsocial.objectives import table

ROOT = Path(__file__).parents[1]
PLANS = sorted((ROOT / "benchmarks").rglob("*.yaml"))


def listed(path: Path) -> list[dict[str, Any]]:
    """As quality.py lists them, and the runs that go before some; of compositions their runs."""
    experiments = [
        run
        for one in quality.listed(yaml.safe_load(path.read_text("utf-8")))
        for run in (runs_of(one) if "runs" in one else [one])
    ]
    before = [
        one | {"name": f"{one['name']}, first", "set": one["first"]["set"]}
        for one in experiments
        if "first" in one
    ]
    return [*experiments, *before]


def runs_of(composition: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs of a composition as experiments."""
    return [
        {
            **run,
            "name": f"{composition['name']}, {run['name']}",
            "seeds": [run["seed"]],
            "set": {**composition.get("set", {}), **run.get("set", {})},
        }
        for run in composition["runs"]
    ]


EXPERIMENTS = [
    pytest.param(experiment, id=f"{path.stem}: {experiment['name']}")
    for path in PLANS
    for experiment in listed(path)
]


def of(experiment: dict[str, Any]) -> config.Config:
    """An experiment's config, by the overrides that quality.py makes."""
    given = quality.overrides(experiment, experiment["seeds"][0], ROOT)
    return config.load(ROOT / "configs" / f"{experiment['config']}.yaml", given)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_builds(experiment):
    chosen = of(experiment)
    assert table.formula(chosen.tasks, chosen.objectives)
    if any("wordnet" in op.get("synonym", {}).values() for op in chosen.data.augment):
        _needs_wordnet()
    chain.build(chosen.data, chosen.seed)
    assert sorted(set(experiment["seeds"])) == experiment["seeds"]


def _needs_wordnet() -> None:
    try:
        wordnet.check()
    except errors.InputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_names_are_told_apart(path):
    """A line of results is found again by its experiment's name."""
    names = [experiment["name"] for experiment in listed(path)]
    assert len(set(names)) == len(names)


def test_each_op_is_compared_with_as_much_training():
    """Every run of a set has the epochs, draws and split of L, and one op."""
    for base in ("banking77 10-shot", "sst2 16-shot"):
        found = {
            experiment["name"].partition(": ")[2]: of(experiment)
            for experiment in listed(ROOT / "benchmarks" / "augmentation.yaml")
            if experiment["name"].startswith(base)
        }
        plain = found.pop("L")
        assert plain.data.augment == ()
        assert plain.data.splits.test == ("dev.csv",)  # the real test split is not read
        assert len(found) > 10
        for name, one in found.items():
            assert one.training == plain.training
            (op,) = one.data.augment
            assert name.split(", ")[0] in op
            assert one.data.model_copy(update={"augment": ()}) == plain.data
