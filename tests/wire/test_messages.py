"""gRPC's length-prefixed messages and its percent-encoded status message."""

from __future__ import annotations

import pytest

from grpcdoctor.wire.messages import decode_status_message, frame_message, split_messages


@pytest.mark.parametrize(
    ("body", "messages", "rest"),
    [
        (b"", [], b""),
        (frame_message(b"ab") + frame_message(b""), [b"ab", b""], b""),
        (b"\1\0\0\0\2gz", [b"gz"], b""),
        (frame_message(b"ab")[:-1], [], b"\0\0\0\0\2a"),
        (frame_message(b"ab") + b"\0\0\0", [b"ab"], b"\0\0\0"),
        (b"\0\xff\xff\xff\xffshort", [], b"\0\xff\xff\xff\xffshort"),
        (b"<html>", [], b"<html>"),
        (frame_message(b"a") + b"\x80\0\0\0\1x", [b"a"], b"\x80\0\0\0\1x"),
    ],
)
def test_a_body_is_split_at_its_length_prefixes(body: bytes, messages: list[bytes], rest: bytes) -> None:
    assert split_messages(body) == (messages, rest)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("plain", "plain"),
        ("50%25 off%0A", "50% off\n"),
        ("%zz%4", "%zz%4"),
        ("%ff", "�"),
        ("na%C3%AFve ü", "naïve ü"),
    ],
)
def test_a_status_message_is_percent_decoded(sent: str, shown: str) -> None:
    assert decode_status_message(sent) == shown
