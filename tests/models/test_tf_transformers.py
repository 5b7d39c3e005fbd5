"""One door to `transformers`, and no PyTorch comes in through it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tfsocial

ROOT = Path(tfsocial.__file__).parent
DOOR = ROOT / "models" / "tf_transformers.py"
# What the commands import; each is a process of its own and may be the first to import anything.
FIRST = (
    "tfsocial.models.heads",
    "tfsocial.models.encoder",
    "tfsocial.runs.train",
    "tfsocial.serving.text_model",
)


def imports(path: Path) -> set[str]:
    """Packages that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_nobody_else_imports_transformers():
    """It reads what to take when it is imported first, so that must be said before, once."""
    importers = [path for path in sorted(ROOT.rglob("*.py")) if "transformers" in imports(path)]
    assert importers == [DOOR]


@pytest.fixture(scope="module")
def with_torch(tmp_path_factory):
    """A folder with a PyTorch as far as `transformers` looks: it can be found and imported."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text("__version__ = '2.14.0'\n")
    (folder / "torch-2.14.0.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: torch\nVersion: 2.14.0\n"
    (folder / "torch-2.14.0.dist-info" / "METADATA").write_text(metadata)
    return folder


# TensorFlow takes seconds to import and is not what is tested: once, before the processes part.
IMPORTING = """
import importlib, importlib.metadata, os, sys
import tensorflow
assert "transformers" not in sys.modules and "tfsocial" not in sys.modules
for module in sys.argv[1:]:
    for choice in ({}, {"USE_TORCH": "1"}):
        if os.fork():
            os.wait()
            continue
        os.environ.update(choice)
        importlib.import_module(module)
        from transformers import is_torch_available as torch, is_tf_available as tensorflow
        version = importlib.metadata.version("torch")
        found = ("torch" in sys.modules, torch(), tensorflow(), version)
        print(module, bool(choice), *found, flush=True)
        os._exit(0)
"""


@pytest.fixture(scope="module")
def imported(with_torch) -> tuple[list[list[str]], str]:
    """What the processes said, each on a line, and their errors."""
    environment = {k: v for k, v in os.environ.items() if k not in ("USE_TF", "USE_TORCH")}
    path = os.pathsep.join([str(with_torch), str(ROOT.parent)])
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, *FIRST],
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    return [line.split() for line in done.stdout.splitlines()], done.stderr


@pytest.mark.long
@pytest.mark.parametrize("asked", ["False", "True"], ids=["unset", "asked for"])
@pytest.mark.parametrize("module", FIRST)
def test_pytorch_stays_out(imported, module, asked):
    """Whichever module comes first, and whatever the environment asks for."""
    lines, errors = imported
    assert [module, asked, "False", "False", "True", "2.14.0"] in lines, errors
