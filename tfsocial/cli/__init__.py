"""One short file a command: it declares flags, wires parts, and calls them. No logic."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from absl import flags

from tfsocial import folders
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


def define_database(values: flags.FlagValues, state: str) -> None:
    """Define where an application keeps what it knows.

    Args:
        state: default folder.
    """
    flags.DEFINE_string(
        "database",
        "",
        "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME; left out, a file in "
        "--state.",
        flag_values=values,
    )
    flags.DEFINE_string("state", state, "Folder of the keys and the database.", flag_values=values)


def define_server(values: flags.FlagValues, state: str) -> None:
    """Define what every application behind the gateway is given.

    Args:
        state: default folder.
    """
    define_database(values, state)
    flags.DEFINE_string("host", "127.0.0.1", "Address to answer at.", flag_values=values)
    flags.DEFINE_integer("port", 8080, "Of callers; 0: a free one.", 0, 65535, flag_values=values)
    flags.DEFINE_integer("admin_port", 8081, "Of operators.", 0, 65535, flag_values=values)
    flags.DEFINE_bool(
        "mask", False, "Mask personal data before anything is kept.", flag_values=values
    )


def server_of(values: flags.FlagValues) -> dict[str, Any]:
    """Give what every application behind the gateway is given, by the names that it has in Python.

    Raises:
        InputError: a folder cannot be.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `serve` has it, and why
    return {
        "model": folders.existing("--model", values.model) if values.model else None,
        "database": values.database,
        "state": folders.local("--state", values.state),
        "host": values.host,
        "port": values.port,
        "admin_port": values.admin_port,
        "mask": values.mask,
        "say": lambda line: print(line, file=sys.stderr, flush=True),
    }


def define_opinions(values: flags.FlagValues) -> None:
    """Define how opinions are counted and scored, on one machine and on Beam."""
    flags.DEFINE_string(
        "topics",
        "",
        "What tells topics: model (its task `topic`), field:NAME of each message, or "
        "words:FILE.csv (topic, words with | between them); left out, the model if it can, and "
        "else field:topic.",
        flag_values=values,
    )
    flags.DEFINE_string("negative", "negative", "Label that alarms are about.", flag_values=values)
    flags.DEFINE_float(
        "false_alarms", 1.0, "A week, over all topics, that are put up with.", flag_values=values
    )
    flags.DEFINE_string("zone", "UTC", "Time zone of the day's season.", flag_values=values)


def beam_job(command: str, module: str) -> ModuleType:
    """Import what needs Beam.

    Raises:
        InputError: it is not installed.
    """
    # Beam warns of each package that it could use and does not find, and means no harm by it.
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("tfsocial").setLevel(logging.INFO)
    try:
        job = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "apache_beam":
            raise
        raise InputError(
            f"{command}: needs apache-beam, which is not installed here and does not go with "
            "the trainer's packages; make an environment from requirements-batch.txt "
            f"(make batch-env) and run .venv-batch/bin/tfsocial {command}"
        ) from None
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    return job


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
