"""Sniff before you speak: the first bytes name what a port really talks."""

from __future__ import annotations

import pytest

from grpcdoctor.wire import frames
from grpcdoctor.wire.first_bytes import enough_to_tell, first_bytes_of, spoken_by
from grpcdoctor.wire.frames import Frame

SETTINGS = frames.settings({3: 1}).encode()


@pytest.mark.parametrize(
    ("data", "spoken"),
    [
        (SETTINGS, "h2"),
        (frames.settings({}).encode(), "h2"),
        (frames.SETTINGS_ACK.encode(), "h2"),
        (Frame(7, 0, 0, bytes(8)).encode(), "h2"),
        (b"HTTP/1.1 400 Bad Request\r\n", "http/1.1"),
        (b"HTTP/1.0 200 OK\r\n", "http/1.1"),
        (bytes.fromhex("15030100020246"), "tls"),
        (bytes.fromhex("1603030050"), "tls"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        (SETTINGS[:8], "garbage"),
        (b"\0\0\5\4\0\0\0\0\0hello", "garbage"),
        (b"\0\0\6\4\0\0\0\0\1" + bytes(6), "garbage"),
        (b"\xff\xff\xff\4\0\0\0\0\0", "garbage"),
        (b"<!DOCTYPE HTML>\n<html>", "http/1.1"),
        (b"220 mail.example.com ESMTP\r\n", "garbage"),
        (b"\x15\x04", "garbage"),
    ],
)
def test_what_a_port_speaks_is_told_from_its_first_bytes(data: bytes, spoken: str) -> None:
    assert spoken_by(data) == spoken


@pytest.mark.parametrize(
    ("data", "enough"),
    [(SETTINGS[:8], False), (SETTINGS[:9], True), (b"HTTP/1.1 4", False), (b"HTTP" + bytes(60), True)],
)
def test_reading_stops_when_more_bytes_would_change_nothing(data: bytes, enough: bool) -> None:
    assert enough_to_tell(data) is enough


def test_the_alert_of_a_tls_port_is_read() -> None:
    assert first_bytes_of(bytes.fromhex("15030100020246"), 1.0).tls_alert == 0x46
    assert first_bytes_of(bytes.fromhex("1503"), 1.0).tls_alert is None


def test_a_first_line_of_text_is_shown_as_text_and_bytes_are_not() -> None:
    assert first_bytes_of(b"SSH-2.0-x\r\nmore", 1.0).text == "SSH-2.0-x"
    assert first_bytes_of(b"\x1b[31mred\n", 1.0).text is None
    assert first_bytes_of(bytes(500), 1.0).data == "00" * 64
