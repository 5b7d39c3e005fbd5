"""Runs tracked by the real wandb, offline, and the real MLflow, in a database of its own."""

from __future__ import annotations

import json
import logging
import struct
import sys
import threading
from collections.abc import Iterator

import pytest
import tiny_run

from tfsocial import api, config
from tfsocial.errors import InputError
from tfsocial.training import config_changes
from tfsocial.training.tracking import background, trackers
from tfsocial.training.tracking.background import Background

BOTH = {"tracking": {"wandb": {"project": "moods"}, "mlflow": {"experiment": "moods"}}}


@pytest.fixture(scope="module")
def moods(tmp_path_factory):
    return tiny_run.write_moods(tmp_path_factory.mktemp("moods"))


SECRET = "zebra crossing number forty-two"


@pytest.fixture(scope="module")
def tracked(moods, tmp_path_factory):
    """A finished run with both, its model sent too; each of its texts holds the secret."""
    workdir = tmp_path_factory.mktemp("work") / "run"
    rows = [(f"{SECRET} {text}", mood) for text, mood in tiny_run.MOODS] * 4
    for split in ("train", "dev"):
        tiny_run.write_csv(moods / f"secret_{split}.csv", ("text", "label"), rows)
    splits = "data.splits={train: secret_train.csv, dev: secret_dev.csv}"
    chosen = tiny_run.settings(moods, splits, "training.epochs=3", "tracking.model=true", **BOTH)
    return api.train(chosen, workdir, "cpu")


def points(workdir) -> dict[str, list[tuple[int, float]]]:
    """metrics.jsonl: curve -> its points."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for line in (workdir / "metrics.jsonl").read_text("utf-8").splitlines():
        values = json.loads(line)
        step = values.pop("step")
        for name, value in values.items():
            curves.setdefault(name, []).append((step, value))
    return curves


BLOCK = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def log_records(content: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log, as wandb writes one behind seven bytes of its own.

    Its own reader in Python is gone since 0.31. Blocks of 32 KiB; a piece has checksum (4 bytes),
    length (2) and kind (1).
    """
    at, pieces = 7, []
    while at + 7 <= len(content):
        left = BLOCK - at % BLOCK
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", content, at + 4)
        if not FULL <= kind <= LAST:
            return
        pieces.append(content[at + 7 : at + 7 + length])
        at += 7 + length
        if kind in (FULL, LAST):
            yield b"".join(pieces)
            pieces = []


def wandb_records(workdir) -> list:
    """What lies in the files of its offline runs, in wandb's own messages."""
    from wandb.proto import wandb_internal_pb2

    return [
        wandb_internal_pb2.Record.FromString(data)
        for path in sorted((workdir / "wandb").glob("offline-run-*/*.wandb"))
        for data in log_records(path.read_bytes())
    ]


def wandb_points(workdir) -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = {}
    for record in wandb_records(workdir):
        items = record.history.item
        row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
        for name, value in row.items():
            if not name.startswith("_") and name != "step":
                curves.setdefault(name, []).append((row["step"], value))
    return curves


