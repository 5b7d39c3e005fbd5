"""The search beside Optuna's own, trial by trial, on curves by a formula."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest

from tfsocial.errors import InputError
from tfsocial.tuning import page, run, training_process
from tfsocial.tuning.space import Choices, Range
from tfsocial.tuning.study import _sampler, open_study
from tfsocial.tuning.training_process import Curve, TrainingError
from tuning.pretend_training import score

EPOCHS = 4


@pytest.fixture
def curves(monkeypatch):
    """Trainings are the formula of `pretend_training`, in this process; the list of those begun."""
    begun = []

    def train(config: Path, workdir: Path, device: str, look, check) -> bool:
        import yaml

        values = yaml.safe_load(config.read_text("utf-8"))
        begun.append((int(workdir.parent.name), values["seed"]))
        scores = []
        for epoch in range(values["training"]["epochs"]):
            scores.append(score(values, epoch))
            if not look(Curve(scores, 4 * len(scores))):
                return False
        workdir.mkdir()
        report = {"dev": {"mood": {"accuracy": scores[-1]}}}
        (workdir / "report.json").write_text(json.dumps(report), "utf-8")
        return True

    monkeypatch.setattr(training_process, "train", train)
    return begun


def _plain(trial: optuna.Trial, seed: int = 0) -> dict:
    """The same space in Optuna's words, as a config's values."""
    rate = trial.suggest_float("optimizer.learning_rate", 0.001, 0.1, log=True)
    trial.suggest_categorical("optimizer.head_multiplier", [1, 10])
    papers = trial.suggest_categorical("objectives.papers", ["none", "consistency"])
    terms = {"r_drop": {}} if papers == "consistency" else {}
    return {"optimizer": {"learning_rate": rate}, "objectives": {"papers": terms}, "seed": seed}


def _trials(study) -> list[tuple]:
    return [(one.number, one.state.name, one.value, one.params) for one in study.trials]


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_it_is_the_study_that_optuna_would_make(asked, curves, tmp_path, sampler):
    """14 trials, so that TPE has something to go by from the eleventh on."""
    search = asked(trials=14, pruner="none", sampler=sampler)
    run.tune(search, tmp_path)

    plain = optuna.create_study(direction="maximize", sampler=_sampler(optuna, search))
    plain.optimize(lambda trial: score(_plain(trial), EPOCHS - 1), n_trials=14)
    assert _trials(open_study(search, tmp_path)) == _trials(plain)


def test_asha_ends_the_trials_that_optuna_would_end(asked, curves, tmp_path):
    """Rungs lie at a ninth, a third and the whole of the schedule: epochs 1 and 2 of 4."""
    search = asked(trials=12, pruner="asha", sampler="random")
    tuned = run.tune(search, tmp_path)

    def objective(trial):
        values = _plain(trial)
        for epoch in range(EPOCHS):
            trial.report(score(values, epoch), 100 * (epoch + 1) // EPOCHS)
            if trial.should_prune():
                raise optuna.TrialPruned
        return score(values, EPOCHS - 1)

    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=11, reduction_factor=3)
    plain = optuna.create_study(
        direction="maximize", sampler=_sampler(optuna, search), pruner=pruner
    )
    plain.optimize(objective, n_trials=12)
    states = [trial.state.name.lower() for trial in plain.trials]
    assert [row.state for row in tuned.rows] == states
    assert {"complete", "pruned"} == set(states)


def test_wilcoxon_ends_a_trial_that_loses_seed_by_seed(asked, curves, tmp_path):
    tuned = run.tune(
        asked(trials=8, pruner="wilcoxon", seeds=tuple(range(6)), sampler="random"), tmp_path
    )
    states = [row.state for row in tuned.rows]
    assert {"complete", "pruned"} == set(states)
    pruned = states.index("pruned")
    assert len([seed for number, seed in curves if number == pruned]) < 6
    best = tuned.rows[tuned.best]
    assert best.score > tuned.rows[pruned].score


def test_hyperband_runs(asked, curves, tmp_path):
    states = [row.state for row in run.tune(asked(trials=9, pruner="hyperband"), tmp_path).rows]
    assert {"complete", "pruned"} == set(states)


def test_the_score_is_the_mean_over_seeds_that_all_trials_share(asked, curves, tmp_path):
    tuned = run.tune(asked(trials=2, pruner="none", seeds=(3, 5)), tmp_path)
    assert curves == [(0, 3), (0, 5), (1, 3), (1, 5)]
    one = optuna.trial.FixedTrial(tuned.rows[0].drawn)
    expected = (score(_plain(one, 3), 3) + score(_plain(one, 5), 3)) / 2
    assert tuned.rows[0].score == pytest.approx(expected)


def test_more_trials_go_on_with_the_study(asked, curves, tmp_path):
    run.tune(asked(trials=2), tmp_path)
    tuned = run.tune(asked(trials=3), tmp_path)
    assert [number for number, _ in curves] == [0, 1, 2]
    assert len(tuned.rows) == 3


def test_trials_never_see_test(asked, curves, tmp_path):
    run.tune(asked(trials=1), tmp_path)
    written = (tmp_path / "trials" / "00000" / "seed-0.yaml").read_text("utf-8")
    assert "dev.csv" in written
    assert "test.csv" not in written
    assert "test.csv" in (tmp_path / "best.yaml").read_text("utf-8")


def test_a_training_that_fails_is_a_failed_trial_with_its_sentence(asked, tmp_path, monkeypatch):
    def train(*_):
        raise TrainingError("the loss stopped being finite")

    monkeypatch.setattr(training_process, "train", train)
    tuned = run.tune(asked(trials=2), tmp_path)
    assert [row.state for row in tuned.rows] == ["fail", "fail"]
    assert "trial 1 failed: the loss stopped being finite" in str(tuned)
    assert tuned.best is None
    assert "no trial came to its end" in str(tuned)


def test_a_config_that_refuses_values_is_a_failed_trial(asked, curves, tmp_path, space):
    from dataclasses import replace

    from tfsocial.tuning.space import Space

    dropout = Space({"model.dropout": Range(low=0.2, high=1.5)})
    tuned = run.tune(replace(asked(trials=6, sampler="random"), space=dropout), tmp_path)
    failed = [row for row in tuned.rows if row.state == "fail"]
    assert 0 < len(failed) < 6
    assert all("model.dropout" in row.why for row in failed)


# --- what is said ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"trials": 0}, "--trials=0: has to be at least 1"),
        ({"seeds": ()}, "--seeds: name at least one"),
        ({"seeds": (1, 1)}, "none twice"),
        ({"sampler": "tp"}, "--sampler=tp: did you mean tpe"),
        ({"pruner": "ahsa"}, "--pruner=ahsa: did you mean asha"),
        ({"pruner": "wilcoxon"}, "--pruner=wilcoxon compares trials seed by seed"),
        ({"storage": "postgres"}, "--storage=postgres: cannot be used"),
        (
            {"storage": "postgresql+psycopg://me:secret@127.0.0.1:1/none"},
            "--storage=postgresql+psycopg://me:***@127.0.0.1:1/none: cannot be used",
        ),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(asked, tmp_path, options, sentence):
    with pytest.raises(InputError) as error:
        run.tune(asked(**options), tmp_path)
    assert sentence in str(error.value)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_search_needs_dev(config, space, asked, tmp_path):
    from dataclasses import replace

    search = replace(asked(), overrides=("data.splits.dev=[]",))
    with pytest.raises(InputError, match="a search chooses by dev"):
        run.tune(search, tmp_path)


def test_another_search_is_refused_a_folder(asked, curves, tmp_path):
    run.tune(asked(trials=1), tmp_path)
    with pytest.raises(InputError, match="holds another search"):
        run.tune(asked(trials=1, seeds=(7,)), tmp_path)


# --- the page ----------------------------------------------------------------------------


def test_the_page_draws_each_trial_and_escapes_what_it_shows(asked, curves, tmp_path):
    run.tune(asked(trials=5, pruner="none"), tmp_path / "a<b>")
    text = (tmp_path / "a<b>" / "report.html").read_text("utf-8")
    assert text.count("<path ") == 5
    assert text.count('class="best"') == 1
    assert "a&lt;b&gt;" in text
    assert "<b>" not in text


def test_values_stand_where_their_axis_says():
    assert page.height(Range(low=2, high=6), 3) == 0.25
    assert page.height(Choices(choices={"a": {}, "b": {}, "c": {}}), "b") == 0.5
