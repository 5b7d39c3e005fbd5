"""What tests of commands share: a run's data, and what a command says."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_run
from said_by_commands import one_sentence

from tfsocial import __main__


@pytest.fixture(scope="module")
def moods(tmp_path_factory) -> Path:
    """A folder with train.csv and dev.csv."""
    return tiny_run.write_moods(tmp_path_factory.mktemp("moods"))


@pytest.fixture
def said(capsys):
    """`said(*arguments)`: exit code, stdout and stderr of a command run in this process."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = __main__.main(list(arguments))
        except SystemExit as leaving:
            code = leaving.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def refused(said):
    """`refused(*arguments)`: the one sentence with which a command exits 2."""

    def run(*arguments: str) -> str:
        code, out, err = said(*arguments)
        assert (code, out) == (2, "")
        return one_sentence(err)

    return run
