"""Each suite's numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from outputs_by_hand import SAID, TAGGED, TAGS, TRUTH, spec, sure
from scripted_model import ScriptedModel, examples

from tfsocial.evaluation.answers import AnsweringOnce
from tfsocial.evaluation.contract import EvaluationSet
from tfsocial.evaluation.suites.baselines import Baselines
from tfsocial.evaluation.suites.calibration import CalibrationSuite
from tfsocial.evaluation.suites.out_of_distribution import OutOfDistribution
from tfsocial.evaluation.suites.quality import Quality
from tfsocial.evaluation.suites.slices import Slices


@pytest.fixture
def mood():
    """Truth 0 0 1 1 2, said 0 1 1 1 0, each with a confidence of 0.9."""
    return ScriptedModel({"mood": sure(SAID, 3)})


def test_quality(mood):
    found = Quality()(mood, examples({"mood": TRUTH}))
    assert found.numbers["mood"]["accuracy"] == pytest.approx(3 / 5)
    assert found.numbers["mood"]["macro_f1"] == pytest.approx((1 / 2 + 4 / 5 + 0) / 3)
    happy, sad, neither = found.tables["mood/classes"]
    assert sad == pytest.approx(
        {"label": "sad", "precision": 2 / 3, "recall": 1, "f1": 4 / 5, "count": 2}
    )
    assert happy["recall"] == 1 / 2
    assert neither["recall"] == 0
    assert found.tables["mood/most_confused"] == [
        {"truth": "happy", "predicted": "sad", "count": 1},
        {"truth": "neither", "predicted": "happy", "count": 1},
    ]
    assert found.advice == [
        "Task mood: none of the 1 examples of 'neither' was found; look at their training rows."
    ]


def test_quality_decides_by_the_models_thresholds():
    labels = examples({"topics": TAGS})
    numbers = [
        Quality()(ScriptedModel({"topics": TAGGED}, own), labels).numbers["topics"]["accuracy"]
        for own in ({}, {"topics": (0.4, 0.7)})
    ]
    assert numbers == [0, 1]


def test_calibration(mood):
    """0.9 sure, 0.6 right."""
    found = CalibrationSuite(bins=10)(mood, examples({"mood": TRUTH}))
    numbers = dict(found.numbers["mood"])
    assert numbers.pop("ece_if_calibrated") == pytest.approx(0.118, abs=0.03)  # five rows are few
    assert numbers == pytest.approx(
        {
            "count": 5,
            "ece": 0.3,
            "accuracy": 0.6,
            "mean_confidence": 0.9,
            "nll": -(3 * np.log(0.9) + 2 * np.log(0.05)) / 5,
            "brier": (3 * 0.015 + 2 * 1.715) / 5,
        }
    )
    (row,) = found.tables["mood/bins"]
    assert (row["count"], row["accuracy"]) == (5, pytest.approx(0.6))
    assert "overconfident" in found.advice[0]


def test_calibration_of_one_who_is_right_as_often_as_it_says():
    model = ScriptedModel({"mood": sure([0, 0, 0, 0, 0], 3, 0.8)})
    found = CalibrationSuite()(model, examples({"mood": [0, 0, 0, 0, 1]}))
    assert found.numbers["mood"]["ece"] == pytest.approx(0)
    assert not found.advice


def test_baselines(mood):
    """Of train, happy is the majority: right for 2 of 5; the words tell all."""
    words = ["alpha 0", "alpha 1", "beta 2", "beta 3", "gamma 4"]
    texts = [(word,) for word in words]
    labels = {"mood": TRUTH}
    train = EvaluationSet([*texts, ("alpha",)], {"mood": np.append(TRUTH, 0)})
    found = Baselines(train)(mood, EvaluationSet(texts, labels))
    table = {row["by"]: row["accuracy"] for row in found.tables["mood/baselines"]}
    assert table == pytest.approx({"model": 0.6, "majority": 0.4, "tfidf_linear": 1})
    assert found.advice == [
        "Task mood: tfidf_linear has accuracy 1.000, and the model 0.600; it is not worth its "
        "cost yet."
    ]


def test_baselines_without_train(mood):
    found = Baselines()(mood, examples({"mood": TRUTH}))
    assert not found.numbers
    assert "no train texts" in found.advice[0]


def test_out_of_distribution(mood):
    """In scope 3 of 4 are right; the one outside is not found, at a probability as all others'."""
    found = OutOfDistribution({"mood": "neither"})(mood, examples({"mood": TRUTH}))
    assert found.numbers["mood"] == pytest.approx(
        {"count": 5, "ood_count": 1, "in_scope_accuracy": 3 / 4, "recall": 0, "auroc": 0.5}
    )


def test_out_of_distribution_of_a_head_that_tells_by_score():
    head = spec("classify", "happy", "sad", "neither")
    head.scope = "energy"
    model = ScriptedModel({"mood": sure([0, 1, 2, 2], 3)}, tasks={"mood": head})
    found = OutOfDistribution()(model, examples({"mood": [0, 1, 2, 1]}))
    assert found.numbers["mood"]["recall"] == 1
    assert found.numbers["mood"]["precision"] == 1 / 2
    without = OutOfDistribution()(model, examples({"mood": [0, 1, 0, 1]}))
    assert "no example has the label 'neither'" in without.advice[0]


def test_slices(mood):
    """de: 1 of 2 right, fr: 2 of 2; the last example has no language."""
    given = examples({"mood": TRUTH}, {"language": ["de", "de", "fr", "fr", ""]})
    found = Slices(at_least=2)(mood, given)
    rows = {row["value"]: row for row in found.tables["mood/language"]}
    assert {value: row["accuracy"] for value, row in rows.items()} == {"de": 0.5, "fr": 1}
    assert found.numbers["mood"] == pytest.approx(
        {"language/lowest": 0.5, "language/highest": 1, "language/gap": 0.5}
    )
    assert "0.500 where language is 'de' and 1.000 where it is 'fr'" in found.advice[0]
    few = Slices(at_least=3)(mood, given)
    assert few.tables == found.tables
    assert not few.advice
    assert not few.numbers["mood"]


def test_suites_ask_once_and_in_blocks(mood):
    calls = []
    answer = mood.__call__

    class Noted:
        manifest = mood.manifest

        def __call__(self, texts):
            calls.append(len(texts))
            return answer(texts)

    once, given = AnsweringOnce(Noted(), at_once=2), examples({"mood": TRUTH})
    first, second = (Quality()(once, given).as_json() for _ in range(2))
    assert first == second == Quality()(mood, given).as_json()
    assert calls == [2, 2, 1]
