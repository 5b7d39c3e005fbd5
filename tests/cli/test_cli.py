"""`python -m tfsocial`: what a user sees who asks, mistypes, or has bad luck with a disk."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from said_by_commands import one_sentence, train_flags

import tfsocial
from tfsocial import __main__, cli

ROOT = Path(__file__).parents[2]


COMMANDS = (
    *("init", "train", "evaluate", "predict", "export", "schema", "objectives", "demo"),
    *("inspect", "convert", "augment", "show-augment", "preflight", "data-service"),
    *("batch-predict", "compose", "compress", "tf-serving", "triton", "tune", "fit"),
    *("select", "label", "serve", "keys", "audit", "drift", "support", "monitor", "monitor-batch"),
    *("recommend", "recommend-fit", "recommend-teach"),
)


# --- the door ----------------------------------------------------------------------------


def test_no_command_shows_the_usage(said):
    """Exit 2, since nothing was done, with every command there is."""
    code, out, _ = said()
    assert code == 2
    assert out.startswith("usage: tfsocial COMMAND --flags;")
    listed = dict(line.split(maxsplit=1) for line in out.splitlines() if line.startswith("  "))
    assert set(listed) == set(COMMANDS)
    assert listed["export"].startswith("Writes a model for servers: a SavedModel that takes plain")


def test_every_file_of_cli_is_a_command_of_one_group():
    """A new command is a file and a word in the table."""
    grouped = [name.replace("-", "_") for name in __main__.COMMANDS]
    assert sorted(grouped) == sorted(module.name for module in pkgutil.iter_modules(cli.__path__))


def test_the_version_is_the_package_s(said):
    assert said("--version") == (0, f"tfsocial {tfsocial.__version__}\n", "")


@pytest.mark.parametrize("asked", ["--help", "-h", "help"])
def test_asking_for_help_is_no_error(said, asked):
    """The same usage with exit 0."""
    code, out, err = said(asked)
    assert (code, err) == (0, "")
    assert out.startswith("usage: tfsocial COMMAND")


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
