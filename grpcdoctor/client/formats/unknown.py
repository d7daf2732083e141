"""What protobuf keeps apart as unknown: enum numbers that a closed enum does not have.

A proto2 enum takes no number that it does not declare: protobuf for Python moves those to the unknown fields, Go leaves
them in their fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.wire.protobuf import ProtobufError, integer_field, packed_integers

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from grpcdoctor.client.formats.fields import Field, MessageFields

_VARINT: Final = 0
_LENGTH_DELIMITED: Final = 2
_64_BITS: Final = 2**64 - 1


def unknown_enum_numbers(message: Message, fields: MessageFields) -> dict[Field, list[int]]:
    """By field of a closed enum: its numbers among the unknown fields, packed ones included, as the int32 that they
    are."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    numbers: dict[Field, list[int]] = {}
    for unknown in UnknownFieldSet(message):  # type: ignore[attr-defined]
        field = fields.numbered(unknown.field_number)
        if field is None or not field.is_closed_enum:
            continue
        found = numbers.setdefault(field, [])
        if unknown.wire_type == _VARINT:
            found.append(_int32(unknown.data))
        elif unknown.wire_type == _LENGTH_DELIMITED:
            found += _packed(unknown.data)
    return numbers


def add_unknown_enum(message: Message, number: int, value: int) -> None:
    """Put a number that the field's closed enum does not declare among the unknown fields, where it is sent."""
    message.MergeFromString(integer_field(number, value & _64_BITS))


def _packed(data: bytes) -> list[int]:
    try:
        return [_int32(value) for value in packed_integers(data)]
    except ProtobufError:  # no packed enum, then
        return []


def _int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
