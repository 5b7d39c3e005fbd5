"""The repository for Triton; that a real Triton runs it, see test_triton."""

from __future__ import annotations

import pytest

from tfsocial import __main__
from tfsocial.serving.triton import repository


def test_the_config_has_the_tensors_of_the_signature():
    """A number a text is [n, 1] in Triton; the batch's dimension is not among its dims."""
    signature = {
        "inputs": {"text": ["string", None]},
        "outputs": {"label": ["string", None], "probabilities": ["float32", None, 3]},
    }
    lines = repository.model_config("tickets", "/models/tickets/4", signature, 9).splitlines()
    assert 'input { name: "text" data_type: TYPE_STRING dims: [ 1 ] }' in lines
    assert 'output { name: "label" data_type: TYPE_STRING dims: [ 1 ] }' in lines
    assert 'output { name: "probabilities" data_type: TYPE_FP32 dims: [ 3 ] }' in lines
    assert "  default_queue_policy { max_queue_size: 9 }" in lines
    (folder,) = [line for line in lines if "saved_model" in line]
    assert 'string_value: "/models/tickets/4"' in folder


def test_the_command_writes_a_model_once(folders, tmp_path, capsys):
    base = folders("pair")[1].parent
    flags = ["triton", f"--model={base}", f"--output={tmp_path / 'models'}", "--name=tickets"]
    assert __main__.main(flags) == 0
    written = tmp_path / "models" / "tickets"
    assert {str(path.relative_to(written)) for path in written.rglob("*")} == {
        *("config.pbtxt", "1", "1/model.py")
    }
    assert f'string_value: "{base}/1"' in (written / "config.pbtxt").read_text("utf-8")
    assert __main__.main(flags) == 2
    assert "exists already; name another model or remove it" in capsys.readouterr().err


@pytest.mark.parametrize("there", [False, True])
def test_without_a_version_it_is_refused(tmp_path, capsys, there):
    if there:
        (tmp_path / "served").mkdir()
    flags = ["triton", f"--model={tmp_path / 'served'}", f"--output={tmp_path / 'models'}"]
    assert __main__.main(flags) == 2
    said = capsys.readouterr().err
    assert ("holds no version" if there else "there is no such file or folder") in said
