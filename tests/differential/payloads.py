"""Bytes for kitchen.v1.Raw, which no well-behaved server would send, by the name that cases call them."""

from __future__ import annotations

import base64
import struct

_DEEP, _DEEPER = 90, 120
"""Messages in each other: protobuf stops at 100 in Python, C++ and Java, at 10,000 in Go."""
_TWO_64 = 1 << 64


def _varint(number: int) -> bytes:
    number %= _TWO_64
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, *values: float, bits: int | None = None) -> bytes:
    if bits is not None:
        return _varint(field << 3 | 1) + struct.pack("<Q", bits)
    if len(values) > 1:
        return _piece(field, struct.pack(f"<{len(values)}d", *values))
    return _varint(field << 3 | 1) + struct.pack("<d", *values)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _piece(field: int, *content: bytes) -> bytes:
    """A string, bytes, a message, or packed numbers."""
    joined = b"".join(content)
    return _varint(field << 3 | 2) + _varint(len(joined)) + joined


def _group(field: int, *content: bytes) -> bytes:
    return _varint(field << 3 | 3) + b"".join(content) + _varint(field << 3 | 4)


def _tree(depth: int) -> bytes:
    """kitchen.v1.Tree, each in the `trunk` (3) of the one around it."""
    inner = _piece(1, b"x")
    for _ in range(depth):
        inner = _piece(3, inner)
    return inner


def _any(field: int, url: str, value: bytes) -> bytes:
    return _piece(field, _piece(1, url.encode()), _piece(2, value))


