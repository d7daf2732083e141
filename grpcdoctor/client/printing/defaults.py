"""default_value of descriptor.proto, which is a text for every type, as the value that it stands for."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING, Any, Final

from grpcdoctor.client.printing.options import Identifier, Number

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    from grpcdoctor.client.printing.schema import Schema

_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_CONTROLS: Final = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))


def default_of(field: FieldDescriptorProto, schema: Schema) -> Any:
    """As the value of an Option. An enum's value has the first of the names that share its number."""
    text = field.default_value
    if field.type == field.TYPE_ENUM:
        enum = schema.enum(field.type_name.removeprefix("."))
        named = enum.values_by_name.get(text, enum.values[0])
        return Identifier(next(value.name for value in enum.values if value.number == named.number))
    if field.type == field.TYPE_BOOL:
        return text == "true"
    if field.type == field.TYPE_STRING:
        return text
    if field.type == field.TYPE_BYTES:
        return unescaped(text.encode())
    if field.type == field.TYPE_FLOAT:
        return Number(ctypes.c_float(float(text)).value)
    return Number(text) if field.type == field.TYPE_DOUBLE else int(text)


def unescaped(text: bytes) -> bytes:
    """The bytes behind C escapes."""
    return _ESCAPE.sub(_unescape, text)


def _unescape(escape: re.Match[bytes]) -> bytes:
    octal, hexadecimal, character = escape.groups()
    if octal:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    return bytes([_CONTROLS.get(character[0], character[0])])
