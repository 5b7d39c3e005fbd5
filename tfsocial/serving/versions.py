"""Numbered versions of a served model, each a SavedModel, as TensorFlow Serving has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tfsocial.errors import InputError

GRAPH = "saved_model.pb"


def versions(base: Path) -> list[int]:
    """List the versions in a folder, the lowest first."""
    return sorted(int(path.name) for path in _numbered(base) if (path / GRAPH).is_file())


def newest(base: Path) -> Path:
    """Give the highest version's folder; `base` itself if it is a SavedModel or has none."""
    there = [] if (base / GRAPH).is_file() else versions(base)
    return base / str(there[-1]) if there else base


def next_version(base: Path) -> int:
    """Number the version that comes next.

    Raises:
        InputError: `base` is a SavedModel itself, or a file.
    """
    if (base / GRAPH).is_file():
        raise InputError(f"{base}: is a SavedModel itself; name the folder that holds its versions")
    if base.exists() and not base.is_dir():
        raise InputError(f"{base}: is a file; name a folder of versions")
    # A folder that was begun and has no graph counts too: its number may be somebody's.
    return max((int(path.name) for path in _numbered(base)), default=0) + 1


def _numbered(base: Path) -> Iterator[Path]:
    return (path for path in base.glob("*") if path.name.isascii() and path.name.isdigit())
