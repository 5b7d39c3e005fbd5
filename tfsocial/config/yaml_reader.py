"""YAML of plain values, in which a key stands once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tfsocial.errors import InputError


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands once: of two the last would win, unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[Any, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":merge"):
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                raise _TwiceError(
                    f"line {line}: {key.value} stands twice, first in line {first[key.value]}; "
                    "keep one of the two"
                )
            first[key.value] = line
        return super().construct_mapping(node, deep)


class _TwiceError(yaml.YAMLError):
    """A key stands twice in one mapping."""


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # a SafeLoader: plain values only
    except ValueError as error:  # of a date that is none
        raise yaml.YAMLError(str(error)) from None


def _yaml_flaw(error: yaml.YAMLError) -> str:
    if isinstance(error, _TwiceError):
        return str(error)
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}: " if mark else ""
    return f"{line}not valid YAML ({getattr(error, 'problem', error)})"


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a config file's tree of values; {} of an empty one.

    Raises:
        InputError: it cannot be read, is not valid YAML, or holds no keys and values.
    """
    try:
        tree = _yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such config file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, not a config file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: {_yaml_flaw(error)}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise InputError(f"{path}: expected keys and values, found {type(tree).__name__}")
    return tree


def override_value(assignment: str, value: str) -> Any:
    """Read the value of an assignment `KEY.PATH=VALUE` as YAML.

    Raises:
        InputError: it is not valid YAML.
    """
    try:
        return _yaml(value)
    except _TwiceError as error:
        raise InputError(f"--set {assignment}: {error}") from None
    except yaml.YAMLError:
        raise InputError(f"--set {assignment}: the value is not valid YAML") from None
