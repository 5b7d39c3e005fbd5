"""Messages of protocol buffers from a table, for interfaces whose own packages are too heavy.

On the wire a message is the numbers and types of its fields; its name is not sent. So messages of a
package of our own are understood by whoever has the real ones, and both may be imported in one
process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Message -> field -> (number, type). A type is the name of a scalar or message; a list repeats it,
# a set maps strings to it.
Table = Mapping[str, Mapping[str, tuple[int, Any]]]

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
}


def classes(package: str, table: Table) -> dict[str, Any]:
    """Make the class of each message in a table.

    >>> Point = classes("example", {"Point": {"x": (1, "int64"), "tags": (2, ["string"])}})["Point"]
    >>> Point(x=3, tags=["a"]).SerializeToString()
    b'\\x08\\x03\\x12\\x01a'
    """
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3"
    )
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(package, message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in table
    }


def _typed(package: str, field: Any, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{package}.{kind}"


def _add_field(package: str, message: Any, name: str, number: int, kind: Any) -> None:
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if isinstance(kind, str):
        return _typed(package, field, kind)
    field.label = _Field.LABEL_REPEATED
    if isinstance(kind, list):
        return _typed(package, field, kind[0])
    # A map is a repeated message of key and value, named after the field.
    entry = message.nested_type.add(name=f"{name.title()}Entry")
    entry.options.map_entry = True
    _add_field(package, entry, "key", 1, "string")
    _add_field(package, entry, "value", 2, *kind)
    return _typed(package, field, f"{message.name}.{entry.name}")
