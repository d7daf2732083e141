"""HTTP/1.x answers are read within bounds, whole or broken."""

from __future__ import annotations

import asyncio
import time

import pytest

from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.http1 import BODY_KEPT, READ_LIMIT, parse_answer, read_answer, request
from tests.patience import AT_ONCE
from tests.wire.peers import HandFed

HEAD = b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://x/\r\nServer:  nginx \r\n"


def test_an_answer_is_read_with_its_headers_and_body() -> None:
    answer = parse_answer(HEAD + b"Content-Length: 2\r\n\r\nhi")
    assert answer is not None
    assert (answer.status, answer.reason, answer.body) == (301, "Moved Permanently", "hi")
    assert (answer.header("location"), answer.header("server")) == ("https://x/", "nginx")


@pytest.mark.parametrize(
    ("rest", "body"),
    [
        (b"Content-Length: 100\r\n\r\nhi", "hi"),
        (b"\r\nhi", "hi"),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi"),
        (b"Transfer-Encoding: chunked\r\n\r\n", ""),
        (b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", ""),
        (b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhi", "hi"),
        (b"", ""),
    ],
)
def test_a_body_that_is_cut_or_badly_chunked_costs_no_header(rest: bytes, body: str) -> None:
    answer = parse_answer(HEAD + rest)
    assert answer is not None
    assert (answer.status, answer.header("location"), answer.body) == (301, "https://x/", body)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 400", 400),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 500 + b"\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70000 + b"\r\n\r\n", 200),
        (b"HTTP/1.1 999999 OK\r\n\r\n", 999),
    ],
)
def test_of_a_head_beyond_all_bounds_the_status_remains(data: bytes, status: int) -> None:
    answer = parse_answer(data)
    assert answer is not None
    assert answer.status == status


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.", b"\0\0\0\4\0\0\0\0\0", b"\r\n"]
)
def test_what_is_no_http_is_no_answer(data: bytes) -> None:
    assert parse_answer(data) is None


def test_secrets_in_headers_are_redacted_and_the_body_is_clipped() -> None:
    answer = parse_answer(HEAD + b"Set-Cookie: id=hunter2\r\n\r\n" + b"a" * 5000)
    assert answer is not None
    assert "hunter2" not in str(answer)
    assert len(answer.body) == BODY_KEPT


def read(duplex: HandFed, seconds: float) -> tuple[bytes, float]:
    started = time.monotonic()
    data = asyncio.run(_read(duplex, seconds))
    return data, time.monotonic() - started


async def _read(duplex: HandFed, seconds: float) -> bytes:
    return await read_answer(duplex, Deadline.after(seconds))


def test_reading_ends_when_the_peer_pauses_after_the_head() -> None:
    data, took = read(HandFed(HEAD, b"\r\nbody"), 60)
    assert data.endswith(b"body")
    assert took < AT_ONCE


def test_reading_ends_at_the_deadline_without_a_head_and_at_the_limit_with_too_much() -> None:
    data, took = read(HandFed(b"HTTP/1.1 200 OK\r\n"), 0.1)
    assert (data, took < AT_ONCE) == (b"HTTP/1.1 200 OK\r\n", True)
    assert len(read(HandFed(*[b"x" * 9000] * 10), 5)[0]) == READ_LIMIT


def test_a_reset_ends_the_answer_and_keeps_what_came() -> None:
    assert read(HandFed(b"HTTP/1.1 2", ConnectionResetError()), 5)[0] == b"HTTP/1.1 2"


def test_a_request_asks_for_the_connection_to_be_closed() -> None:
    assert request("GET", "h:1").startswith(b"GET / HTTP/1.1\r\nHost: h:1\r\n")
    assert b"Connection: close" in request("GET", "h:1")
