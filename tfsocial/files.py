"""Files and folders written whole or not at all, and errors that say which."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes the place of `path` when the block ends well.

    Raises:
        OSError: of what failed inside, with `path` as its file name: a failed write has none.

    >>> path = getfixture("tmp_path") / "notes.txt"
    >>> with replacing(path) as partial:
    ...     _ = partial.write_text("whole")
    >>> path.read_text(), [child.name for child in path.parent.iterdir()]
    ('whole', ['notes.txt'])
    """
    partial = _beside(path)
    with _named(path):
        try:
            yield partial
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file of UTF-8, whole or not at all.

    Raises:
        OSError: as `replacing`.
    """
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Hash a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` that takes its name when the block ends well.

    `folder` must not be there, or be empty. Parents are made.

    Raises:
        OSError: as `replacing`.
    """
    partial = _beside(folder)
    with _named(folder):
        partial.mkdir(parents=True)
        try:
            yield partial
            _flush(partial)  # or a power cut could leave the name and not what is in it
            os.replace(partial, folder)
            _flush_one(folder.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _flush(folder: Path) -> None:
    """Have the system write a folder and all in it to the disk."""
    for path in folder.rglob("*"):
        _flush_one(path)
    _flush_one(folder)


def _flush_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def swapping(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` that takes its place when the block ends well.

    What is there steps aside for a moment and is removed afterwards. Whoever is killed in that
    moment leaves it where `whole` finds it. Parents are made.

    Raises:
        OSError: as `replacing`; the old folder is then in its place.

    >>> folder = getfixture("tmp_path") / "model"
    >>> for number in (1, 2):
    ...     with swapping(folder) as partial:
    ...         _ = (partial / f"{number}.txt").write_text("whole")
    >>> [path.name for path in folder.iterdir()], [path.name for path in folder.parent.iterdir()]
    (['2.txt'], ['model'])
    """
    partial, aside = _beside(folder), _aside(folder)
    with _named(folder):
        partial.mkdir(parents=True)
        try:
            yield partial
            _swap(partial, folder, aside)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _swap(partial: Path, folder: Path, aside: Path) -> None:
    if folder.exists():
        shutil.rmtree(aside, ignore_errors=True)  # of one that was killed
        os.replace(folder, aside)
    try:
        os.replace(partial, folder)
    except OSError:
        if aside.exists():
            os.replace(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def whole(folder: Path) -> Path:
    """Give the folder, or where it stepped aside if `swapping` was killed in that moment.

    >>> whole(getfixture("tmp_path")) == getfixture("tmp_path")
    True
    """
    aside = _aside(folder)
    return aside if aside.is_dir() and not folder.exists() else folder


def _aside(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.aside"


def _beside(path: Path) -> Path:
    """Make up a name nobody else has: processes of several containers may have one number."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.strerror is None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from None
