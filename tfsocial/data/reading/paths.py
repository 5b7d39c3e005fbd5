"""Files of a split: names and globs, local or gs://."""

from __future__ import annotations

import glob
import os

from tfsocial import config
from tfsocial.data.reading import storage
from tfsocial.errors import InputError


def files(source: config.Source, split: str, key: str = "data") -> tuple[str, ...]:
    """List the files of a split: patterns in config order, matches of each sorted, none twice.

    Args:
        key: the source's place in the config.

    Raises:
        InputError: a pattern matches no file.
    """
    paths: dict[str, None] = {}
    for pattern in getattr(source.splits, split):
        matches = _matches(source.root, pattern)
        if not matches:
            raise InputError(_no_match(source, split, key, pattern))
        paths |= dict.fromkeys(matches)
    return tuple(paths)


def under(root: str | None, name: str) -> str:
    """Name a file from a folder, local or remote.

    >>> under("gs://b/x/", "a.csv"), under("x", "/a.csv"), under(None, "a.csv")
    ('gs://b/x/a.csv', '/a.csv', 'a.csv')
    >>> under("x", "gs://b/a.csv")
    'gs://b/a.csv'
    """
    if "://" in name:
        return name
    folder = root or ""
    if "://" not in folder:
        return os.path.join(folder, name)
    return f"{folder.rstrip('/')}/{name}"


def _matches(root: str | None, pattern: str) -> list[str]:
    if "://" in pattern or "://" in (root or ""):
        return _remote_matches(under(root, pattern))
    folder, pattern = os.path.expanduser(root or ""), os.path.expanduser(pattern)
    literal = os.path.join(folder, pattern)
    if os.path.isfile(literal):  # a name may hold glob characters
        return [literal]
    matches = glob.glob(os.path.join(glob.escape(folder), pattern), recursive=True)
    return sorted(filter(os.path.isfile, matches))


def _remote_matches(pattern: str) -> list[str]:
    import tensorflow as tf  # only remote paths need it, and it takes seconds to import

    with storage.file_errors(pattern):
        return sorted(path for path in tf.io.gfile.glob(pattern) if not tf.io.gfile.isdir(path))


def _no_match(source: config.Source, split: str, key: str, pattern: str) -> str:
    place = f"{key}.splits.{split}"
    public = " at ".join(filter(None, (source.name, source.homepage)))
    origin = f" (the public data set is {public})" if public else ""
    if source.root is not None:
        return (
            f"{place}: {pattern!r} matches no file in {source.root} ({key}.root); "
            f"correct the pattern, or the folder with --set {key}.root=DIR{origin}"
        )
    remedy = f"take a local copy and give its folder with --set {key}.root=DIR"
    return f"{place}: {pattern!r} matches no file and {key}.root is not set; {remedy}{origin}"
