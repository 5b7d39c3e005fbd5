"""Paths in a config: a relative one counts from the file that names it.

Absolute, as loading leaves them, they mean the same in the config.yaml that a run keeps elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator

from tfsocial.config import annotation_tree
from tfsocial.errors import InputError


@dataclass(frozen=True)
class LocalPath:
    """Marks a value as a path, unless it is a name of something that is no local file.

    Attributes:
        unless: pattern of such names.
        tells: whether the last part of the path says what is taken, and not only where it lies.
    """

    unless: str = r".*://.*"
    tells: bool = False

    def means(self, value: Any) -> bool:
        """Tell whether a value of the field is the path of a local file or folder."""
        return isinstance(value, str) and value != "" and not re.fullmatch(self.unless, value)


def _on_this_machine(folder: str) -> str:
    if "://" in folder:
        raise ValueError("has to be a local folder")
    return folder


AnyPath = Annotated[str, LocalPath()]
LocalFolder = Annotated[str, LocalPath(), AfterValidator(_on_this_machine)]
# A checkpoint: random, package:NAME, hub:NAME, gs://BUCKET/FOLDER, or a local folder.
CheckpointPath = Annotated[str, LocalPath(unless=r"random|\w+:.*", tells=True)]


def from_folder(tree: Mapping[str, Any], root: Any, folder: Path, where: str = "") -> Any:
    """Return a tree of values for `root` with its relative paths taken from a folder.

    Args:
        where: the file in that folder that names the paths; "" of paths from elsewhere.

    Raises:
        InputError: a path leads nowhere from the folder, and somewhere from the working directory.
    """

    def absolute(notes: tuple[Any, ...], value: Any, path: tuple[str, ...]) -> Any:
        if not _is_path(notes, value):
            return value
        there = folder / Path(value).expanduser()
        if where and not there.exists() and Path(value).exists():
            raise InputError(
                f"{where}: {'.'.join(path)} is {value!r}, which counts from the file's folder "
                f"and is not in it, but in the working directory; write {Path(value).resolve()}, "
                f"or leave it to --set {'.'.join(path)}={value}"
            )
        return str(there)

    return annotation_tree.changed(root, tree, absolute)


def rooted(tree: dict[str, Any], own: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a tree whose data has a root where a file names files of it and nothing a root.

    Args:
        tree: of the files so far.
        own: of the last of them.
        folder: of the last of them.

    >>> named = {"data": {"splits": {"train": "a"}}}
    >>> rooted(named, named, Path("/f"))
    {'data': {'splits': {'train': 'a'}, 'root': '/f'}}
    """
    data, added = tree.get("data"), own.get("data")
    if not isinstance(data, Mapping) or not isinstance(added, Mapping):
        return tree
    if data.get("root") is not None or data.get("source", "files") != "files":
        return tree
    mixture = added.get("mixture")
    named = mixture.values() if isinstance(mixture, Mapping) else ()
    of_mixture = any(
        isinstance(one, Mapping) and "splits" in one and one.get("root") is None for one in named
    )
    if "splits" not in added and not of_mixture:
        return tree
    return {**tree, "data": {**data, "root": str(folder)}}


def without_places(tree: Mapping[str, Any], root: Any) -> Any:
    """Return a tree of values without where files lie: of a checkpoint its name is left."""

    def name(notes: tuple[Any, ...], value: Any, path: tuple[str, ...]) -> Any:
        if not _is_path(notes, value):
            return value
        tells = any(isinstance(note, LocalPath) and note.tells for note in notes)
        return Path(value).name if tells else None

    return annotation_tree.changed(root, tree, name)


def _is_path(notes: tuple[Any, ...], value: Any) -> bool:
    return any(isinstance(note, LocalPath) and note.means(value) for note in notes)
