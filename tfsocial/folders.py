"""Files and folders that a user names: checked before anything is read or written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tfsocial.errors import InputError


def existing(name: str, value: str | Path) -> Path:
    """Check that a path exists.

    Args:
        name: what the user calls it, `--input` or `data`.

    Raises:
        InputError: there is nothing there.
    """
    path = Path(value)
    if not path.exists():
        raise InputError(f"{name}={value}: there is no such file or folder")
    return path


def new_folder(name: str, value: str | Path, besides: Sequence[str] = ()) -> Path:
    """Make a folder if need be; files in it named in `besides` do not count.

    Args:
        name: what the user calls it, `--output` or `output`.

    Raises:
        InputError: it holds files already, or cannot be made.
    """
    path = _made(name, value)
    if {child.name for child in path.iterdir()} - set(besides):
        raise InputError(f"{name}={value}: holds files already; name a new folder")
    return path


def unused(name: str, value: str | Path) -> Path:
    """Check that a folder is not there yet, or is empty; it is made by who writes it whole.

    Raises:
        InputError: it holds files already, or is no local path.
    """
    path = local(name, value)
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise InputError(f"{name}={value}: is there already; name a new folder")
    return path


def run_folder(name: str, value: str | Path) -> Path:
    """Make the folder of a run if need be: a new one, or one that a run was stopped in.

    Args:
        name: what the user calls it, `--workdir` or `workdir`.

    Raises:
        InputError: it holds files that are not a run's, or cannot be made.
    """
    path = _made(name, value)
    # Of a run that its data stopped only its quarantine is left.
    names = {child.name for child in path.iterdir()} - {"quarantine.jsonl"}
    if names and "config.yaml" not in names:
        raise InputError(
            f"{name}={value}: holds files, but no config.yaml of a run to go on with; "
            "name a new folder"
        )
    return path


def local(name: str, value: str | Path) -> Path:
    """Give the path of a file or folder to be written.

    Args:
        name: what the user calls it, `--output` or `output`.

    Raises:
        InputError: it lies on another filesystem than this machine's.
    """
    if "://" in str(value):
        raise InputError(
            f"{name}={value}: has to be a local path; copy it there afterwards (what a run needs "
            "to go on from elsewhere are its checkpoints: --set training.checkpoints=gs://...)"
        )
    return Path(value)


def _made(name: str, value: str | Path) -> Path:
    path = local(name, value)
    try:
        path.mkdir(parents=True, exist_ok=True)
        os.listdir(path)
    except OSError as error:
        raise InputError(f"{name}={value}: cannot be used ({error.strerror})") from None
    return path
