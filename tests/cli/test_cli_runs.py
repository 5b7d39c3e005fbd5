"""`python -m tfsocial`: workdirs, wrong input of a run, inspect, the demo."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import tensorflow as tf
import tiny_run
import yaml
from said_by_commands import files_in, train_flags

from tfsocial.cli import demo

# What a run may leave that was stopped before its first step: no model, no curves.
BEFORE_STEP_ONE = {"quarantine.jsonl", "config.yaml", "provenance.json"}


# --- the workdir -------------------------------------------------------------------------


def test_show_augment_prints_texts_before_and_after(said, moods):
    """The ops, the first texts, what each becomes in two epochs; the same when asked again."""
    ops = "--set=data.augment=[{word_swap: {rate: 1.0}}]"
    masks = "--set=data.second_view=[{token_mask: {rate: 1.0}}]"
    asked = ["show-augment", f"--config={tiny_run.write_config(moods)}", "--samples=2", ops, masks]
    code, out, _ = said(*asked)
    assert code == 0
    assert out == said(*asked)[1]
    assert "- word_swap: {rate: 1.0, probability: 1.0}" in out
    blocks = [block.splitlines() for block in out.split("\n\n")[1:]]
    assert [before for before, *_ in blocks] == ["my card is good thanks", "the card is late"]
    assert [line.strip() for line in blocks[1][1:]] == [
        "augment     epoch 1: card the late is",
        "augment     epoch 2: card the late is",
        "second_view epoch 1: [MASK] [MASK] [MASK] [MASK]",
        "second_view epoch 2: [MASK] [MASK] [MASK] [MASK]",
    ]


def test_show_augment_without_ops_is_refused(refused, moods):
    """There is nothing to show."""
    config = f"--config={tiny_run.write_config(moods)}"
    assert refused("show-augment", config).startswith(
        "data.augment and data.second_view name no ops"
    )


def test_show_augment_shows_what_a_run_would_read(said, refused, moods):
    """Of a draw the texts that were drawn; without train nothing, and it says so."""
    flags = [f"--config={tiny_run.write_config(moods)}", "--set=data.augment=[word_swap]"]
    code, out, _ = said("show-augment", *flags, "--set=data.shots=1", "--epochs=1")
    assert (code, out.count("augment     epoch 1")) == (0, 2)
    none = "--set=data.splits={dev: dev.csv}"
    labels = "--set=tasks.mood.labels=[happy, sad]"
    assert "data.splits.train names no files" in refused("show-augment", *flags, none, labels)


@pytest.mark.parametrize(
    ("command", "flag"),
    [("train", "workdir"), ("export", "output"), ("predict", "output"), ("inspect", "output")],
)
def test_what_is_written_lies_on_this_machine(refused, moods, tmp_path, monkeypatch, command, flag):
    """gs:// would become a folder of that name here."""
    monkeypatch.chdir(tmp_path)
    config = [f"--config={tiny_run.write_config(moods)}"]
    (tmp_path / "in.txt").write_text("a")
    given = {
        "train": config,
        "inspect": config,
        "export": [f"--model={moods}"],
        "predict": [f"--model={moods}", f"--input={tmp_path}/in.txt"],
    }
    message = refused(command, *given[command], f"--{flag}=gs://b/there")
    assert message.startswith(f"--{flag}=gs://b/there: has to be a local path")
    assert not (tmp_path / "gs:").exists()


def test_a_workdir_with_files_of_nobody_s_run_is_left_alone(refused, moods, tmp_path):
    """Nothing is overwritten or mixed with a run."""
    (tmp_path / "notes.txt").write_text("old")
    message = refused(*train_flags(moods, tmp_path))
    assert message.startswith(f"--workdir={tmp_path}: holds files, but no config.yaml of a run")
    assert files_in(tmp_path) == {"notes.txt"}
    assert (tmp_path / "notes.txt").read_text() == "old"


def test_a_workdir_of_another_run_is_left_alone(refused, moods, tmp_path):
    """Its config says that it is another one; the changed key is named."""
    (tmp_path / "config.yaml").write_text("seed: 3")
    message = refused(*train_flags(moods, tmp_path))
    assert "holds a run of another config; changed: " in message
    assert "seed" in message
    assert files_in(tmp_path) == {"config.yaml"}
    assert (tmp_path / "config.yaml").read_text() == "seed: 3"


