"""The few protobuf messages of health and reflection, read and written without the protobuf package (20 ms to import).

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

Value = int | bytes

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class ProtobufError(ValueError):
    """The bytes are no protobuf message."""


def read_fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """(field number, integer or bytes) in order. Raises ProtobufError."""
    position = 0
    while position < len(data):
        key, position = read_varint(data, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, position = read_varint(data, position)
            yield number, value
            continue
        if wire_type == _LENGTH_DELIMITED:
            length, position = read_varint(data, position)
        elif wire_type in (_FIXED32, _FIXED64):
            length = 4 if wire_type == _FIXED32 else 8
        else:
            raise ProtobufError(f"wire type {wire_type}")
        if position + length > len(data):
            raise ProtobufError("cut short")
        yield number, data[position : position + length]
        position += length


def bytes_of(data: bytes, number: int) -> Iterator[bytes]:
    """Every length-delimited value of this field."""
    return (value for field, value in read_fields(data) if field == number and isinstance(value, bytes))


def integer_of(data: bytes, number: int, default: int = 0) -> int:
    """The last varint of this field (the last one wins), or the default."""
    found = default
    for field, value in read_fields(data):
        if field == number and isinstance(value, int):
            found = value
    return found


def text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def field(number: int, value: bytes) -> bytes:
    """One length-delimited field."""
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(value)) + value


def integer_field(number: int, value: int) -> bytes:
    """One varint field."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def packed_integers(data: bytes) -> list[int]:
    """The varints of a packed repeated field. Raises ProtobufError."""
    numbers, position = [], 0
    while position < len(data):
        value, position = read_varint(data, position)
        numbers.append(value)
    return numbers


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The value that begins here, and where it ends. Raises ProtobufError."""
    value = 0
    for shift in range(_LONGEST_VARINT):
        if position >= len(data):
            raise ProtobufError("cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, position
    raise ProtobufError("a varint of more than ten bytes")
