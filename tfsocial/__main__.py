"""The door: `python -m tfsocial COMMAND --flags` finds cli/COMMAND.py, and nothing else.

A command of two words has a hyphen where its file has an underscore.
"""

from __future__ import annotations

import importlib
import logging
import os
import pkgutil
import sys


def main(arguments: list[str]) -> int:
    """Run a command.

    Returns:
        0 done, 2 the input is wrong, 130 stopped by Ctrl-C, 1 anything else.
    """
    from tfsocial import cli
    from tfsocial.errors import InputError, nearest

    modules = [module.name for module in pkgutil.iter_modules(cli.__path__)]
    commands = [module.replace("_", "-") for module in modules]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(f"usage: python -m tfsocial COMMAND --flags\ncommands: {', '.join(commands)}")
        return 0 if arguments else 2
    name, *flags = arguments
    if name not in commands:
        print(f"{name}: is not a command; {nearest(name, commands)}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for library in ("tensorflow", "absl"):  # the one complains, the other tells of each checkpoint
        logging.getLogger(library).setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # on a CPU it complains of CUDA
    command = importlib.import_module(f"tfsocial.cli.{name.replace('-', '_')}")
    try:
        return command.main(flags) or 0
    except KeyboardInterrupt:  # what a command keeps then is its own
        remainder = getattr(command, "INTERRUPTED", "the same command begins anew")
        print(f"error: stopped by Ctrl-C; {remainder}", file=sys.stderr)
        return 130
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, a folder that may not be written
        reason = error.strerror or error
        print(f"error: {error.filename or name}: {reason}", file=sys.stderr)
        return 1


def command() -> int:
    """Run the command that the shell was given, as `tfsocial` and `python -m tfsocial` do."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(command())
