"""What is tried, who is ahead, how long it may take: by hand-worked numbers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tfsocial.fit.budget import Budget
from tfsocial.fit.candidates import Candidate, candidates, frozen
from tfsocial.fit.cores import Cores
from tfsocial.fit.finalists import Together
from tfsocial.fit.screening import Race, winner
from tfsocial.fit.speed import Speed
from tfsocial.fit.table_folder import Part
from tfsocial.fit.trainings import Outcome
from tfsocial.init.columns import Labels, Roles
from tfsocial.init.config_file import Facts
from tfsocial.init.recipe import NONE
from tfsocial.init.run import Written


def _written(kind="classify", per_class=8, noise=0.0, pool=0) -> Written:
    counts = {} if kind == "regress" else {"a": per_class, "b": per_class}
    labels = Labels("label", kind, counts, 2 * per_class)
    rows = {"train": 2 * per_class, **({"pool": pool} if pool else {})}
    facts = Facts("t.csv", {}, rows, (9, 30), 128, "Latin", 0.0, 0, 0, noise, 0)
    return Written(Path("data"), Roles(("text",), (labels,)), facts, NONE)


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ({"per_class": 4}, ["frozen", "L", "few_shot"]),
        ({"per_class": 16}, ["frozen", "L", "few_shot", "full"]),
        ({"per_class": 500}, ["frozen", "L", "full"]),
        ({"per_class": 500, "noise": 0.3}, ["frozen", "L", "full", "noisy_labels"]),
        ({"per_class": 8, "pool": 100}, ["frozen", "L", "few_shot", "pool"]),
        ({"kind": "multilabel", "per_class": 50}, ["frozen", "L", "full"]),
        ({"kind": "regress"}, ["frozen", "L", "full"]),
    ],
)
def test_candidates_are_what_a_table_is_a_case_for(table, names):
    assert [one.name for one in candidates(_written(**table), 6)] == names


def _race(name: str, *scores: float | None) -> Race:
    outcomes = [Outcome(Path(name), 1.0, score, "" if score else "failed") for score in scores]
    return Race(Candidate(name, ""), outcomes)


def test_the_winner_has_the_best_mean_over_what_all_have():
    races = [_race("frozen", 0.6, 0.6), _race("L", 0.7, 0.7), _race("full", 0.6, 0.9)]
    assert winner(races, "few_shot").candidate.name == "full"


def test_one_that_was_left_out_is_not_compared_by_its_lucky_folds():
    races = [_race("frozen", 0.6, 0.6, 0.6), _race("L", 0.7, 0.7, 0.7), _race("full", 0.99)]
    races[2].left_out = True
    assert winner(races, "full").candidate.name == "L"


def test_where_time_ran_out_within_a_fold_only_what_all_have_counts():
    races = [_race("frozen", 0.5, 0.9), _race("L", 0.6), _race("full", 0.7)]
    assert winner(races, "few_shot").candidate.name == "full"


@pytest.mark.parametrize(
    ("other", "name"),
    [((0.71, 0.69, 0.71), "full"), ((0.71, 0.73, 0.72), "L"), ((0.8, 0.6, 0.8), "full")],
)
def test_the_favourite_stays_unless_another_is_ahead_by_more_than_chance(other, name):
    """Means are ahead by 0.003, 0.02 and 0.03, with errors of 0.007, 0.006 and 0.067."""
    races = [_race("L", *other), _race("full", 0.7, 0.7, 0.7)]
    assert winner(races, "full").candidate.name == name


@pytest.mark.parametrize(
    ("scores", "way"),
    [
        ({}, "alone"),
        ({"alone": 0.90, "mean of weights": 0.90, "ensemble": 0.904}, "mean of weights"),
        ({"alone": 0.90, "mean of weights": 0.89, "ensemble": 0.904}, "alone"),
        ({"alone": 0.90, "mean of weights": 0.91, "ensemble": 0.914}, "mean of weights"),
        ({"alone": 0.90, "mean of weights": 0.91, "ensemble": 0.916}, "ensemble"),
    ],
)
def test_several_are_put_together_where_that_pays(scores, way):
    assert Together(scores).best == way


def test_what_does_not_fit_is_trained_for_fewer_steps():
    """100 examples a second, a half of which the slowest candidate may need; 10 in a step."""
    speed = Speed(examples=150.0, per_step=10.0, start=10.0)
    part = Part("dev", {}, "dev", rows=5000)
    one = Candidate("full", "", epochs=4)
    assert speed.settings(one, part, seconds=210.0) == {}  # 20,000 examples take 200 s
    assert speed.settings(one, part, seconds=110.0) == {"training.max_steps": 1000}
    assert speed.settings(one, part, seconds=0.0) == {"training.max_steps": 1}
    assert speed.settings(frozen(6), part, seconds=0.0) == {}
    assert Speed().settings(one, part, seconds=1.0) == {}


def test_a_second_call_has_what_the_first_left(tmp_path):
    path = tmp_path / "spent.json"
    first = Budget(path, 100.0)
    first._began -= 60.0  # as if a minute had passed
    with pytest.raises(KeyboardInterrupt), first.counted():
        raise KeyboardInterrupt
    assert Budget(path, 100.0).left == pytest.approx(40.0, abs=1.0)
    assert Budget(path, 10.0).left == 0.0


def test_jobs_run_at_once_on_cores_of_their_own():
    """Four jobs of two shares: each waits for the other of its pair, and no two share a core."""
    together, seen = threading.Barrier(2, timeout=30), []

    def job(cores):
        together.wait()
        seen.append(cores)
        return sum(cores)

    results = Cores.of({0, 1, 2, 3, 4, 5}).at_once([job] * 4)
    assert sorted(results) in ([6, 6, 9, 9], [6, 9, 9, 9], [6, 6, 6, 9])
    assert set(seen) == {frozenset({0, 2, 4}), frozenset({1, 3, 5})}


def test_one_job_alone_has_all_cores():
    assert Cores.of({0, 1}).at_once([lambda cores: list(cores)]) == [[]]
