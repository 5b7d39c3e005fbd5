"""`python -m tfsocial`: bad luck with a disk, and models: predict, export, convert."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
from pathlib import Path

import pytest
import tiny_run
import yaml
from said_by_commands import files_in, one_sentence, train_flags

from tfsocial import folders

# --- bad luck ----------------------------------------------------------------------------


def test_a_diverged_run_names_step_and_term(said, moods, tmp_path, caplog):
    """Exit 1: the input was in order. The first step moved the weights out of all bounds."""
    flags = train_flags(moods, tmp_path / "run", "optimizer.learning_rate=1.0e+30")
    assert said(*flags)[0] == 1
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    message = record.getMessage()
    assert message.startswith("error: the loss is not finite at step 2; first in L/mood.")
    assert "optimizer.learning_rate" in message
    assert "model" not in files_in(tmp_path / "run")
    written = (tmp_path / "run" / "metrics.jsonl").read_text("utf-8")
    assert "NaN" not in written


def test_a_full_disk_is_one_sentence(said, moods, tmp_path, monkeypatch):
    """A write the system refuses: the path, its reason, exit 1, no traceback."""

    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(os, "replace", full)
    code, out, err = said(*train_flags(moods, tmp_path / "run"))
    assert (code, out) == (1, "")
    assert one_sentence(err) == f"{tmp_path / 'run'}/quarantine.jsonl: No space left on device"
    assert files_in(tmp_path / "run") == set()


@pytest.fixture
def small_disk():
    """The system refuses files beyond 16 KiB, in earnest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_too_small_for_the_model_is_one_sentence(said, moods, tmp_path, small_disk):
    """The weights are the largest file of a run: where they do not fit, the model is named."""
    code, out, err = said(*train_flags(moods, tmp_path / "run", "training.max_steps=1"))
    assert (code, out) == (1, "")
    assert one_sentence(err) == f"{tmp_path}/run/model: File too large"


def test_an_error_without_a_path_names_the_command(said, tmp_path, monkeypatch):
    """The system does not always say which file it was about."""

    def broken(name, value):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(folders, "existing", broken)
    code, _, err = said("export", "--model=m", f"--output={tmp_path}/o")
    assert code == 1
    assert one_sentence(err) == "export: Input/output error"


# --- predict and export ------------------------------------------------------------------


def test_a_model_that_is_not_there_is_refused(refused, tmp_path):
    """The flag and its value are in the message."""
    message = refused("export", f"--model={tmp_path}/none", f"--output={tmp_path}/o")
    assert message == f"--model={tmp_path}/none: there is no such file or folder"
    (tmp_path / "in.txt").write_text("hello\n")
    flags = [f"--input={tmp_path}/in.txt", f"--output={tmp_path}/out.jsonl"]
    message = refused("predict", f"--model={tmp_path}", *flags)
    assert message.startswith(f"--model={tmp_path}: is neither a run's model/ folder")
    assert files_in(tmp_path) == {"in.txt"}


def test_a_broken_model_folder_says_what_is_wrong(refused, tmp_path):
    """Which file it lacks, or what its block of config.json has lost; no word of a config."""
    model = tiny_run.write_vocabulary(tmp_path / "model")
    values = {"model_type": "bert", "vocab_size": 17, "tfsocial": {"tasks": {}}}
    (model / "config.json").write_text(json.dumps(values), "utf-8")
    message = refused("export", f"--model={model}", f"--output={tmp_path}/o")
    assert message == (
        f"{model}/config.json: its 'tfsocial' block cannot be used (pooling is missing); "
        "take the folder as the run left it"
    )
    (model / "vocab.txt").unlink()
    message = refused("export", f"--model={model}", f"--output={tmp_path}/o")
    assert message == f"{model}: is no model/ folder of a run; it lacks vocab.txt"


def test_a_checkpoint_without_heads_is_no_model(refused, moods, tmp_path):
    """A community checkpoint has no task yet, and the message says what to do about it."""
    vocabulary = tiny_run.write_vocabulary(tmp_path / "checkpoint")
    message = refused("export", f"--model={vocabulary}", f"--output={tmp_path}/o")
    assert "has no 'tfsocial' block" in message
    assert "train on it first" in message
    assert files_in(tmp_path) == {"checkpoint"}


def test_train_predict_and_export_work_one_after_the_other(said, moods, tmp_path):
    """The way of a first user: train, look at the report, ask the model and its SavedModel."""
    code, out, _ = said(*train_flags(moods, tmp_path / "run"))
    assert code == 0
    assert "dev / mood" in out
    assert f"model:       {tmp_path}/run/model" in out
    assert "| dev | mood | accuracy | " in (tmp_path / "run/model/README.md").read_text("utf-8")
    code, out, _ = said("export", f"--model={tmp_path}/run/model", f"--output={tmp_path}/saved")
    assert (code, out.partition(",")[0]) == (0, f"SavedModel: {tmp_path}/saved/1")
    (tmp_path / "in.txt").write_text("my card is good\n\nmy order is late\n")
    for model in ("run/model", "saved"):
        flags = [f"--input={tmp_path}/in.txt", f"--output={tmp_path}/out.jsonl", "--top=1"]
        code, _, err = said("predict", f"--model={tmp_path}/{model}", *flags)
        assert code == 0
        assert err == f"2 rows answered, 1 unreadable: {tmp_path}/out.jsonl\n"
        lines = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        assert [row["row"] for row in rows] == [0, 1, 2]
        assert [len(row["mood"]["probabilities"]) for row in (rows[0], rows[2])] == [1, 1]
        assert "in.txt:2: empty text" in rows[1]["error"]


