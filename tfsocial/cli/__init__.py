"""One short file a command: it declares flags, wires parts, and calls them. No logic."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfsocial.errors import InputError


class Help(SystemExit):
    """The user asked for help; it has been printed."""


def define_config(values: flags.FlagValues) -> None:
    """Define --config and --set, of every command that reads a run's config."""
    flags.DEFINE_multi_string(
        "config",
        None,
        "YAML config of the run; given again, a recipe to lay over it.",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "set", [], "Override of a config key, KEY.PATH=VALUE.", flag_values=values
    )


def parse(values: flags.FlagValues, arguments: Sequence[str], about: str) -> None:
    """Read a command's arguments into its flags.

    Raises:
        InputError: an unknown flag, a missing one, a value that does not fit, or a stray word.
    """
    for name in values:
        values[name].unparse()  # a second command in one process starts from the defaults
    if {"--help", "-help", "-h"} & set(arguments):
        print(f"{about}\n{values.get_help()}")
        raise Help(0)
    try:
        _, *stray = values([about, *arguments])
    except flags.Error as error:
        raise InputError(str(error).replace("\n", " ")) from None
    if stray:
        raise InputError(f"{stray[0]}: is not a flag; write --NAME=VALUE")


def existing(flag: str, value: str) -> Path:
    """Check that the path a flag names exists.

    Raises:
        InputError: there is nothing there.
    """
    path = Path(value)
    if not path.exists():
        raise InputError(f"--{flag}={value}: there is no such file or folder")
    return path


def new_folder(flag: str, value: str, besides: Sequence[str] = ()) -> Path:
    """Make the folder a flag names if need be; files in it named in `besides` do not count.

    Raises:
        InputError: it holds files already, or cannot be made.
    """
    path = _folder(flag, value)
    if {child.name for child in path.iterdir()} - set(besides):
        raise InputError(f"--{flag}={value}: holds files already; name a new folder")
    return path


def run_folder(flag: str, value: str) -> Path:
    """Make the folder of a run if need be: a new one, or one that a run was stopped in.

    Raises:
        InputError: it holds files that are not a run's, or cannot be made.
    """
    path = _folder(flag, value)
    # Of a run that its data stopped only its quarantine is left.
    names = {child.name for child in path.iterdir()} - {"quarantine.jsonl"}
    if names and "config.yaml" not in names:
        raise InputError(
            f"--{flag}={value}: holds files, but no config.yaml of a run to go on with; "
            "name a new folder"
        )
    return path


def local(flag: str, value: str) -> Path:
    """Give the path a flag names, of a file or folder to be written.

    Raises:
        InputError: it lies on another filesystem than this machine's.
    """
    if "://" in value:
        raise InputError(
            f"--{flag}={value}: has to be a local path; copy it there afterwards (what a run needs "
            "to go on from elsewhere are its checkpoints: --set training.checkpoints=gs://...)"
        )
    return Path(value)


def pairs(flag: str, values: Sequence[str]) -> dict[str, str]:
    """Map what a flag that may be given several times says, each value NAME:WORDS.

    Raises:
        InputError: a value without a colon or with an empty side, or a name twice.

    >>> pairs("label", ["mood:feeling"])
    {'mood': 'feeling'}
    """
    mapping: dict[str, str] = {}
    for value in values:
        name, _, words = value.partition(":")
        if not name or not words:
            raise InputError(f"--{flag}={value}: has to be NAME:VALUE, with the task as name")
        if name in mapping:
            raise InputError(f"--{flag}={value}: {name} is given twice")
        mapping[name] = words
    return mapping


def _folder(flag: str, value: str) -> Path:
    path = local(flag, value)
    try:
        path.mkdir(parents=True, exist_ok=True)
        os.listdir(path)
    except OSError as error:
        raise InputError(f"--{flag}={value}: cannot be used ({error.strerror})") from None
    return path
