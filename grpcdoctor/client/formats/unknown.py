"""What protobuf keeps apart as unknown: enum numbers that a closed enum does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from google.protobuf.message import Message

_VARINT: Final = 0
_BYTES: Final = 2


def unknown_enum_numbers(message: Message) -> dict[int, list[int]]:
    """By field: the numbers among the unknown fields, packed ones included, as the int32 that they are.

    A proto2 enum takes no number that it does not declare: protobuf for Python moves those to the unknown fields, Go
    leaves them in their fields.
    """
    from google.protobuf.unknown_fields import UnknownFieldSet

    numbers: dict[int, list[int]] = {}
    for unknown in UnknownFieldSet(message):  # type: ignore[attr-defined]
        found = numbers.setdefault(unknown.field_number, [])
        if unknown.wire_type == _VARINT:
            found.append(_int32(unknown.data))
        elif unknown.wire_type == _BYTES:
            found += _packed(unknown.data)
    return numbers


def _packed(data: bytes) -> list[int]:
    numbers, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(_int32(value))
            value = shift = 0
    return numbers


def _int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def add_unknown_enum(message: Message, number: int, value: int) -> None:
    """Put a number that the field's closed enum does not declare among the unknown fields, where it is sent."""
    message.MergeFromString(_varint(number << 3 | _VARINT) + _varint(value & 0xFFFFFFFFFFFFFFFF))


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
