"""What every suite promises, over the whole table."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from scripted_model import TASKS, ScriptedModel, examples

from tfsocial.errors import InputError
from tfsocial.evaluation.contract import EvaluationSet, Findings
from tfsocial.evaluation.table import SUITES, suite

COUNT = 24


def answers(count=COUNT):
    random = np.random.default_rng(0)
    mood = random.random((count, 3))
    return {
        "mood": mood / mood.sum(-1, keepdims=True),
        "topics": random.random((count, 2)),
        "stars": random.random((count, 1)),
    }


def labelled(count=COUNT):
    random = np.random.default_rng(1)
    labels = {
        "mood": random.integers(0, 3, count),
        "topics": random.integers(0, 2, (count, 2)).astype(float),
        "stars": random.random((count, 1)),
    }
    languages = ["de", "fr", "en", ""] * (count // 4)
    return examples(labels, {"language": languages})


def made(name):
    """A suite with all that lets it find something."""
    given = {
        "baselines": {"train": labelled(), "dev": labelled()},
        "out_of_distribution": {"ood_labels": {"mood": "neither"}},
        "slices": {"at_least": 2},
    }
    return suite(name)(**given.get(name, {}))


@pytest.mark.parametrize("name", SUITES)
class TestEverySuite:
    def test_is_a_frozen_dataclass_that_cites_its_source(self, name):
        kind = SUITES[name]
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
        assert re.search(r"\(\d{4}\)", kind.__doc__)
        for field in dataclasses.fields(kind):
            assert re.search(rf"^ +{field.name}:", kind.__doc__, re.M), field.name

    def test_needs_no_setting(self, name):
        assert isinstance(suite(name)()(ScriptedModel(answers()), labelled()), Findings)

    def test_finds_something_and_the_same_again(self, name):
        first, second = (made(name)(ScriptedModel(answers()), labelled()) for _ in range(2))
        assert any(first.numbers.values())
        assert first.as_json() == second.as_json()
        for title, picture in first.pictures.items():
            assert picture.dtype == np.uint8
            np.testing.assert_array_equal(picture, second.pictures[title])

    def test_findings_are_json(self, name):
        tree = made(name)(ScriptedModel(answers()), labelled()).as_json()
        assert json.loads(json.dumps(tree, allow_nan=False)) == tree

    def test_examples_without_a_label_count_nowhere(self, name):
        """Nor do the answers to them."""
        alone, labels = labelled(), labelled().labels
        more = EvaluationSet(
            [*alone.texts, ("text 24",)],
            {
                "mood": np.append(labels["mood"], -1),
                "topics": np.vstack([labels["topics"], [np.nan, np.nan]]),
                "stars": np.vstack([labels["stars"], [np.nan]]),
            },
            {"language": [*alone.attributes["language"], "de"]},
        )
        said = answers()
        wild = {task: np.vstack([own, own[:1]]) for task, own in said.items()}
        found = made(name)(ScriptedModel(wild), more)
        assert found.as_json() == made(name)(ScriptedModel(said), alone).as_json()

    def test_no_example_and_no_label(self, name):
        nothing = {"mood": np.zeros(0, int), "topics": np.zeros((0, 2)), "stars": np.zeros((0, 1))}
        unlabelled = {"mood": np.array([-1])}
        for given in (
            EvaluationSet([], nothing, {"language": []}),
            EvaluationSet([("text 0",)], unlabelled, {"language": ["de"]}),
            EvaluationSet([("text 0",)], {}),
        ):
            found = made(name)(ScriptedModel(answers()), given)
            assert not any(found.numbers.values())

    def test_a_model_with_one_task(self, name):
        for task in TASKS:
            model = ScriptedModel({task: answers()[task]})
            assert set(made(name)(model, labelled()).numbers) <= {task}


def test_an_unknown_suite_is_refused():
    with pytest.raises(InputError, match="did you mean quality"):
        suite("qualty")
