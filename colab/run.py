"""Runs the notebooks of this folder and keeps what they print: `make notebooks`.

python -m colab.run [NAME ...], names without .ipynb. Each is run in a temporary folder of its own.
What differs from one machine to another is not kept: log lines, progress bars, versions.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

import tfsocial

HERE = Path(__file__).parent
PARAMETERS = "parameters"  # tag of the cell with the settings
NOT_RUN = "skip-execution"  # tag of cells that are only read
SECONDS = 3600.0  # for one cell
# TensorFlow prints these among the others in a notebook.
LOG_LINE = re.compile(r"^(?:INFO|WARNING):(?:tensorflow|absl):.*\n", re.M)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def main(names: Iterable[str]) -> None:
    """Run notebooks, all where none is named, and write them with their outputs."""
    for path in [HERE / f"{name}.ipynb" for name in names] or sorted(HERE.glob("*.ipynb")):
        print(path.name, flush=True)
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            execute(notebook, Path(folder))
        tidy(notebook)
        nbformat.write(notebook, path)


def execute(
    notebook: NotebookNode, folder: Path, settings: Mapping[str, Any] | None = None
) -> None:
    """Run a notebook from top to bottom; its cells get their outputs.

    Args:
        folder: working directory of the notebook.
        settings: values that take the place of those in its parameters cell.

    Raises:
        CellExecutionError: a cell failed.
    """
    if settings:
        assignments = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
        notebook.cells.insert(parameters(notebook) + 1, new_code_cell(assignments))
    # The package that this process imports, wherever the notebook runs; and a quiet TensorFlow.
    package = str(Path(tfsocial.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": package, "TF_CPP_MIN_LOG_LEVEL": "3"}
    NotebookClient(
        notebook,
        timeout=SECONDS,
        record_timing=False,
        skip_cells_with_tag=NOT_RUN,
        resources={"metadata": {"path": str(folder)}},
    ).execute(env=environment)


def parameters(notebook: NotebookNode) -> int:
    """Find the index of the cell with the settings."""
    return next(
        index
        for index, cell in enumerate(notebook.cells)
        if PARAMETERS in cell.metadata.get("tags", ())
    )


def tidy(notebook: NotebookNode) -> None:
    """Keep of a notebook that ran what is the same on another machine."""
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number:02}"
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k == "tags"})
        if cell.cell_type == "code":
            cell.outputs = _kept(cell.outputs)
            if NOT_RUN in cell.metadata.get("tags", ()):
                cell.execution_count = None


def _kept(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Leave out log lines and progress bars, and join what was printed in pieces."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type != "stream":
            kept.append(output)
        elif output.name == "stdout":
            text = LOG_LINE.sub("", output.text)
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += text
            elif text:
                kept.append(NotebookNode(output, text=text))
    return kept


if __name__ == "__main__":
    main(sys.argv[1:])
