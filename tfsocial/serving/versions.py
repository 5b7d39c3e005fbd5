"""Numbered versions of a served model, each of one format, as TensorFlow Serving has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tfsocial.errors import InputError

# Format -> the file that tells it.
GRAPHS = {"saved_model": "saved_model.pb", "litert": "model.tflite", "openvino": "model.xml"}


def format_of(folder: Path) -> str | None:
    """Tell the format of a version by the files in it; None if it is no version."""
    return next((name for name, graph in GRAPHS.items() if (folder / graph).is_file()), None)


def versions(base: Path, format: str | None = None) -> list[int]:
    """List the versions in a folder, the lowest first; of one format if that is given."""
    found = ((int(path.name), format_of(path)) for path in _numbered(base))
    return sorted(number for number, its in found if its and format in (None, its))


def newest(base: Path) -> Path:
    """Give the highest version's folder; `base` itself if it is a version or has none."""
    there = [] if format_of(base) else versions(base)
    return base / str(there[-1]) if there else base


def next_version(base: Path) -> int:
    """Number the version that comes next.

    Raises:
        InputError: `base` is a version itself, or a file.
    """
    if format := format_of(base):
        raise InputError(
            f"{base}: is a version itself ({GRAPHS[format]}); name the folder that holds them"
        )
    if base.exists() and not base.is_dir():
        raise InputError(f"{base}: is a file; name a folder of versions")
    # A folder that was begun and has no graph counts too: its number may be somebody's.
    return max((int(path.name) for path in _numbered(base)), default=0) + 1


def _numbered(base: Path) -> Iterator[Path]:
    return (path for path in base.glob("*") if path.name.isascii() and path.name.isdigit())
