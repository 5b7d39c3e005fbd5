"""Small configs, and what parsing says of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tfsocial import config
from tfsocial.errors import InputError


def refusal(tree: dict) -> str:
    """The message with which a tree is refused; it is one line and no Python shows through."""
    with pytest.raises(InputError) as caught:
        config.parse(tree, where="run.yaml")
    return checked(caught)


def load_refusal(path: Path, *overrides: str) -> str:
    """The message with which a file is refused."""
    with pytest.raises(InputError) as caught:
        config.load(path, overrides)
    return checked(caught)


def checked(caught: pytest.ExceptionInfo) -> str:
    """The message, found to be fit for a user: one line, no traceback, no pydantic, no cause."""
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert not re.search(r"Traceback|pydantic|Error\(|type=|errors\.", message), message
    error = caught.value  # a chained cause would be printed as a traceback of its own
    assert error.__suppress_context__ or error.__context__ is None
    return message


def write(folder: Path, text: str | bytes) -> Path:
    """A config file with exactly this content."""
    path = folder / "run.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
