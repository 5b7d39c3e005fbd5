"""A config from YAML files over each other, and `--set` over them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import pydantic

from tfsocial.config import layering, migration, paths
from tfsocial.config.base import Section
from tfsocial.config.run import Config
from tfsocial.config.sentences import sentences
from tfsocial.config.yaml_reader import override_value, read_yaml
from tfsocial.errors import InputError, nearest

RECIPES = Path(__file__).parents[1] / "recipes"
Root = TypeVar("Root", bound=Section)


@overload
def load(
    files: str | Path | Sequence[str | Path | Mapping[str, Any]],
    overrides: Sequence[str] = (),
    *,
    migrate: bool = False,
) -> Config: ...


@overload
def load(
    files: str | Path | Sequence[str | Path | Mapping[str, Any]],
    overrides: Sequence[str],
    root: type[Root],
    migrate: bool = False,
) -> Root: ...


def load(
    files: str | Path | Sequence[str | Path | Mapping[str, Any]],
    overrides: Sequence[str] = (),
    root: type[Section] = Config,
    migrate: bool = False,
) -> Section:
    """Load the config of a YAML file, or of several over each other, with `a.b=c` overrides.

    Of several files a later one adds its keys to the earlier ones' and wins where both have one.
    Where the two are variants of a union, as two losses, the later one stands alone; null removes
    a term, a task, a source. Relative paths in a file count from the file's folder, those of
    overrides from the working directory.

    Args:
        files: paths, or `recipe:NAME` of one that comes with tfsocial; a mapping is taken for
            what a file in the working directory would hold.
        root: the section that the tree of values is one of.
        migrate: see `parse`.

    Raises:
        InputError: a file cannot be read, or a key or value does not fit.
    """
    layers = [_layer(file) for file in ([files] if isinstance(files, str | Path) else files)]
    tree = _laid_over(layers, overrides, root, migrate)
    return parse(tree, " + ".join(str(path) for path, _ in layers), root=root)


def merged(
    files: Sequence[str | Path | Mapping[str, Any]], overrides: Sequence[str] = ()
) -> dict[str, Any]:
    """Give the tree of values that `load` would make a config of: what was set, and nothing else.

    Paths in it are absolute, so it means the same when the files have changed or lie elsewhere.

    Raises:
        InputError: a file cannot be read.
    """
    return _laid_over([_layer(file) for file in files], overrides, Config, False)


def _laid_over(
    layers: Sequence[tuple[Path, Mapping[str, Any]]],
    overrides: Sequence[str],
    root: type[Section],
    migrate: bool,
) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, content in layers:
        values = migration.renamed(content) if migrate else content
        layer = paths.from_folder(values, root, path.resolve().parent, str(path))
        tree = layering.without_removed(tree, layering.over(tree, layer, root), root)
        tree = paths.rooted(tree, layer, path.resolve().parent)
    tree = layering.without_removed(tree, override(tree, overrides), root)
    return paths.from_folder(tree, root, Path.cwd())


def _layer(file: str | Path | Mapping[str, Any]) -> tuple[Path, Mapping[str, Any]]:
    if isinstance(file, Mapping):
        return Path("config"), file
    path = _path(file)
    return path, read_yaml(path)


def _path(file: str | Path) -> Path:
    """Give a config's path; that of a recipe by its name, in `recipes/`.

    Raises:
        InputError: there is no such recipe.
    """
    kind, _, name = str(file).partition(":")
    if kind != "recipe":
        return Path(file)
    recipes = {path.stem: path for path in RECIPES.glob("*.yaml")}
    if name not in recipes:
        raise InputError(f"{file}: is no recipe; {nearest(name, sorted(recipes))}")
    return recipes[name]


@overload
def parse(tree: Mapping[str, Any], where: str = "config", *, migrate: bool = False) -> Config: ...


@overload
def parse(
    tree: Mapping[str, Any], where: str = "config", *, root: type[Root], migrate: bool = False
) -> Root: ...


def parse(
    tree: Mapping[str, Any],
    where: str = "config",
    *,
    root: type[Section] = Config,
    migrate: bool = False,
) -> Section:
    """Make the config of a plain tree of values.

    Args:
        where: what the tree is called in a message.
        root: the section that the tree is one of.
        migrate: names that keys had before are read too, as in what older runs left behind.

    >>> parse({"training": {"epoch": 3}})
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: config: training.epoch is not a known key; did you mean \
training.epochs?
    """
    current = migration.renamed(tree) if migrate else tree
    try:
        return root.model_validate(current)
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


def assign(tree: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a key path into a tree, making the sections on the way."""
    *parents, leaf = path.split(".")
    for key in parents:
        child = tree.get(key)
        tree[key] = child = child if isinstance(child, dict) else {}
        tree = child
    tree[leaf] = value