_KITCHEN = "type.googleapis.com/kitchen.v1."
_EVERYTHING = {
    "too_large": _number(3, 1 << 32 | 5) + _number(6, (1 << 33) + 7),
    "unknown_fields": _number(200, 5) + _piece(15, b"a") + _piece(201, b"hi") + _double(202, 1.0) + _float(203, 1.0),
    "unknown_message": _piece(15, b"a") + _piece(204, _number(1, 5)) + _group(205, _number(1, 6)),
    "unknown_enum": _number(17, 99) + _piece(25, _varint(1), _varint(99)),
    "negative_enum": _number(17, -1),
    "not_a_number": _double(1, float("nan")) + _float(2, float("inf")) + _double(22, float("-inf"), float("nan")),
    "minus_zero": _double(1, -0.0) + _float(2, -0.0),
    "tiny_and_huge": _double(1, bits=1) + _float(2, 3.4028234e38) + _double(22, 1.7976931348623157e308, 1.0),
    "thirds": _double(1, 1 / 3) + _float(2, 1 / 3),
    "exponents": _double(22, 1e16, 1e20, 1e21, 1e-6, 1e-7, 123456789.0, 0.1, 100.0) + _float(2, 1e21),
    "float_exponents": _float(2, 16777216.0) + _piece(66, b""),
    "invalid_utf8": _piece(15, b"\xff\xfe"),
    "truncated": b"\x7a\x05a",
    "bad_tag": b"\x07",
    "escapes": _piece(15, 'quote " slash \\ / <b>&amp; \u2028 \x7f \x01 \t\n é 😀'.encode()),
    "all_bytes": _piece(16, bytes(range(256))),
    "same_key_twice": _piece(50, _piece(1, b"a"), _piece(2, b"1")) + _piece(50, _piece(1, b"a"), _piece(2, b"2")),
    "half_entries": _piece(50, _piece(1, b"a")) + _piece(50, _piece(2, b"b")) + _piece(62, _piece(1, b"c")),
    "unpacked": _number(20, 1) + _number(20, 2) + _piece(20, _varint(3), _varint(4)),
    "both_choices": _piece(40, b"s") + _number(41, 5),
    "chosen_default": _number(41, 0),
    "present_defaults": _number(30, 0) + _piece(31, b"") + _number(32, 0) + _number(33, 0) + _piece(34, b""),
    "largest": _number(3, 2**31 - 1) + _number(4, 2**63 - 1) + _number(6, 2**32 - 1) + _number(7, 2**64 - 1),
    "smallest": _number(3, -(2**31)) + _number(4, -(2**63)) + _number(8, 2**32 - 1) + _number(9, 2**64 - 1),
    "merged": _piece(18, _piece(1, b"first")) + _piece(18, _piece(2, _number(1, 7))),
    "large": _piece(201, bytes(5_000_000)),  # an unknown field, so that the answer is not as large when printed
    "zeros": _number(3, 0) + _piece(15, b"") + _number(14, 0),
}
_LEGACY = {
    "nothing": b"",
    "groups": _number(1, 1)
    + _group(20, _piece(1, b"x"), _group(3, _number(1, 1)))
    + _group(21, _piece(1, b"a"))
    + _group(21, _piece(1, b"b"), _number(2, 5))
    + _group(24, _number(1, 9)),
    "extensions": _number(1, 1)
    + _piece(100, b"o")
    + _piece(101, _varint(1), _varint(2))
    + _number(102, 5)
    + _piece(103, _piece(1, b"p"))
    + _group(104, _piece(1, b"g"))
    + _piece(105, b"\x00\xff")
    + _piece(150, b"i")
    + _piece(151, _piece(1, b"c"), _number(10, 3)),
    "unknown_extension": _number(1, 1) + _number(136, 7),
    "closed_enum": _number(1, 1) + _number(11, 99),
    "closed_enum_of_extension": _number(1, 1) + _number(102, 99),
    "legacy_specials": _number(1, 1) + _double(5, float("inf")) + _float(6, float("-inf")) + _float(7, float("nan")),
    "legacy_invalid_utf8": _number(1, 1) + _piece(2, b"\xff"),
}
_WELL_KNOWN = {
    "no_type_url": _piece(8, _piece(2, _number(1, 1))),
    "unknown_any": _any(8, "type.example.test/no.Type", b"\x08\x01"),
    "broken_any": _any(8, _KITCHEN + "Tree", b"\x0a"),
    "odd_any_url": _any(8, "kitchen.v1.Nothing", b"") + _any(30, "a/b/kitchen.v1.Tree", _piece(1, b"t")),
    "any_in_any": _any(
        8,
        "type.googleapis.com/google.protobuf.Any",
        _piece(1, _KITCHEN.encode() + b"Tree") + _piece(2, _piece(1, b"t")),
    ),
    "any_of_well_known": _any(8, "type.googleapis.com/google.protobuf.Duration", _number(1, 3))
    + _any(30, "type.googleapis.com/google.protobuf.Empty", b"")
    + _any(30, "type.googleapis.com/google.protobuf.Int64Value", _number(1, 3))
    + _any(30, "type.googleapis.com/google.protobuf.Struct", b""),
    "late_timestamp": _piece(1, _number(1, 2**63 - 1)),
    "bad_nanos": _piece(1, _number(2, 2_000_000_000)),
    "early_timestamp": _piece(1, _number(1, -62135596800)) + _piece(31, _number(1, -1), _number(2, 999_999_999)),
    "last_timestamp": _piece(1, _number(1, 253402300799), _number(2, 999_999_999)),
    "nanoseconds": _piece(1, _number(1, 1), _number(2, 1)) + _piece(2, _number(1, 2), _number(2, 10_000_000)),
    "microseconds": _piece(1, _number(1, 1), _number(2, 120_000)) + _piece(2, _number(1, 2), _number(2, 120_000)),
    "negative_duration": _piece(2, _number(1, -1), _number(2, -500_000_000)),
    "small_negative_duration": _piece(2, _number(2, -1)),
    "contrary_duration": _piece(2, _number(1, 1), _number(2, -1)),
    "long_duration": _piece(2, _number(1, 400_000_000_000)),
    "empty_value": _piece(4, b""),
    "empty_members": _piece(3, b"") + _piece(5, b"") + _piece(6, b"") + _piece(7, b"") + _piece(8, b""),
    "empty_wrappers": b"".join(_piece(field, b"") for field in range(20, 29)),
    "full_value": _piece(3, _piece(1, _piece(1, b"k"), _piece(2, _double(2, 1.5))))
    + _piece(
        5, _piece(1, _number(1, 0)), _piece(1, _piece(3, b"s")), _piece(1, _number(4, 1)), _piece(1, _piece(6, b""))
    ),
    "value_not_a_number": _piece(4, _double(2, float("nan"))),
    "value_infinite": _piece(4, _double(2, float("inf"))),
    "mask": _piece(6, _piece(1, b"a_b.c_d"), _piece(1, b"e")),
    "wrappers": _piece(20, _double(1, 1.5))
    + _piece(22, _number(1, -1))
    + _piece(26, _number(1, 1))
    + _piece(28, _piece(1, b"\xff")),
    "null": _number(9, 0) + _number(40, 0),
}
_DETAILS = {
    "unknown_detail": _number(1, 3) + _piece(2, b"bad") + _any(3, "type.googleapis.com/no.Such", b"\x08\x01"),
    "broken_detail": _number(1, 3) + _piece(2, b"bad") + _any(3, _KITCHEN + "Tree", b"\x0a"),
    "contrary_detail": _number(1, 9) + _piece(2, b"another") + _any(3, _KITCHEN + "Nothing", b""),
}
"""Each a google.rpc.Status."""
PAYLOADS = {**_EVERYTHING, **_LEGACY, **_WELL_KNOWN, **_DETAILS, "deep": _tree(_DEEP), "deeper": _tree(_DEEPER)}


def as_base64(name: str) -> str:
    """As JSON wants bytes."""
    return base64.b64encode(PAYLOADS[name]).decode()


def as_text(name: str) -> str:
    """As a string of the text format wants them, without its quotes."""
    return "".join(f"\\x{byte:02x}" for byte in PAYLOADS[name])
