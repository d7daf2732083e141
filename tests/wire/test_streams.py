"""Stream: one question and its Reply, whatever came."""

from __future__ import annotations

import time

import pytest

from grpcdoctor.wire.messages import frame_message
from grpcdoctor.wire.streams import BODY_LIMIT, Headers, Stream
from tests.wire.peers import OK_HEADERS


def stream() -> Stream:
    return Stream()


def test_a_reply_before_anything_came_says_so() -> None:
    reply = stream().reply("/a/B")
    assert (reply.path, reply.http_status, reply.grpc_status, reply.ended, reply.first_byte_ms) == (
        "/a/B", None, None, False, None,
    )  # fmt: skip
    assert not reply.answered


def test_trailers_only_is_told_from_headers_and_trailers() -> None:
    short, long = stream(), stream()
    short.receive_headers((*OK_HEADERS, ("grpc-status", "12")), end_stream=True)
    long.receive_headers(OK_HEADERS, end_stream=False)
    long.receive_headers((("grpc-status", "12"),), end_stream=True)
    assert short.reply("/").trailers_only
    assert not long.reply("/").trailers_only
    assert short.reply("/").grpc_status == long.reply("/").grpc_status == 12


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0", 0),
        ("99999999999", 999999999),
        ("-1", None),
        ("abc", None),
        ("", None),
        ("٣", None),
        (" 1", None),
        ("1.0", None),
    ],
)
def test_a_status_that_is_no_number_is_no_status(value: str, number: int | None) -> None:
    one = stream()
    one.receive_headers(((":status", value), ("grpc-status", value)), end_stream=True)
    assert one.reply("/").grpc_status == number


def test_a_reset_behind_a_complete_answer_changes_nothing() -> None:
    one = stream()
    one.receive_headers((*OK_HEADERS, ("grpc-status", "0")), end_stream=True)
    one.reset(0)
    assert one.reply("/").reset_code is None
    other = stream()
    other.reset(2)
    assert (other.reply("/").reset_code, other.closed) == (2, True)


def test_a_body_that_is_text_is_shown_and_one_of_messages_is_not() -> None:
    page, messages = stream(), stream()
    page.receive_data(b"<html>no healthy upstream", end_stream=True)
    messages.receive_data(frame_message(b"\x08\x01"), end_stream=True)
    assert page.reply("/").body == "<html>no healthy upstream"
    assert (messages.reply("/").body, messages.reply("/").body_hex) == ("", "00000000020801")


@pytest.mark.parametrize("body", [b"\0\xff\xff\xff\xffx", b"\0\0\0\0\7short", b"\x02\0\0\0\0"])
def test_a_lying_length_prefix_makes_no_message(body: bytes) -> None:
    one = stream()
    one.receive_data(body, end_stream=True)
    assert (one.reply("/").messages, one.reply("/").body_bytes, one.messages) == (0, len(body), [])


def test_a_body_is_counted_to_its_end_and_kept_to_its_limit() -> None:
    one = stream()
    for _ in range(80):
        one.receive_data(bytes(65536), end_stream=False)
    assert one.body_bytes == 80 * 65536 > BODY_LIMIT
    assert len(one.body) <= BODY_LIMIT + 65536


def test_secrets_are_redacted_and_values_clipped() -> None:
    headers: Headers = (
        (":status", "200"),
        ("set-cookie", "id=hunter2"),
        ("grpc-message", "Bearer abcdefghijklmnop was refused"),
        ("x", "y" * 9999),
        *((f"x-{n}", "v") for n in range(500)),
    )
    one = stream()
    one.receive_headers(headers, end_stream=True)
    reply = one.reply("/")
    assert "hunter2" not in str(reply)
    assert "abcdefghijklmnop" not in reply.grpc_message
    assert len(reply.header("x") or "") == 2048
    assert len(reply.headers) <= 128


def test_a_large_body_is_split_once_however_often_it_is_asked_for() -> None:
    one = stream()
    one.receive_data(bytes(BODY_LIMIT), end_stream=True)  # hundreds of thousands of empty messages
    first = time.process_time()
    count = one.reply("/").messages
    once = time.process_time() - first
    first = time.process_time()
    for _ in range(20):
        assert len(one.messages) == one.reply("/").messages == count
    assert time.process_time() - first < max(once, 0.2)
