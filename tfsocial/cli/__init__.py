"""One short file a command: it declares flags, wires parts, and calls them. No logic."""

from __future__ import annotations

from collections.abc import Sequence

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
