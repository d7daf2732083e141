"""The protobuf reader reads what protobuf writes, and refuses all else."""

from __future__ import annotations

import pytest

from grpcdoctor.wire.protobuf import ProtobufError, bytes_of, field, integer_of, read_fields, text


def test_fields_of_every_wire_type_are_read_in_order() -> None:
    data = b"\x08\x96\x01" + field(2, b"ab") + b"\x19" + bytes(8) + b"\x25" + b"1234" + field(2, b"")
    assert list(read_fields(data)) == [(1, 150), (2, b"ab"), (3, bytes(8)), (4, b"1234"), (2, b"")]
    assert list(bytes_of(data, 2)) == [b"ab", b""]


def test_of_a_repeated_integer_the_last_one_counts() -> None:
    assert integer_of(b"\x08\x01\x08\x02", 1) == 2
    assert integer_of(b"", 1, default=7) == 7


def test_a_long_field_has_a_long_length() -> None:
    assert list(bytes_of(field(20, bytes(300)), 20)) == [bytes(300)]


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x08\x80",
        b"\x08" + b"\xff" * 11,
        b"\x12\x05ab",
        b"\x0b",
        b"\x0f",
        b"\x19\0\0",
        b"\x12\xff\xff\xff\xff\x7f",
    ],
)
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(ProtobufError):
        list(read_fields(data))


def test_text_that_is_no_utf8_stays_visible() -> None:
    assert text(b"a\xff") == "a�"
