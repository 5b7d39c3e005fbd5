"""A whole search with real trainings, as a user starts it."""

from __future__ import annotations

import json

import pytest

from tfsocial import __main__

SPACE = """
optimizer.learning_rate: {low: 0.001, high: 0.1, log: true}
training.epochs: {low: 1, high: 2}
"""


@pytest.mark.long
def test_two_trials_a_winner_and_its_test(config, tmp_path, capsys):
    (tmp_path / "space.yaml").write_text(SPACE, "utf-8")
    flags = [
        f"--config={config}",
        f"--space={tmp_path / 'space.yaml'}",
        f"--output={tmp_path / 'search'}",
        "--device=cpu",
        "--pruner=none",
    ]
    assert __main__.main(["tune", *flags, "--trials=2"]) == 0
    said = capsys.readouterr().out
    assert "2 trials (2 complete)" in said
    report = json.loads((tmp_path / "search" / "report.json").read_text("utf-8"))
    (test,) = report["tests"]
    assert test["trial"] == report["best"]
    accuracy = test["of_seeds"]["0"]["mood"]["accuracy"]
    assert f"test, of trial {report['best']}: mood accuracy {accuracy:.4f}" in said
    models = {path.parents[1].name for path in (tmp_path / "search").glob("trials/*/*/model")}
    assert models == {f"{report['best']:05d}"}, "weights of the winner alone are kept"

    train = ["train", f"--config={tmp_path / 'search' / 'best.yaml'}", "--device=cpu"]
    assert __main__.main([*train, f"--workdir={tmp_path / 'again'}"]) == 0
    again = json.loads((tmp_path / "again" / "report.json").read_text("utf-8"))
    assert again["test"]["mood"]["count"] == test["of_seeds"]["0"]["mood"]["count"]
