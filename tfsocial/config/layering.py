"""Lay one tree of values over another, as the annotations of a config say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfsocial.config import annotation_tree
from tfsocial.config.annotation_tree import TagBy


def over(below: Any, above: Any, annotation: Any) -> Any:
    """Return two trees as one: keys of both, of a key in both the value of `above`.

    Of two variants of a union (two losses, a number and a schedule, two translators) that of
    `above` stands alone: keys of the other would mean nothing in it, or something else.
    """
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    if _other_variant(below, above, annotation):
        return above
    inner = annotation_tree.variant(annotation, {**below, **above})
    return {**below, **above} | {
        key: over(below[key], value, None if inner is None else annotation_tree.below(inner, key))
        for key, value in above.items()
        if key in below
    }


def without_removed(before: Any, after: Any, annotation: Any) -> Any:
    """Return a changed tree without the named things of before that the change made null.

    So a term, a task, a source of a mixture is taken away. A null where there was nothing stays,
    and is a mistake: whoever writes `tasks: {intent: }` did not mean to have no task.

    >>> from tfsocial.config.run import Config
    >>> terms = {"objectives": {"papers": {"r_drop": {}, "fgm": {}}}}
    >>> without_removed(terms, {"objectives": {"papers": {"r_drop": None, "fgm": {}}}}, Config)
    {'objectives': {'papers': {'fgm': {}}}}
    """
    if annotation is None or not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return after
    actual = annotation_tree.variant(annotation, after)
    named = annotation_tree.value_of_mapping(actual) is not None
    return {
        key: without_removed(before.get(key), value, annotation_tree.below(actual, key))
        for key, value in after.items()
        if not (named and value is None and before.get(key) is not None)
    }


def _other_variant(below: Mapping[str, Any], above: Mapping[str, Any], annotation: Any) -> bool:
    tag_of = annotation_tree.tag_of(annotation)
    if tag_of is None or (isinstance(tag_of, TagBy) and tag_of.key not in above):
        return False
    return tag_of(below) != tag_of(above)
