"""google.protobuf's types in their special JSON forms, as jsonpb writes them.

https://protobuf.dev/programming-guides/json/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grpcdoctor.client.errors import FormatError
from grpcdoctor.client.formats import well_known
from grpcdoctor.client.formats.decoding import decode
from grpcdoctor.client.formats.fields import BYTES, fields_of
from grpcdoctor.client.formats.json_scalars import base64_text, float_writer, scalar_writer
from grpcdoctor.client.formats.json_strings import quote

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpcdoctor.client.formats.json_writer import JsonWriter

    # The writer, the message (of a pool's own class: its attributes are not known to type checkers), the line break.
    WriteSpecial = Callable[[JsonWriter, Any, str], str]

_write_double = float_writer(linked=True, single=False)


def _wrapper(writer: JsonWriter, message: Any, newline: str) -> str:
    (field,) = fields_of(message.DESCRIPTOR).declared
    if field.kind == BYTES and not message.value and not writer.standard:
        return "null"  # what encoding/json makes of bytes that are not there
    return scalar_writer(field, linked=True)(message.value)


def _empty(writer: JsonWriter, message: Any, newline: str) -> str:
    return "{}"


def _timestamp(writer: JsonWriter, message: Any, newline: str) -> str:
    try:
        return f'"{well_known.timestamp_text(message.seconds, message.nanos)}"'
    except ValueError as wrong:
        raise FormatError(str(wrong)) from None


def _duration(writer: JsonWriter, message: Any, newline: str) -> str:
    try:
        return f'"{well_known.duration_text(message.seconds, message.nanos)}"'
    except ValueError as wrong:
        raise FormatError(str(wrong)) from None


def _field_mask(writer: JsonWriter, message: Any, newline: str) -> str:
    return quote(",".join(map(well_known.camel_path, message.paths)))


def _value(writer: JsonWriter, message: Any, newline: str) -> str:
    kind = message.WhichOneof("kind")
    if kind is None:
        raise FormatError("nil Value")
    return _VALUES[kind](writer, getattr(message, kind), newline)


def _struct(writer: JsonWriter, message: Any, newline: str) -> str:
    inner = newline + writer.step
    members = [f"{quote(key)}: {_value(writer, message.fields[key], inner)}" for key in sorted(message.fields)]
    return writer.object(members, newline)


def _list(writer: JsonWriter, message: Any, newline: str) -> str:
    inner = newline + writer.step
    return writer.array([_value(writer, value, inner) for value in message.values], newline)


_VALUES: dict[str, WriteSpecial] = {
    "null_value": lambda writer, value, newline: "null",
    "number_value": lambda writer, value, newline: _write_double(value),
    "string_value": lambda writer, value, newline: quote(value),
    "bool_value": lambda writer, value, newline: "true" if value else "false",
    "struct_value": _struct,
    "list_value": _list,
}


def _any(writer: JsonWriter, message: Any, newline: str) -> str:
    """Its message with an @type, or, where that has a special form, @type and value; a stand-in for unknown types."""
    url = message.type_url
    name = url.rpartition("/")[2]
    descriptor = writer.types.find(name)
    if descriptor is None:
        return _placeholder(writer, name, message, newline)
    inner = newline + writer.step
    content = decode(descriptor, message.value)
    linked = writer.types.is_linked(name)
    own_type = f'"@type": {quote(url)}'
    if name in well_known.SPECIAL:
        value = writer.message_writer(descriptor, linked)(content, inner)
        return writer.object([own_type, f'"value": {value}'], newline)
    table = writer.table(descriptor, linked)
    members = table.members(content, newline)
    if linked or writer.standard:
        return writer.object([own_type, *members.values()], newline)
    by_key = {table.keys[number]: member for number, member in members.items()}
    by_key["@type"] = own_type
    return writer.object([by_key[key] for key in sorted(by_key)], newline)


def _placeholder(writer: JsonWriter, name: str, message: Any, newline: str) -> str:
    if not writer.placeholder_any:
        raise FormatError(f"unknown message type {name}")
    why = f"{name} is not recognized; see @value for raw binary message data"
    members = [
        f'"@error": {quote(why)}',
        f'"@type": {quote(message.type_url)}',
        f'"@value": {base64_text(message.value)}',
    ]
    if not message.type_url:  # its members are sorted only where a type is added to them
        members[:2] = members[1::-1]
    return writer.object(members, newline)


SPECIAL_FORMS: dict[str, WriteSpecial] = {
    **dict.fromkeys(well_known.WRAPPERS, _wrapper),
    "google.protobuf.Any": _any,
    "google.protobuf.Duration": _duration,
    "google.protobuf.Empty": _empty,
    "google.protobuf.ListValue": _list,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Value": _value,
}

# Those that the specification has besides.
STANDARD_FORMS: dict[str, WriteSpecial] = {**SPECIAL_FORMS, "google.protobuf.FieldMask": _field_mask}
