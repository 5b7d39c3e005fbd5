"""The page of commands: each with what it does and its flags, from the code."""

from __future__ import annotations

import importlib
import inspect
import json

from absl import flags

from docs.hooks.results import table
from tfsocial import __main__ as door

INTRODUCTION = """# Commands

`tfsocial COMMAND --flags`, or `python -m tfsocial COMMAND --flags`. `tfsocial COMMAND --help`
prints what this page says. A flag is written `--NAME=VALUE`; one marked *several* may be given more
than once.

| exit code | means |
|---|---|
| 0 | done |
| 2 | the input is wrong; one sentence says which file, line, key or flag, and what to do |
| 130 | stopped by Ctrl-C; one sentence says what is kept |
| 1 | anything else |
"""


def page() -> str:
    """Write the page, a section a command, in the groups of `tfsocial --help`."""
    sections = [INTRODUCTION]
    for group, names in door.GROUPS.items():
        sections += [f"## {group.capitalize()}", *(_section(name) for name in names)]
    return "\n\n".join(sections) + "\n"


def _section(name: str) -> str:
    command = importlib.import_module(f"tfsocial.cli.{name.replace('-', '_')}")
    about = " ".join((inspect.getdoc(command) or "").split())
    values = getattr(command, "FLAGS", None)
    parts = [f"### {name} {{ #{name} }}", about]
    if values is not None:
        rows = [_row(values[flag]) for flag in values if not flag.startswith("undefok")]
        parts.append(table(["flag", "default", "what"], rows))
    if remainder := getattr(command, "INTERRUPTED", ""):
        parts.append(f"Stopped by Ctrl-C: {remainder}.")
    return "\n\n".join(parts)


def _row(flag: flags.Flag) -> list[str]:
    several = " *several*" if isinstance(flag, flags.MultiFlag) else ""
    default = "required" if _required(flag) else _shown(flag)
    return [f"`--{flag.name}`{several}", default, _escaped(flag.help or "")]


def _shown(flag: flags.Flag) -> str:
    if flag.default in (None, []):
        return ""
    if isinstance(flag.default, bool):
        return f"`{json.dumps(flag.default)}`"
    value = str(flag.default)
    return "`.venv-preflight/bin/python`" if value.startswith("/") else f"`{value}`"


def _required(flag: flags.Flag) -> bool:
    return any("must have a value other than None" in one.message for one in flag.validators)


def _escaped(text: str) -> str:
    plain = " ".join(text.split()).removesuffix("; repeat this option to specify a list of values")
    return plain.replace(".;", ";").replace("<", "&lt;").replace("|", "\\|")