def test_a_step_too_large_for_the_memory_says_what_to_do(
    said, moods, tmp_path, monkeypatch, caplog
):
    """The allocator's own error; that it comes is pretended, for want of a small device."""
    from tfsocial.training.social_model import SocialModel

    def too_much(self, *_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nmore")

    monkeypatch.setattr(SocialModel, "fit", too_much)
    assert said(*train_flags(moods, tmp_path / "run"))[0] == 1
    assert "training.micro_batches" in caplog.text
    assert "training.gradient_checkpointing" in caplog.text
    assert "preflight" in caplog.text
    assert "(OOM when allocating)" in caplog.text


def test_a_workdir_inside_a_file_cannot_be_made(refused, moods, tmp_path):
    """The system's reason is passed on."""
    (tmp_path / "file").touch()
    message = refused(*train_flags(moods, tmp_path / "file" / "run"))
    assert message == f"--workdir={tmp_path}/file/run: cannot be used (Not a directory)"


def test_a_config_error_comes_before_the_workdir(refused, moods, tmp_path):
    """A typing error leaves nothing behind."""
    refused(*train_flags(moods, tmp_path / "run", "training.epoch=3"))
    assert not (tmp_path / "run").exists()


def test_after_mending_the_data_the_same_command_runs(refused, moods, tmp_path):
    """The quarantine file of a stopped run does not bar its folder."""
    flags = train_flags(moods, tmp_path / "run", "tasks.mood.labels=[happy, glad]")
    assert "no label 'sad'" in refused(*flags)
    assert files_in(tmp_path / "run") == {"quarantine.jsonl"}
    assert "no label 'sad'" in refused(*flags)


# --- wrong input of train ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("assignment", "parts"),
    [
        ("data.text=body", ["train.csv", "'body'", "data.text"]),
        ("tasks.mood.column=lable", ["train.csv", "'lable'", "did you mean label?"]),
        ("tasks.mood.labels=[happy, glad]", ["train.csv:3:", "'sad'", "tasks.mood.labels"]),
        ("tasks.mood.ood_label=other", ["tasks.mood.ood_label", "'other'"]),
        ("tasks.mood.kind=regress", ["16 of 16 rows", "train.csv:2:", "is not a number"]),
        ("tasks.mood.loss.name=mean_squared_error", ["tasks.mood.loss", "kinds regress"]),
        ("data.splits.train=none.csv", ["data.splits.train", "'none.csv'", "data.root"]),
        ("data.splits.train=[]", ["data.splits.train", "tasks.mood.labels"]),
        ("objectives.papers.rdrop.weight=1", ["objectives.papers.rdrop", "did you mean r_drop?"]),
        ("objectives.papers.r_drop.wait=1", ["objectives.papers.r_drop.wait", "weight?"]),
        ("model.checkpoint=package:not_there", ["model.checkpoint", "package:not_there"]),
        ("model.checkpoint=/not/there", ["model.checkpoint", "/not/there"]),
        ("objectives.papers.fgm.epsilon=true", ["objectives.papers.fgm.epsilon is true; input"]),
        ("model.random.heads=5", ["model.random", "hidden_size (32)", "heads (5)"]),
        ("data.licence=unknown", ["nothing says under which licence", "data.licence_ack='WHY'"]),
        (
            "data.licence=CC-BY-NC-SA-4.0",
            ["forbids commercial use", "licence_policy=noncommercial"],
        ),
        ("data.licence=CC-BY-SA-4.0", ["carries the same licence", "data.licence_ack='WHY'"]),
        ("data.licence=Apache2", ["no known SPDX id", "did you mean Apache-2.0?"]),
        ("model.licence=MIT", ["model.licence is MIT", "README.md", "says Apache-2.0"]),
        ("training.epochs=true", ["training.epochs is true; input should be a number"]),
    ],
)
def test_what_is_wrong_before_step_one_is_said_in_a_sentence(
    refused, moods, tmp_path, assignment, parts
):
    """File, line or key, and what was expected; exit 2 and no model, curve or half of one."""
    message = refused(*train_flags(moods, tmp_path / "run", assignment))
    assert not [part for part in parts if part not in message], message
    assert files_in(tmp_path / "run") <= BEFORE_STEP_ONE


def test_a_refused_licence_leaves_nothing_behind(refused, moods, tmp_path):
    """Not even the quarantine: it is said before any row is read."""
    flags = train_flags(moods, tmp_path / "run", "data.licence=unknown", "data.splits.train=no.csv")
    assert refused(*flags).startswith("data.licence: ")
    assert files_in(tmp_path / "run") == set()


def test_m0_without_a_licence_is_refused(refused, moods, tmp_path):
    """What a model is made from are its first weights too."""
    vocabulary = tiny_run.write_vocabulary(tmp_path / "m0")
    (vocabulary / "README.md").unlink()
    where = f"model.random.vocabulary={vocabulary}"
    message = refused(*train_flags(moods, tmp_path / "run", where))
    assert f"nothing says under which licence the checkpoint ({vocabulary}) may be used" in message
    assert "--set model.licence=SPDX-ID" in message


def test_texts_do_not_get_into_messages(refused, tmp_path):
    """A bad row is named by its line; what somebody wrote stays in the quarantine file."""
    folder = tiny_run.write_moods(tmp_path / "data")
    secret = "my card number is 4111"
    with (folder / "train.csv").open("a", encoding="utf-8") as file:
        file.write(f"{secret},happy,too many fields\n")
    message = refused(*train_flags(folder, tmp_path / "run"))
    assert "train.csv:18: wrong number of fields" in message
    assert "4111" not in message
    assert secret in (tmp_path / "run" / "quarantine.jsonl").read_text("utf-8")


