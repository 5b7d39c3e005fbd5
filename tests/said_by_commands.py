"""What a command says, and files of small runs."""

from __future__ import annotations

from pathlib import Path

import tiny_run


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
