"""A config from YAML files over each other, and `--set` over them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic

from tfsocial.config.base import Section
from tfsocial.config.run import Config
from tfsocial.config.sentences import sentences
from tfsocial.config.yaml_reader import override_value, read_yaml
from tfsocial.errors import InputError

Root = TypeVar("Root", bound=Section)


def load(
    files: str | Path | Sequence[str | Path],
    overrides: Sequence[str] = (),
    root: type[Root] = Config,
) -> Root:
    """Load the config of a YAML file, or of several over each other, with `a.b=c` overrides.

    Of several files a later one adds its keys to the earlier ones' and wins where both have one.
    A relative `root` of data in a file is taken from the file's folder; one given as an override
    from the working directory.

    Raises:
        InputError: a file cannot be read, or a key or value does not fit.
    """
    paths = [Path(file) for file in ([files] if isinstance(files, str | Path) else files)]
    tree: dict[str, Any] = {}
    for path in paths:
        tree = _over(tree, _rooted(read_yaml(path), path.resolve().parent))
    where = " + ".join(map(str, paths))
    return parse(_rooted(override(tree, overrides), Path.cwd()), where, root)


def parse(tree: Mapping[str, Any], where: str = "config", root: type[Root] = Config) -> Root:
    """Make the config of a plain tree of values.

    >>> parse({"training": {"epoch": 3}})
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: config: training.epoch is not a known key; did you mean \
training.epochs?
    """
    try:
        return root.model_validate(tree)
    except pydantic.ValidationError as error:
        raise InputError(f"{where}: {sentences(error, root)}") from None


def override(tree: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return the tree with each `a.b=c` put in; values are read as YAML.

    >>> override({"data": {"rows": 4}}, ["data.rows=8", "model.pooling=cls"])
    {'data': {'rows': 8}, 'model': {'pooling': 'cls'}}
    """
    result = copy.deepcopy(dict(tree))
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals or not path.strip():
            raise InputError(f"--set {assignment}: expected KEY.PATH=VALUE")
        assign(result, path.strip(), override_value(assignment, value))
    return result


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees as one, whose leaves are those of `above` where both have them."""
    both = {
        key: _over(below[key], value)
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict)
    }
    return {**below, **above, **both}


def _rooted(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The tree with a relative `root` of the data, and of each in a mixture, taken from `folder`.

    Absolute, it means the same in the config.yaml that a run leaves elsewhere.
    """
    data = tree.get("data")
    mixture = data.get("mixture") if isinstance(data, dict) else None
    for source in (data, *(mixture.values() if isinstance(mixture, dict) else ())):
        root = source.get("root") if isinstance(source, dict) else None
        if isinstance(root, str) and "://" not in root:
            source["root"] = str(folder / Path(root).expanduser())
    return tree


def assign(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, leaf = path.split(".")
    for key in parents:
        child = tree.get(key)
        tree[key] = child = child if isinstance(child, dict) else {}
        tree = child
    tree[leaf] = value