@pytest.mark.parametrize("device", ["gpux", "tpu"])
def test_an_unknown_device_is_refused(refused, moods, tmp_path, device):
    """The last --device counts, and it has to be one there is."""
    message = refused(*train_flags(moods, tmp_path / "run"), f"--device={device}")
    assert message.startswith(f"--device={device}: ")
    assert not files_in(tmp_path / "run")


# --- inspect -----------------------------------------------------------------------------


def test_inspect_prints_and_writes_where_it_is_told(said, moods, tmp_path):
    """Nothing is written unasked; asked, again into the same folder, a page and its facts."""
    flags = ["inspect", f"--config={tiny_run.write_config(moods)}"]
    code, out, _ = said(*flags)
    assert code == 0
    assert "rows that stand twice" in out
    assert "Rows of dev that stand in train too: 16, and 0 nearly so" in out
    assert "my card is good thanks" not in out
    assert "--output=DIR" in out
    for _ in range(2):
        code, out, _ = said(*flags, f"--output={tmp_path}/report", "--near=0.9")
        assert code == 0
        assert f"page: {tmp_path}/report/inspect.html" in out
    names = {"inspect.html", "inspect.json", "inspect.txt", "quarantine.jsonl"}
    assert files_in(tmp_path / "report") == names
    assert "my card is good thanks" in (tmp_path / "report" / "inspect.html").read_text("utf-8")
    assert (
        json.loads((tmp_path / "report" / "inspect.json").read_text("utf-8"))["repeats"][
            "threshold"
        ]
        == 0.9
    )


def test_inspect_refuses_what_train_refuses(refused, moods, tmp_path):
    """A wrong key, a missing file, a folder in use."""
    path = tiny_run.write_config(moods)
    assert "training.epoch" in refused("inspect", f"--config={path}", "--set=training.epoch=3")
    message = refused("inspect", f"--config={path}", "--set=data.splits.dev=none.csv")
    assert "data.splits.dev: 'none.csv' matches no file" in message
    assert "near" in refused("inspect", f"--config={path}", "--near=0.1")
    (tmp_path / "notes.txt").touch()
    message = refused("inspect", f"--config={path}", f"--output={tmp_path}")
    assert message == f"--output={tmp_path}: holds files already; name a new folder"


@pytest.mark.skipif("TFSOCIAL_DATA" not in os.environ, reason="open data: set TFSOCIAL_DATA")
@pytest.mark.parametrize(
    ("name", "licence", "remedy"),
    [
        ("airline_opinion", "CC-BY-NC-SA-4.0", "--set data.licence_policy=noncommercial"),
        ("sst2", "unknown", "--set data.licence_ack='WHY'"),
        ("trec6", "unknown", "--set data.licence_ack='WHY'"),
    ],
)
def test_open_data_that_sets_terms_is_refused(refused, moods, tmp_path, name, licence, remedy):
    """Non-commercial and of unknown licence: not unless somebody says so."""
    root = Path(os.environ["TFSOCIAL_DATA"]) / name
    flags = train_flags(moods, tmp_path / "run", f"data.root={root}", f"data.licence={licence}")
    assert remedy in refused(*flags, f"--set=data.name={name}")


def test_a_recipe_lies_over_a_config(said, refused, moods, tmp_path):
    """The second file wins; one more start with another one goes on only if told to. Beside each
    score stand those of the baselines.
    """
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("training: {epochs: 2}\nreport: {baselines: true}\n")
    flags = [*train_flags(moods, tmp_path / "run"), f"--config={recipe}"]
    assert said(*flags)[0] == 0
    report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))["dev"]["mood"]
    assert report["baselines"].keys() == {"majority", "tfidf_linear"}
    text = (tmp_path / "run" / "report.txt").read_text("utf-8")
    assert "majority" in text
    assert "TF-IDF + linear SVM" in text

    recipe.write_text("training: {epochs: 3}\nreport: {baselines: true}\n")
    assert "changed: training.epochs. " in refused(*flags)
    assert said(*flags, "--accept_changes")[0] == 0
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert max(steps) == 12


def test_the_demo_trains_exports_and_answers(said, moods, tmp_path, monkeypatch):
    """With a tiny config in place of the help desk's."""
    settings = tiny_run.tree(moods) | {"tasks": {"intent": {"column": "label"}}}
    (moods / "demo.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    rows = [("happy", "You are welcome."), ("sad", "We are sorry.")]
    tiny_run.write_csv(moods / "answers.csv", ("label", "answer"), rows)
    monkeypatch.setattr(demo, "CONFIG", moods / "demo.yaml")
    code, out, _ = said("demo", f"--workdir={tmp_path / 'run'}")
    assert code == 0
    assert (tmp_path / "run" / "served" / "1" / "saved_model.pb").exists()
    assert re.search(r"curl -d '.*' http://127\.0\.0\.1:\d+/v1/models/demo:predict", out)
    for question in demo.QUESTIONS:
        said_of_it = out.split(f"> {question}\n")[1].splitlines()[0]
        assert re.fullmatch(r"  (happy|sad) \(\d+%\): (You are welcome|We are sorry)\.", said_of_it)
