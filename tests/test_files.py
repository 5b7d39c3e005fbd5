"""Whole or not at all: what is left after success, failure, and a disk that refuses."""

from __future__ import annotations

import errno

import pytest

from tfsocial import files


def test_a_file_is_replaced_when_the_block_ends_well(tmp_path):
    """The old text stays until then, and nothing else is left."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with files.replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [child.name for child in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file(tmp_path):
    """Whatever is raised inside, and nothing half-written."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as partial:
        partial.write_text("ne" * (1 // partial.write_text("")))
    assert path.read_text() == "old"
    assert [child.name for child in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_whole(tmp_path):
    """Its parents are made; until the block ends there is no folder of that name."""
    folder = tmp_path / "x" / "model"
    with files.making(folder) as partial:
        (partial / "weights").write_text("1")
        assert not folder.exists()
    assert [child.name for child in folder.iterdir()] == ["weights"]
    assert [child.name for child in folder.parent.iterdir()] == ["model"]


def test_a_failure_leaves_no_folder(tmp_path):
    """Neither under its name nor beside it."""
    with pytest.raises(ZeroDivisionError), files.making(tmp_path / "model") as partial:
        (partial / "weights").write_text("1" * (1 // (partial / "other").write_text("")))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_is_never_replaced(tmp_path):
    """The error names it, and its files are as they were."""
    (tmp_path / "kept").write_text("1")
    with pytest.raises(OSError) as caught, files.making(tmp_path) as partial:
        (partial / "weights").write_text("1")
    assert caught.value.filename == str(tmp_path)
    assert [child.name for child in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("writer", [files.replacing, files.making])
def test_a_failed_write_says_where(tmp_path, writer):
    """The kernel's error has no name; it gets that of what was to be written."""
    with pytest.raises(OSError) as caught, writer(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "a"))


def test_an_error_without_a_number_keeps_its_words(tmp_path):
    """Libraries raise OSError with a sentence alone."""
    with pytest.raises(OSError, match="disk full"), files.replacing(tmp_path / "a"):
        raise OSError("disk full")


def test_two_at_once_do_not_meet(tmp_path):
    """Processes of two containers may even have one number: the first to end gives the folder."""

    def overtaken() -> None:
        with files.making(tmp_path / "a") as slow:
            (slow / "half").write_text("1")
            with files.making(tmp_path / "a") as quick:
                (quick / "whole").write_text("1")
            assert (slow / "half").exists()

    with pytest.raises(OSError, match="not empty"):
        overtaken()
    assert [child.name for child in (tmp_path / "a").iterdir()] == ["whole"]


def test_a_folder_takes_the_place_of_another(tmp_path):
    """The old one stays until the block ends, and nothing else is left."""
    folder = tmp_path / "x" / "model"
    for content in ("old", "new"):
        with files.swapping(folder) as partial:
            (partial / content).write_text(content)
            assert folder.exists() == (content == "new")
    assert [child.name for child in folder.iterdir()] == ["new"]
    assert [child.name for child in folder.parent.iterdir()] == ["model"]


def test_a_failure_leaves_the_old_folder(tmp_path):
    """Inside the block or at its end, whatever is raised."""
    folder = tmp_path / "model"
    with files.swapping(folder) as partial:
        (partial / "old").write_text("old")
    with pytest.raises(ZeroDivisionError), files.swapping(folder) as partial:
        (partial / "new").write_text("new" * (1 // (partial / "other").write_text("")))
    assert [child.name for child in folder.iterdir()] == ["old"]
    assert [child.name for child in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("killed_at", [1, 2])
def test_at_each_moment_of_a_swap_one_whole_folder_is_found(tmp_path, monkeypatch, killed_at):
    """Killed before the old one steps aside, or after it and before the new one is in place."""
    folder, moves, replace = tmp_path / "model", [], files.os.replace
    with files.swapping(folder) as partial:
        (partial / "old").write_text("old")

    def killed(source, target):
        moves.append(source)
        if len(moves) >= killed_at:
            raise SystemExit  # as SIGKILL, no OSError that would be answered
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", killed)
    with pytest.raises(SystemExit), files.swapping(folder) as partial:
        (partial / "new").write_text("new")
    monkeypatch.undo()
    assert [child.name for child in files.whole(folder).iterdir()] == ["old"]
    with files.swapping(folder) as partial:
        (partial / "newer").write_text("newer")
    assert [child.name for child in files.whole(folder).iterdir()] == ["newer"]
    assert [child.name for child in tmp_path.iterdir()] == ["model"]


def test_a_disk_that_refuses_the_new_folder_keeps_the_old(tmp_path, monkeypatch):
    """It steps back into its place."""
    folder, replace = tmp_path / "model", files.os.replace
    with files.swapping(folder) as partial:
        (partial / "old").write_text("old")

    def refuses(source, target):
        if str(source).endswith(".partial"):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", refuses)
    with pytest.raises(OSError, match="No space left") as caught, files.swapping(folder):
        pass
    assert caught.value.filename == str(folder)
    assert [child.name for child in folder.iterdir()] == ["old"]