def mixture_of(moods: Path) -> dict:
    """Two sources: train and dev of our own, and the rows of dev under another name and licence."""
    shutil.copy(moods / "dev.csv", moods / "open.csv")
    own = {
        "root": str(moods),
        "splits": {"train": "train.csv", "dev": "dev.csv"},
        "sampling_weight": 3,
    }
    other = {"root": str(moods), "splits": {"train": "open.csv"}, "sampling_weight": 1}
    return {
        "own": {**own, "name": "own tickets", "licence": "MIT"},
        "other": {**other, "name": "open tickets", "licence": "CC-BY-4.0"},
    }


def test_a_mixture_is_converted_and_trained_on(said, moods, tmp_path):
    """convert prints the part of the config that reads what it wrote; train takes it."""
    sources_of = mixture_of(moods)
    data = {**tiny_run.tree(moods)["data"], "mixture": sources_of}
    del data["splits"], data["root"], data["licence"]
    path = tiny_run.write_config(moods, data=data)
    flags = (f"--config={path}", f"--output={tmp_path / 'shards'}", "--shards=2")
    code, out, _ = said("convert", *flags)
    assert code == 0
    assert "data.mixture.own.splits.train: 16 examples in 2 shards, 0 bad rows left out" in out
    assert len(list((tmp_path / "shards" / "other").glob("train-*.tfrecord"))) == 2
    assert said("convert", *flags)[1] == out

    changes = yaml.safe_load(out.partition("read them with")[2])["data"]["mixture"]
    data["mixture"] = {name: {**own, **changes[name]} for name, own in sources_of.items()}
    path = tiny_run.write_config(moods, data=data)
    assert (
        said("train", f"--config={path}", f"--workdir={tmp_path / 'run'}", "--device=cpu")[0] == 0
    )
    record = json.loads((tmp_path / "run" / "provenance.json").read_text())
    given = {one["name"]: one for one in record["resources"] if one["role"] == "data"}
    assert given["own tickets"]["licence"] == "MIT"
    assert given["open tickets"]["licence_source"] == "data.mixture.other.licence of the config"
    assert given["own tickets"]["sha256"] != given["open tickets"]["sha256"]
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert "was tuned on open tickets and own tickets with" in card


def test_a_source_s_licence_is_checked_too(refused, moods, tmp_path):
    data = {**tiny_run.tree(moods)["data"], "mixture": mixture_of(moods)}
    del data["splits"], data["root"], data["licence"]
    data["mixture"]["other"]["licence"] = "CC-BY-NC-4.0"
    path = tiny_run.write_config(moods, data=data)
    message = refused("train", f"--config={path}", f"--workdir={tmp_path / 'run'}")
    assert "data.mixture.other.licence: CC-BY-NC-4.0 of the data (open tickets)" in message


def test_inspect_shows_each_source(said, moods, tmp_path):
    data = {**tiny_run.tree(moods)["data"], "mixture": mixture_of(moods)}
    del data["splits"], data["root"], data["licence"]
    path = tiny_run.write_config(moods, data=data)
    code, _, _ = said("inspect", f"--config={path}", f"--output={tmp_path / 'page'}")
    found = json.loads((tmp_path / "page" / "inspect.json").read_text())
    assert code == 0
    assert found["splits"]["train"]["files"] == ["open.csv", "train.csv"]
    assert found["splits"]["train"]["rows"] == 32
    assert {"own tickets", "open tickets"} <= {one["name"] for one in found["licences"]}


def test_convert_into_a_folder_of_other_data_is_refused(said, refused, moods, tmp_path):
    path = tiny_run.write_config(moods)
    flags = (f"--config={path}", f"--output={tmp_path / 'shards'}")
    assert said("convert", *flags)[0] == 0
    message = refused("convert", *flags, "--set=data.splits.train=[train.csv, dev.csv]")
    assert "is of another conversion (examples, sha256)" in message


def test_an_output_that_cannot_be_written_is_one_sentence(said, moods):
    path = tiny_run.write_config(moods)
    code, out, err = said("convert", f"--config={path}", f"--output={moods / 'train.csv'}")
    assert (code, out) == (1, "")
    assert "train.csv" in one_sentence(err)


def test_init_writes_a_folder_or_nothing(said, refused, moods, tmp_path, monkeypatch):
    """Called as the file, beside nothing that is there; a table it cannot use leaves nothing."""
    monkeypatch.chdir(tmp_path)
    code, out, _ = said("init", f"--data={moods / 'train.csv'}")
    assert code == 0
    assert out.splitlines()[-1].startswith("  tfsocial train --config=train/config.yaml")
    assert "is there already; name a new folder" in refused("init", f"--data={moods / 'train.csv'}")
    Path("empty.csv").write_text("")
    assert "empty.csv: is empty" in refused("init", "--data=empty.csv")
    assert "no such column; did you mean label?" in refused(
        "init", f"--data={moods / 'dev.csv'}", "--label=lable"
    )
    assert {path.name for path in tmp_path.iterdir()} >= {"train", "empty.csv"}
    assert not Path("empty").exists()
    assert not Path("dev").exists()