def mlflow_run(workdir):
    """The client and the only run of its database."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{workdir.absolute()}/mlflow.db")
    experiment = client.get_experiment_by_name("moods")
    (run,) = client.search_runs([experiment.experiment_id])
    return client, run


def test_wandb_has_the_points_of_metrics_jsonl(tracked):
    expected, found = points(tracked.workdir), wandb_points(tracked.workdir)
    assert found == expected
    assert expected["train/loss"]


def test_mlflow_has_the_points_of_metrics_jsonl(tracked):
    client, run = mlflow_run(tracked.workdir)
    for name, expected in points(tracked.workdir).items():
        history = client.get_metric_history(run.info.run_id, name)
        assert [(one.step, one.value) for one in history] == expected, name


def test_knobs_scores_and_artefacts_go_along(tracked):
    client, run = mlflow_run(tracked.workdir)
    assert run.info.status == "FINISHED"
    assert run.data.params["optimizer.learning_rate"] == "0.01"
    report = json.loads((tracked.workdir / "report.json").read_text("utf-8"))
    accuracy = report["dev"]["mood"]["accuracy"]
    assert run.data.metrics["result/dev/mood/accuracy"] == pytest.approx(accuracy)
    names = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert names == {"config.yaml", "provenance.json", "report.json", "report.txt", "model"}
    records = wandb_records(tracked.workdir)
    configs = {item.key: item.value_json for one in records for item in one.run.config.update}
    assert json.loads(configs["optimizer.learning_rate"]) == 0.01
    summary = {
        item.key or "/".join(item.nested_key): item.value_json
        for record in records
        for item in record.summary.update
    }
    assert json.loads(summary["result/dev/mood/accuracy"]) == pytest.approx(accuracy)


def test_no_text_leaves(tracked):
    """Not in the files of a tracker, whatever they hold."""
    workdir = tracked.workdir
    written = [workdir / "mlflow.db", *(workdir / "wandb").rglob("*")]
    written += (workdir / "mlflow-artifacts").rglob("*")
    found = [path for path in written if path.is_file()]
    assert len(found) > 3
    assert not [path for path in found if b"forty-two" in path.read_bytes()]


def test_a_run_that_was_stopped_goes_on_in_the_same_curve(moods, tmp_path, monkeypatch):
    """Killed in the second epoch and started again: one run, whose curve has every step."""
    workdir = tmp_path / "run"
    chosen = tiny_run.settings(
        moods, "training.epochs=3", "training.checkpoint_every=2", "training.log_every=1", **BOTH
    )
    log = trackers.Trackers.log

    def stopping(self, step, scalars):
        log(self, step, scalars)
        if step == 6:
            raise RuntimeError("stopped here")

    with monkeypatch.context() as patched:
        patched.setattr(trackers.Trackers, "log", stopping)
        with pytest.raises(RuntimeError, match="stopped here"):
            api.train(chosen, workdir, "cpu")
    api.train(chosen, workdir, "cpu")
    expected = points(workdir)["train/loss"]
    client, run = mlflow_run(workdir)
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert sorted({(one.step, one.value) for one in history}) == expected
    ids = {record.run.run_id for record in wandb_records(workdir) if record.run.run_id}
    assert ids == {run.data.tags["tfsocial.run"]}
    assert set(wandb_points(workdir)["train/loss"]) == set(expected)


class Failing:
    """A tracker that does what it is told to in `log`."""

    def __init__(self, does):
        self.does, self.closed = does, False

    def start(self, run): ...

    def log(self, step, scalars):
        self.does()

    def conclude(self, scores, artefacts): ...

    def close(self):
        self.closed = True


def fail():
    raise OSError("no network\nat all")


def test_a_tracker_that_fails_costs_one_warning(moods, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(trackers.TRACKERS, "wandb", lambda settings: Failing(fail))
    chosen = tiny_run.settings(moods, tracking={"wandb": {}})
    assert api.train(chosen, tmp_path / "run", "cpu").model.is_dir()
    said = [one.getMessage() for one in caplog.records if "tracking" in one.getMessage()]
    assert said == ["tracking.wandb failed (no network); the run goes on without it"]


def test_a_tracker_that_hangs_costs_one_warning_and_no_time(caplog):
    forever = threading.Event()
    tracker = Background("mlflow", Failing(forever.wait))
    tracker.call(lambda: tracker.tracker.log(1, {}))
    tracker.close(0.2)
    tracker.call(forever.set)  # nobody does this any more
    assert not forever.is_set()
    forever.set()
    assert [one.getMessage() for one in caplog.records] == [
        "tracking.mlflow did not answer for 0.2 seconds; the run goes on without it"
    ]


def test_a_tracker_that_hangs_takes_no_memory(caplog, monkeypatch):
    monkeypatch.setattr(background, "MOST_WAITING", 3)
    forever = threading.Event()
    tracker = Background("wandb", Failing(forever.wait))
    for _ in range(10):
        tracker.call(forever.wait)
    forever.set()
    assert [one.getMessage() for one in caplog.records] == [
        "tracking.wandb does not answer, 3 points wait for it; the run goes on without it"
    ]


@pytest.mark.parametrize(("name", "package"), [("wandb", "wandb"), ("mlflow", "mlflow-skinny")])
def test_a_missing_package_is_named(monkeypatch, name, package):
    for module in (name, f"{name}.entities"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"{package}.*pip install 'tfsocial\[{name}\]'"):
        trackers.Trackers(config.parse({"tracking": {name: {}}, "tasks": {}}).tracking)


def test_trackers_may_change_between_two_starts(moods):
    before, now = tiny_run.settings(moods), tiny_run.settings(moods, **BOTH)
    assert config_changes.changed(before, now) == []


def test_tracking_is_quiet(tracked, caplog):
    assert logging.getLogger("mlflow").isEnabledFor(logging.WARNING)
    assert not [one for one in caplog.records if "tracking" in one.getMessage()]
