"""Say what pydantic found wrong in one sentence: the key path, the value, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pydantic
from pydantic import BaseModel

from tfsocial.config import annotation_tree, migration
from tfsocial.errors import nearest


def sentences(error: pydantic.ValidationError, root: type[BaseModel]) -> str:
    """Return all mistakes in a tree of values for `root`, each once."""
    return "; ".join(dict.fromkeys(sentence(detail, root) for detail in error.errors()))


def sentence(detail: Mapping[str, Any], root: type[BaseModel]) -> str:
    """Return one mistake, a `detail` of pydantic's ValidationError, as a sentence."""
    keys, holder = annotation_tree.walk(root, detail["loc"])
    key = ".".join(keys).removesuffix(".[key]")
    if detail["type"] == "extra_forbidden":
        if new := migration.new_key(keys):
            return f"{key} is now called {'.'.join([*keys[:-1], new])}"
        return f"{key} is not a known key{_of(holder)}; {_nearest_key(keys, holder)}"
    if (new := migration.new_value(keys, detail["input"])) is not detail["input"]:
        return f"{key}: {detail['input']} is now called {new}"
    reason = reason_of(detail)
    if detail["type"] == "value_error":
        return f"{key or 'config'} {reason}"
    return f"{key} is {_shown(detail['input'])}; {reason}"


def reason_of(detail: Mapping[str, Any]) -> str:
    """Return what pydantic says of a mistake, to go on a sentence with."""
    reason = detail["msg"].removeprefix("Value error, ")
    return reason[:1].lower() + reason[1:]


def _of(holder: Any) -> str:
    """Give ' of lion' where the section that holds a wrong key goes by such a name."""
    names = [get_args(kind) for kind in annotation_tree.fields(holder).values()]
    tags = [note.tag for note in annotation_tree.metadata(holder) if isinstance(note, pydantic.Tag)]
    return "".join(f" of {tag}" for tag in tags if (tag,) in names)


def _nearest_key(keys: Sequence[str], holder: Any) -> str:
    *parents, leaf = keys
    hint, meant = nearest(leaf, list(annotation_tree.fields(holder))), "did you mean "
    if not hint.startswith(meant):
        return hint
    return meant + ".".join([*parents, hint.removeprefix(meant)])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
