"""The door: `tfsocial COMMAND --flags` finds cli/COMMAND.py, and nothing else.

A command of two words has a hyphen where its file has an underscore.
"""

from __future__ import annotations

import ast
import importlib
import logging
import os
import sys
from pathlib import Path

GROUPS = {
    "feed it": (
        "init",
        "inspect",
        "select",
        "label",
        "augment",
        "show-augment",
        "convert",
        "data-service",
    ),
    "make a model": ("fit", "train", "tune"),
    "weigh it": ("evaluate", "objectives", "schema", "preflight"),
    "shape it": ("compose", "compress", "export"),
    "use it": ("predict", "batch-predict", "demo"),
    "serve it": ("serve", "keys", "audit", "drift", "tf-serving", "triton"),
    "run an application": (
        "support",
        "monitor",
        "monitor-batch",
        "recommend",
        "recommend-fit",
        "recommend-teach",
    ),
}
COMMANDS = [name for names in GROUPS.values() for name in names]


def main(arguments: list[str]) -> int:
    """Run a command.

    Returns:
        0 done, 2 the input is wrong, 130 stopped by Ctrl-C, 1 anything else.
    """
    from tfsocial.errors import InputError, nearest

    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"tfsocial {importlib.import_module('tfsocial').__version__}")
        return 0
    name, *flags = arguments
    if name not in COMMANDS:
        print(f"{name}: is not a command; {nearest(name, COMMANDS)}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # The first complains, the second tells of each checkpoint, the third of each table.
    for library in ("tensorflow", "absl", "alembic"):
        logging.getLogger(library).setLevel(logging.ERROR)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # on a CPU it complains of CUDA
    # What TensorFlow imports as `tf.keras`: Keras 3, unused here, would take a second or two.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    command = importlib.import_module(f"tfsocial.cli.{_module(name)}")
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


def usage() -> str:
    """List the commands in groups, each with what its file says first; imports none of them."""
    lines = ["usage: tfsocial COMMAND --flags; tfsocial COMMAND --help lists a command's flags"]
    for group, names in GROUPS.items():
        lines += ["", group, *(f"  {name:<13} {_about(name)}" for name in names)]
    return "\n".join(lines)


def _about(name: str) -> str:
    source = Path(__file__).parent / "cli" / f"{_module(name)}.py"
    about = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
    return (about or "").partition("\n")[0].rstrip(".")


def _module(name: str) -> str:
    return name.replace("-", "_")


def command() -> int:
    """Run the command that the shell was given, as `tfsocial` and `python -m tfsocial` do."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(command())
