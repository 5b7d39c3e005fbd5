"""Ctrl-C ends each command in one sentence, and leaves nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tfsocial import __main__, files
from tfsocial.back_translation import filling
from tfsocial.cli import objectives
from tfsocial.serving import loading, predictor

# A converter whose second shard is asked to stop after its first record.
CONVERTER = """
import os, signal, sys
from tfsocial import __main__
from tfsocial.data.reading import tfrecord

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
write, written = tfrecord.write, []

def stopped(path, records):
    written.append(path)
    def some():
        for record in records:
            yield record
            if len(written) == 2:
                os.kill(os.getpid(), signal.SIGINT)
    write(path, some())

if sys.argv[1] == "stopped":
    tfrecord.write = stopped
sys.exit(__main__.main(sys.argv[2:]))
"""


@pytest.fixture(autouse=True)
def _heard():
    """Ctrl-C is heard here, also where a shell has it ignored for what runs in its background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def config(tmp_path) -> Path:
    rows = [{"text": f"text {number}", "label": "ab"[number % 2]} for number in range(12)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "train.jsonl").write_text(lines, "utf-8")
    path = tmp_path / "config.yaml"
    data = {"root": str(tmp_path), "splits": {"train": "train.jsonl"}}
    path.write_text(yaml.safe_dump({"data": data}))
    return path


def sentence(err: str) -> str:
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in err
    return line


@pytest.mark.long
def test_a_conversion_goes_on_with_the_shard_that_was_not_finished(config, tmp_path):
    """A real signal to a real process: the finished shard stays, and the same command ends."""

    def convert(how: str) -> subprocess.CompletedProcess:
        flags = [f"--config={config}", f"--output={tmp_path / 'out'}", "--shards=3"]
        command = [sys.executable, "-c", CONVERTER, how, "convert", *flags]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    ended = convert("stopped")
    assert ended.returncode == 130
    said = "error: stopped by Ctrl-C; finished shards are kept: the same command goes on"
    assert sentence(ended.stderr).startswith(said)
    (manifest,) = (tmp_path / "out").rglob("*.json")
    assert len(json.loads(manifest.read_text())["finished"]) == 1
    again = convert("whole")
    assert (again.returncode, "12 examples in 3 shards" in again.stdout) == (0, True)


def test_a_prediction_leaves_the_output_as_it_was(tmp_path, monkeypatch, capsys):
    """The line that was written goes with its file."""

    def answers(*_):
        yield {"mood": "happy"}
        press_ctrl_c()
        yield {"mood": "sad"}

    manifest = SimpleNamespace(tasks={"mood": None}, text_columns=("text",), features={})
    monkeypatch.setattr(loading, "load_predictor", lambda _: SimpleNamespace(manifest=manifest))
    monkeypatch.setattr(predictor, "answers", answers)
    source, target = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("one\ntwo\n")
    target.write_text("before")
    flags = [f"--model={tmp_path}", f"--input={source}", f"--output={target}"]
    assert __main__.main(["predict", *flags]) == 130
    assert "as it was before: the same command answers all rows" in sentence(
        capsys.readouterr().err
    )
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "out.jsonl"]


def test_an_augmentation_says_that_paraphrases_are_kept(config, monkeypatch, capsys):

    monkeypatch.setattr(filling, "fill", lambda *_: press_ctrl_c())
    assert __main__.main(["augment", f"--config={config}"]) == 130
    assert "data.back_translation.cache" in sentence(capsys.readouterr().err)


def test_every_command_ends_in_a_sentence(config, monkeypatch, capsys):
    """One that has none of its own as well."""

    monkeypatch.setattr(objectives, "main", lambda _: press_ctrl_c())
    assert __main__.main(["objectives"]) == 130
    assert sentence(capsys.readouterr().err).endswith("Ctrl-C; the same command begins anew")


def test_a_file_that_is_written_whole_survives(tmp_path):
    """What `files.replacing` promises holds for Ctrl-C, which is no Exception."""
    path = tmp_path / "notes.txt"
    path.write_text("before")

    def write() -> None:
        with files.replacing(path) as partial:
            partial.write_text("half")
            press_ctrl_c()

    with pytest.raises(KeyboardInterrupt):
        write()
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("notes.txt", "before")]
