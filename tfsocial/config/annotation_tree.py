"""Walk the annotations of a config: what may stand under a key, and which variant of a union does.

Everything that has to know the shape of a config without being told (the key path in a message,
how files lie over each other, which values are paths) asks here.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag


@dataclasses.dataclass(frozen=True)
class TaggedUnion:
    """Variants of which the value says by `tag_of` which one it is.

    Attributes:
        variants: tag -> annotation.
        tag_of: the tag of a value; None where the value does not say.
    """

    variants: Mapping[str, Any]
    tag_of: Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class TagBy:
    """A tag that stands under one key: the discriminator of a union whose sections name themselves.

    As a note of a single section it says that the other keys belong to what `key` names.

    >>> TagBy("name", "adamw")({"name": "lion"}), TagBy("name", "adamw")({})
    ('lion', 'adamw')
    """

    key: str
    default: str | None = None

    @property
    def __name__(self) -> str:  # pydantic calls a discriminator by its name
        return f"tag_by_{self.key}"

    def __call__(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value.get(self.key, self.default)
        return getattr(value, self.key, self.default)


def metadata(annotation: Any) -> tuple[Any, ...]:
    """Return what `Annotated` says beside the type, `| None` or not.

    >>> metadata(Annotated[int, "a note"] | None)
    ('a note',)
    """
    if get_origin(annotation) is Annotated:
        return annotation.__metadata__ + metadata(get_args(annotation)[0])
    rest = [member for member in _members(annotation) if member is not type(None)]
    return metadata(rest[0]) if len(rest) == 1 and rest[0] is not annotation else ()


def bare(annotation: Any) -> Any:
    """Return the type without `Annotated` and `| None` around it.

    >>> bare(Annotated[int | None, "a note"])
    <class 'int'>
    """
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
            continue
        rest = [member for member in _members(annotation) if member is not type(None)]
        if len(rest) != 1 or rest[0] is annotation:
            return annotation
        annotation = rest[0]


def tagged_union(annotation: Any) -> TaggedUnion | None:
    """Return the union that an annotation is, `| None` or not; None where it is none."""
    tags_of = [note.discriminator for note in metadata(annotation) if _discriminates(note)]
    if not tags_of:
        return None
    return TaggedUnion({_tag(member): member for member in _members(bare(annotation))}, tags_of[0])


def tag_of(annotation: Any) -> Callable[[Any], Any] | None:
    """Return what says of a value which variant it is; None where there are no variants."""
    union = tagged_union(annotation)
    named = [note for note in metadata(annotation) if isinstance(note, TagBy)]
    return union.tag_of if union is not None else next(iter(named), None)


def fields(annotation: Any) -> dict[str, Any]:
    """Return key -> annotation of a section or dataclass; {} of anything else."""
    kind = bare(annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.rebuild_annotation() for name, field in kind.model_fields.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return {}


def value_of_mapping(annotation: Any) -> Any:
    """Return what stands under each name of a `dict[Name, value]`; None of anything else."""
    kind = bare(annotation)
    return get_args(kind)[1] if get_origin(kind) is dict else None


def below(annotation: Any, key: Any) -> Any:
    """Return the annotation of what stands under a key or a place in a list; None if unknown."""
    kind = bare(annotation)
    if get_origin(kind) is tuple:
        places = get_args(kind)
        return places[0] if len(places) == 1 or places[-1] is Ellipsis else places[int(key)]
    return fields(kind).get(key) or value_of_mapping(kind)


def variant(annotation: Any, value: Any) -> Any:
    """Return the variant of a tagged union that a value is; the annotation itself of others."""
    union = tagged_union(annotation)
    return annotation if union is None else union.variants.get(union.tag_of(value))


def changed(annotation: Any, value: Any, change: Callable[..., Any], path: tuple = ()) -> Any:
    """Return a tree of plain values with each leaf as `change(notes, leaf, path)` makes it.

    Args:
        change: gets what `Annotated` says of a leaf beside its type, the leaf and its key path.
    """
    actual = variant(annotation, value) if annotation is not None else None
    if isinstance(value, Mapping):
        return {
            key: changed(
                None if actual is None else below(actual, key), leaf, change, (*path, str(key))
            )
            for key, leaf in value.items()
        }
    if isinstance(value, list | tuple):
        inner = None if actual is None else below(actual, 0)
        return [changed(inner, leaf, change, (*path, str(i))) for i, leaf in enumerate(value)]
    return change(metadata(annotation), value, path)


def walk(annotation: Any, location: Sequence[str | int]) -> tuple[list[str], Any]:
    """Return the keys of an error's location and the annotation of what holds the last key.

    Pydantic puts the tag of a variant behind the key of its union; a config has no such key.
    """
    keys, holder, current = [], None, annotation
    for part in location:
        union = tagged_union(current) if current is not None else None
        if union is not None and isinstance(part, str) and part in union.variants:
            current = union.variants[part]
            continue
        keys.append(str(part))
        holder, current = current, None if current is None else below(current, part)
    return keys, holder


def _members(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _discriminates(note: Any) -> bool:
    return isinstance(note, Discriminator)


def _tag(member: Any) -> str:
    return next(note.tag for note in metadata(member) if isinstance(note, Tag))


def types_in(annotation: Any) -> Iterator[Any]:
    """Yield an annotation and all that it is made of."""
    yield annotation
    for argument in get_args(annotation):
        yield from types_in(argument)
