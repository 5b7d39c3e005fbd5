"""The code blocks of a Markdown page, and running them in a folder.

A block that cannot run here says so to the reader, in a comment before it:
`<!-- not run: needs Docker -->`. One that a reader saves as a file is marked
`<!-- file: my.yaml -->`.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tfsocial
from tfsocial import __main__ as door

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>not run|file): (?P<said>[^\n]*?) -->\n)?"
    r"^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$",
    re.M | re.S,
)
LANGUAGES = ("python", "bash", "yaml")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the mark before it and where it begins."""

    page: str
    line: int
    language: str
    code: str
    mark: str | None
    said: str | None

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [
        Block(
            page.name,
            text.count("\n", 0, match.start("code")),
            *(match[name] for name in ("language", "code", "mark", "said")),
        )
        for match in _BLOCK.finditer(text)
    ]


def commands(code: str) -> list[list[str]]:
    """The commands of a shell block, without comments; a line goes on after a backslash."""
    lines = code.replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def run(page: Path) -> list[str]:
    """Run a page's blocks in the working directory, as its reader would.

    Returns:
        where each block that ran stands.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    ran = []
    for block in blocks(page):
        if block.mark == "not run" or not block.language:
            continue
        with _told(block):
            _run(block, namespace)
        ran.append(block.where)
    return ran


@contextlib.contextmanager
def _told(block: Block) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"in the block at {block.where}")
        raise


def _run(block: Block, namespace: dict[str, Any]) -> None:
    if block.language == "python":
        exec(compile(block.code, block.where, "exec"), namespace)
    elif block.language == "bash":
        for words in commands(block.code):
            _command(words)
    elif block.language == "yaml":
        _config(block)
    else:
        raise AssertionError(f"{block.language}: mark the block, or make it {LANGUAGES}")


def _command(words: list[str]) -> None:
    program = words[0]
    assert program == "tfsocial", f"{program} cannot run here; mark the block as not run"
    code = door.main(words[1:])
    assert code == 0, f"{' '.join(words)}: exit code {code}"


def _config(block: Block) -> None:
    name = block.said if block.mark == "file" else f"block{block.line}.yaml"
    path = Path(name)
    path.write_text(block.code, "utf-8")
    tfsocial.load_config(path)
