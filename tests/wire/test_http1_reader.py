"""Http1Reader: responses cut anywhere, framed in every way, and broken in every way."""

from __future__ import annotations

import pytest

from grpcdoctor.wire.http1_reader import HEAD_LIMIT, Http1Error, Http1Reader
from grpcdoctor.wire.streams import Headers


class Heard:
    """A Sink that keeps everything."""

    def __init__(self) -> None:
        self.heads: list[Headers] = []
        self.body = b""
        self.trailers: Headers | None = None

    def on_headers(self, headers: Headers, end: bool) -> None:
        self.heads.append(headers)

    def on_data(self, data: bytes) -> None:
        self.body += data

    def on_trailers(self, headers: Headers) -> None:
        self.trailers = headers

    def on_end(self) -> None:
        self.trailers = ()


def heard(data: bytes, piece: int = 1 << 20, close: bool = False) -> tuple[Heard, Http1Reader]:
    sink = Heard()
    reader = Http1Reader(sink)
    for start in range(0, len(data), piece):
        reader.feed(data[start : start + piece])
    if close:
        reader.close()
    return sink, reader


def head(*lines: str, status: str = "200 OK", version: str = "HTTP/1.1") -> bytes:
    return "\r\n".join((f"{version} {status}", *lines, "", "")).encode()


CHUNKED = head("Transfer-Encoding: chunked") + b"3;x=y\r\nabc\r\n02\r\nde\r\n0\r\n"


@pytest.mark.parametrize("piece", [1, 2, 7, 10_000])
@pytest.mark.parametrize(
    ("data", "reusable", "trailers"),
    [
        (head("Content-Length: 5") + b"abcde", True, ()),
        (head("content-length: 5, 5", "Connection: close") + b"abcde", False, ()),
        (head("Content-Length: 5", version="HTTP/1.0") + b"abcde", False, ()),
        (CHUNKED + b"\r\n", True, ()),
        (CHUNKED + b"Grpc-Status: 0\r\n\r\n", True, (("grpc-status", "0"),)),
        (head(status="100 Continue") + head("Content-Length: 5") + b"abcde", True, ()),
    ],
)
def test_a_response_ends_where_it_says(data: bytes, reusable: bool, trailers: Headers, piece: int) -> None:
    sink, reader = heard(data, piece)
    assert (sink.body, sink.trailers, reader.done, reader.reusable) == (b"abcde", trailers, True, reusable)
    reader.close()


def test_without_a_length_the_connection_is_the_end() -> None:
    sink, reader = heard(head() + b"abcde")
    assert not reader.done
    reader.close()
    assert (sink.body, sink.trailers, reader.reusable) == (b"abcde", (), False)


def test_names_are_lower_cased_and_the_status_comes_first() -> None:
    sink, _ = heard(head("X-A:  b ", status="404 Not Found"))
    assert sink.heads == [((":status", "404"), ("x-a", "b"))]


def test_a_response_without_a_body_is_over_with_its_head() -> None:
    for data in (head(status="204 No Content"), head("Content-Length: 0")):
        sink, reader = heard(data)
        assert (reader.done, sink.trailers) == (True, ())


def test_bytes_behind_the_end_spoil_the_connection() -> None:
    _, reader = heard(head("Content-Length: 1") + b"ab")
    assert (reader.done, reader.reusable) == (True, False)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"SSH-2.0-x\r\n", "not HTTP/1.1"),
        (b"HTTP/2 200\r\n\r\n", "not HTTP/1.1"),
        (b"HTTP/1.1 xx\r\n\r\n", "no status line"),
        (head("no colon"), "without a name"),
        (head("a : b"), "without a name"),
        (head(status="101 Switching Protocols"), "HTTP 101 instead of a response"),
        (head(status="103 Early Hints") * 200, "HTTP 103 instead of a response"),
        (head("Content-Length: -1"), "no number"),
        (head("Content-Length: 1", "Content-Length: 2"), "no number"),
        (head("Content-Length: " + "9" * 30), "no number"),
        (head("Transfer-Encoding: gzip"), "transfer-encoding"),
        (head("Transfer-Encoding: chunked") + b"xyz\r\n", "without a size"),
        (head("Transfer-Encoding: chunked") + b"-1\r\n", "without a size"),
        (head("Transfer-Encoding: chunked") + b"1\r\nab\r\n", "longer than it says"),
        (head("Transfer-Encoding: chunked") + b"0" * 5000, "a line without end"),
        (head("Transfer-Encoding: chunked") + b"0\r\n" + b"a: b\r\n" * 5000, "trailers without end"),
        (head("x: " + "y" * HEAD_LIMIT), "a response head of more than 65,536 bytes"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * HEAD_LIMIT, "a response head of more than 65,536 bytes"),
    ],
)
def test_what_is_broken_is_named(data: bytes, words: str) -> None:
    with pytest.raises(Http1Error, match=words):
        heard(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "^EOF"),
        (b"HTT", "unexpected EOF"),
        (CHUNKED[:-8], "unexpected"),
        (head("Content-Length: 2") + b"a", "unexpected"),
    ],
)
def test_an_end_before_the_end_is_told(data: bytes, words: str) -> None:
    with pytest.raises(Http1Error, match=words):
        heard(data, close=True)
