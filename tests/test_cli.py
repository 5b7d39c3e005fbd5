"""`python -m tfsocial`: what a user sees who asks, mistypes, or has bad luck with a disk."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
import tiny_run
import yaml

from tfsocial import __main__, cli
from tfsocial.cli import demo

ROOT = Path(__file__).parents[1]
COMMANDS = (
    *("train", "evaluate", "predict", "export", "schema", "objectives", "demo"),
    *("inspect", "convert", "augment", "show-augment", "preflight", "data-service"),
)
# What a run may leave that was stopped before its first step: no model, no curves.
BEFORE_STEP_ONE = {"quarantine.jsonl", "config.yaml", "provenance.json"}


@pytest.fixture(scope="module")
def moods(tmp_path_factory) -> Path:
    """A folder with train.csv and dev.csv."""
    return tiny_run.write_moods(tmp_path_factory.mktemp("moods"))


@pytest.fixture
def said(capsys):
    """`said(*arguments)`: exit code, stdout and stderr of a command run in this process."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = __main__.main(list(arguments))
        except SystemExit as leaving:
            code = leaving.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def refused(said):
    """`refused(*arguments)`: the one sentence with which a command exits 2."""

    def run(*arguments: str) -> str:
        code, out, err = said(*arguments)
        assert (code, out) == (2, "")
        return one_sentence(err)

    return run


def one_sentence(err: str) -> str:
    """The message of a stderr that holds one line, `error: ...`, and no traceback."""
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in err
    return line.removeprefix("error: ")


def train_flags(folder: Path, workdir: Path, *assignments: str) -> list[str]:
    """Arguments of a tiny training run."""
    path = tiny_run.write_config(folder)
    overrides = [f"--set={assignment}" for assignment in assignments]
    return ["train", f"--config={path}", f"--workdir={workdir}", "--device=cpu", *overrides]


def files_in(folder: Path) -> set[str]:
    """Names in a folder, none if it is not there."""
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


# --- the door ----------------------------------------------------------------------------


def test_no_command_shows_the_usage(said):
    """Exit 2, since nothing was done, with every command there is."""
    code, out, _ = said()
    assert code == 2
    assert out.startswith("usage: python -m tfsocial COMMAND --flags\n")
    assert set(COMMANDS) <= set(re.findall(r"[\w-]+", out.splitlines()[1]))


@pytest.mark.parametrize("asked", ["--help", "-h", "help"])
def test_asking_for_help_is_no_error(said, asked):
    """The same usage with exit 0."""
    code, out, err = said(asked)
    assert (code, err) == (0, "")
    assert out.startswith("usage: python -m tfsocial COMMAND")


def test_an_unknown_command_suggests_the_nearest(said):
    """One line on stderr, exit 2."""
    code, out, err = said("trian", "--config=x")
    assert (code, out, err) == (2, "", "trian: is not a command; did you mean train?\n")


def test_an_unknown_command_like_no_other_lists_all(said):
    """Nothing close: what there is."""
    code, _, err = said("zzz")
    assert code == 2
    assert err.startswith("zzz: is not a command; allowed: ")
    assert all(command in err for command in COMMANDS)


def test_a_command_with_a_path_in_it_is_none(said):
    """Only the names of the listed files are commands, nothing that could be imported."""
    assert said("../config")[0] == 2
    assert said("__init__")[0] == 2
    assert said("train.FLAGS")[0] == 2


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_each_command_has_help(said, command, asked):
    """What it is for and its flags, exit 0, even beside flags that are wrong."""
    code, out, _ = said(command, "--bogus=1", asked)
    assert code == 0
    assert out.strip()
    if command in ("train", "demo"):
        assert "--workdir" in out


def test_the_package_runs_as_a_program(tmp_path):
    """`python -m tfsocial` in a process of its own: exit code and streams are the command's."""
    run = subprocess.run(
        [sys.executable, "-m", "tfsocial", "train", "--config=none.yaml", f"--workdir={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stdout == ""
    assert one_sentence(run.stderr) == "none.yaml: there is no such config file"


# --- flags -------------------------------------------------------------------------------


def test_an_unknown_flag_is_named(refused):
    """A flag that is none."""
    assert "bogus" in refused("train", "--config=a", "--workdir=b", "--bogus=1")


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        (["train", "--workdir=w"], "config"),
        (["train", "--config=c"], "workdir"),
        (["predict", "--model=m", "--input=i"], "output"),
        (["export", "--output=o"], "model"),
        (["inspect", "--output=o"], "config"),
    ],
)
def test_a_missing_flag_is_named(refused, flags, missing):
    """A required flag left out."""
    assert f"--{missing}" in refused(*flags)


def test_a_flag_of_the_wrong_type_is_named(refused):
    """A word where a number is asked for, and a number outside its range."""
    flags = ["predict", "--model=m", "--input=i", "--output=o"]
    assert "top" in refused(*flags, "--top=all")
    assert "top" in refused(*flags, "--top=-1")


def test_a_stray_word_is_named(refused):
    """A forgotten `--` is not silently ignored."""
    message = refused("train", "--config=c", "--workdir=w", "seed=3")
    assert message == "seed=3: is not a flag; write --NAME=VALUE"


def test_flags_do_not_outlive_their_command(refused, moods, tmp_path):
    """Two commands in one process, as in a notebook: the second has none of the first's flags."""
    assert "zzz" in refused(*train_flags(moods, tmp_path / "w", "zzz=1"))
    assert "zzz" not in refused(*train_flags(moods, tmp_path / "w", "yyy=1"))
    assert "--config" in refused("train", f"--workdir={tmp_path / 'w'}")


def test_the_schema_is_printed_for_editors(said):
    """`schema` writes JSON on stdout and nothing else."""
    code, out, err = said("schema")
    assert (code, err) == (0, "")
    assert "data" in json.loads(out)["properties"]


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
    (moods / "helpdesk").mkdir()
    rows = [("happy", "You are welcome."), ("sad", "We are sorry.")]
    tiny_run.write_csv(moods / "helpdesk" / "answers.csv", ("label", "answer"), rows)
    monkeypatch.setattr(demo, "CONFIG", moods / "demo.yaml")
    code, out, _ = said("demo", f"--workdir={tmp_path / 'run'}")
    assert code == 0
    assert (tmp_path / "run" / "saved_model" / "saved_model.pb").exists()
    for question in demo.QUESTIONS:
        said_of_it = out.split(f"> {question}\n")[1].splitlines()[0]
        assert re.fullmatch(r"  (happy|sad) \(\d+%\): (You are welcome|We are sorry)\.", said_of_it)


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

    def broken(flag, value):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(cli, "existing", broken)
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
    assert (code, out) == (0, f"SavedModel: {tmp_path}/saved\n")
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
