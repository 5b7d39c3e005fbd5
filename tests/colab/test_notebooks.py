"""The notebooks of colab/: how they are made, and each run once on small settings."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import nbformat
import pytest
from nbformat import NotebookNode

import tfsocial
from colab import run

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "colab").glob("*.ipynb"))
READ_ONLY = "06_cloud_tpu_vm"
TINY = {
    "model.checkpoint": "random",
    "model.random.layers": 1,
    "model.random.hidden_size": 32,
    "model.random.heads": 4,
    "model.random.intermediate_size": 64,
    "training.max_steps": 2,
    "training.compile": "graph",
    "training.precision": "float32",
    "data.rows": 4,
}
ONCE = {"EPOCHS": 1, "OVERRIDES": TINY}
SMALL = {
    "01_quick_start": {**ONCE, "CSV": "small.csv"},
    "02_the_formula": {**ONCE, "SHOTS": 2, "SEEDS": [0]},
    "03_few_labels": {
        **ONCE,
        "SHOTS": [2],
        "SEEDS": [0],
        "POOL_SHOTS": 2,
        "POOL_EPOCHS": 1,
        "POOL_EPOCH_EXAMPLES": 100,
    },
    "04_augmentation_and_data": {**ONCE, "SHOTS": 2, "SEEDS": [0]},
    "08_customer_service": {"CHECKPOINT": "random"},
    "09_opinion_monitor": {"LAST": 120},
    "10_recommender": {"CUSTOMERS": 200},
    "07_which_texts_to_label": {**ONCE, "EACH": 20, "ROUNDS": 2, "SEEDS": [0]},
    "05_export_and_query": {**ONCE, "LAYERS": 1, "MAX_LOSS": 100.0},
}
# A path from the root of a file system, a time, a progress bar: of the machine that ran it.
MACHINE = re.compile(r"(?<![\w:./])/(?:tmp|home|root|work|usr|content|var)/|\d+:\d\d:\d\d|it/s\]")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request) -> NotebookNode:
    return nbformat.read(request.param, as_version=4)


def code_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_it_is_a_notebook_as_the_runner_writes_it(notebook):
    """Valid, with cells numbered; what a run adds of its machine is gone."""
    nbformat.validate(notebook)
    before = nbformat.writes(notebook)
    run.tidy(notebook)
    assert nbformat.writes(notebook) == before


def test_it_opens_with_what_one_gets_then_installs_then_has_settings(notebook):
    """The code that installs is the same in all; settings are plain assignments."""
    assert notebook.cells[0].source.startswith("# ")
    installs, settings = code_of(notebook)[:2]
    first = code_of(nbformat.read(NOTEBOOKS[0], as_version=4))[0]
    assert ast.dump(ast.parse(installs.source)) == ast.dump(ast.parse(first.source))
    assert settings is notebook.cells[run.parameters(notebook)]
    for line in ast.parse(settings.source).body:
        assert isinstance(line, ast.Assign)
        ast.literal_eval(line.value)


def test_what_it_printed_is_kept_and_nothing_failed(notebook, request):
    """Pictures are small, and nothing tells of the machine."""
    outputs = [one for cell in code_of(notebook) for one in cell.outputs]
    assert bool(outputs) == (READ_ONLY not in request.node.name)
    for output in outputs:
        assert output.output_type in ("stream", "display_data", "execute_result")
        data = output.get("data", {})
        assert len(data.get("image/png", "")) < 100_000
        assert not MACHINE.search(output.get("text", "") + data.get("text/plain", ""))


def test_cells_ran_from_top_to_bottom(notebook, request):
    counts = [cell.execution_count for cell in code_of(notebook)]
    ran = READ_ONLY not in request.node.name
    assert counts == (list(range(1, len(counts) + 1)) if ran else [None] * len(counts))
    tagged = [run.NOT_RUN in cell.metadata.get("tags", ()) for cell in code_of(notebook)]
    assert any(tagged) is not ran


def test_every_name_of_tfsocial_in_it_exists(notebook):
    for cell in code_of(notebook):
        if cell.source.startswith("%%"):
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id != "tfsocial" or node.attr in tfsocial.__all__
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfsocial"):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "colab").glob("*.zh-CN.ipynb")), ids=lambda p: p.stem
)
def test_a_translation_has_the_same_code(path):
    """Apart from comments, and with as many cells."""
    original = path.with_name(path.name.replace(".zh-CN", ""))
    one, other = (nbformat.read(file, as_version=4) for file in (original, path))
    assert [cell.cell_type for cell in one.cells] == [cell.cell_type for cell in other.cells]
    for ours, theirs in zip(code_of(one), code_of(other), strict=True):
        assert ast.dump(ast.parse(ours.source)) == ast.dump(ast.parse(theirs.source))


def test_the_first_cell_installs_from_a_copy_of_the_repository(monkeypatch):
    """Where tfsocial is not: a clone, its pinned versions, M0 without what it asks for."""
    source = code_of(nbformat.read(NOTEBOOKS[0], as_version=4))[0].source
    started = mock.Mock()
    monkeypatch.setattr(subprocess, "run", started)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: SimpleNamespace(origin=None))
    with pytest.raises(RuntimeError, match="into REPOSITORY"):
        exec(source, {})
    assert not started.called
    shell = mock.Mock()
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi")
    exec(source.replace('REPOSITORY = ""', 'REPOSITORY = "here"'), {"get_ipython": shell})
    clone, *installs = (call.args[0] for call in started.call_args_list)
    assert clone[-2:] == ["here", "repository"]
    assert [call.kwargs.get("cwd") for call in started.call_args_list[1:]] == ["repository"] * 2
    assert installs[0][-4:] == [
        ".[apps,litert]",
        "tensorflow[and-cuda]==2.20.0",
        "-c",
        "constraints.txt",
    ]
    assert installs[1][-3:] == ["--no-deps", "-r", "requirements-m0.txt"]
    assert (ROOT / installs[0][-1]).is_file()
    assert (ROOT / installs[1][-1]).is_file()
    assert shell().kernel.do_shutdown.called


def test_lines_of_the_machine_are_not_kept():
    """Log lines go, also those that TensorFlow prints among the others."""
    texts = [
        ("stderr", "100%|####| 3/3 [00:01]\n"),
        ("stdout", "a\nINFO:tensorflow:Assets written to: x.6e54\nb\n"),
        ("stdout", "c\n"),
    ]
    outputs = [nbformat.v4.new_output("stream", name=name, text=text) for name, text in texts]
    cell = nbformat.v4.new_code_cell("1", outputs=outputs)
    run.tidy(nbformat.v4.new_notebook(cells=[cell]))
    assert [(one.name, one.text) for one in cell.outputs] == [("stdout", "a\nb\nc\n")]


@pytest.mark.long(minutes=1)
@pytest.mark.parametrize("name", SMALL)
def test_it_runs(name, tmp_path):
    """From top to bottom, by a tiny encoder; M0's tokenizer reads the texts."""
    lines = (resources.files("tfsocial") / "demo" / "train.csv").read_text("utf-8").splitlines()
    (tmp_path / "small.csv").write_text("\n".join([lines[0], *lines[1::10]]), "utf-8")
    notebook = nbformat.read(ROOT / "colab" / f"{name}.ipynb", as_version=4)
    run.execute(notebook, tmp_path, SMALL[name])
    assert all(cell.execution_count for cell in code_of(notebook))


def test_all_that_can_run_are_run():
    """A translation has the code of its original."""
    originals = {path.stem for path in NOTEBOOKS if not path.stem.endswith(".zh-CN")}
    assert originals - {READ_ONLY} == set(SMALL)
