"""Every command in an environment that also has PyTorch: most people's, Colab's among them.

PyTorch and TensorFlow in one process end in a segmentation fault with some pairs of builds, so
TensorFlow's process must never load PyTorch. `make test-all` makes such an environment and runs
this there; elsewhere it is skipped.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="this environment has no PyTorch; make test-all makes one that has",
)


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    """A tiny run's config, with paraphrases that somebody made."""
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    tiny_run.write_csv(folder / "pairs.csv", ("text", "paraphrase"), [("nice order", "good order")])
    own = f"file: pairs.csv, cache: {folder}, similarity: null, licence: CC0-1.0"
    paraphrases = f"{{translator: pairs, {own}}}"
    return tiny_run.write_config(
        folder,
        f"data.back_translation={paraphrases}",
        "data.augment=[{back_translation: {probability: 0.3}}, {word_drop: {rate: 0.1}}]",
    )


@pytest.fixture(scope="module")
def paraphrased(config, command) -> Path:
    """The config, its cache of paraphrases filled."""
    command("augment", f"--config={config}")
    return config


@pytest.fixture(scope="module")
def run(paraphrased, config, command) -> Path:
    """The folder of a finished run."""
    workdir = config.parent / "run"
    command("train", f"--config={config}", f"--workdir={workdir}", "--device=cpu")
    return workdir


@pytest.fixture(scope="module")
def saved_model(run, command) -> Path:
    """The run's SavedModel."""
    output = run / "saved_model"
    command("export", f"--model={run / 'model'}", f"--output={output}")
    return output


@pytest.fixture(scope="module")
def command():
    """`command(*arguments)`: runs `python -m tfsocial` in a process of its own; it must end with 0.

    The choice between TensorFlow and PyTorch is tfsocial's to make, so the variables that could
    make it beforehand are taken away.
    """

    def call(*arguments: str) -> str:
        surroundings = {k: v for k, v in os.environ.items() if k not in ("USE_TF", "USE_TORCH")}
        done = subprocess.run(
            [sys.executable, "-m", "tfsocial", *arguments],
            env=surroundings,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr[-2000:]}"
        return done.stdout

    return call


@pytest.mark.parametrize("name", ["schema", "objectives"])
def test_pages(command, name):
    assert command(name)


@pytest.mark.parametrize("name", ["inspect", "show-augment"])
def test_before_a_run(command, paraphrased, name):
    command(name, f"--config={paraphrased}")


def test_convert(command, config):
    command("convert", f"--config={config}", f"--output={config.parent / 'shards'}")


def test_train(run):
    assert (run / "report.json").is_file()


def test_a_trained_model_is_the_next_checkpoint(command, config, run):
    command(
        "train",
        f"--config={config}",
        f"--workdir={config.parent / 'next'}",
        f"--set=model.checkpoint={run / 'model'}",
        "--device=cpu",
    )


@pytest.mark.parametrize("form", ["run", "saved_model"])
def test_predict(command, request, run, form, tmp_path):
    model = request.getfixturevalue(form)
    source, target = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("my card is late\n", "utf-8")
    folder = model / "model" if form == "run" else model
    command("predict", f"--model={folder}", f"--input={source}", f"--output={target}")
    assert "mood" in target.read_text("utf-8")


@pytest.mark.parametrize("form", ["run", "saved_model"])
def test_evaluate(command, request, config, form, tmp_path):
    model = request.getfixturevalue(form)
    folder = model / "model" if form == "run" else model
    flags = [
        f"--model={folder}",
        f"--data={config.parent / 'dev.csv'}",
        f"--output={tmp_path / 'e'}",
    ]
    command("evaluate", *flags, "--label=mood:label")
    assert (tmp_path / "e" / "evaluation.json").is_file()


def test_init(command, config, tmp_path):
    data = config.parent / "train.csv"
    assert "tfsocial train" in command("init", f"--data={data}", f"--output={tmp_path / 'new'}")
