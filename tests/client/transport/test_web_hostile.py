"""Servers that speak gRPC-Web and Connect wrongly, or something else: an end with a reason, whatever comes."""

from __future__ import annotations

import base64
import json
import socket
import struct
from typing import Any

import pytest

from grpcdoctor.client.options import Protocol
from tests.client.transport.calls import SERVING, Answer, ask
from tests.lab import fakes
from tests.lab.fake_server import serve

MESSAGE = b"\0\0\0\0\x02" + SERVING
WEB, TEXT, CONNECT = Protocol.GRPC_WEB, Protocol.GRPC_WEB_TEXT, Protocol.CONNECT
WEB_TYPE, TEXT_TYPE = "application/grpc-web+proto", "application/grpc-web-text+proto"
STREAM_TYPE = "application/connect+proto"


def trailers(text: bytes) -> bytes:
    return b"\x80" + struct.pack(">I", len(text)) + text


def end_stream(value: Any) -> bytes:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b"\x02" + struct.pack(">I", len(text)) + text


OK_TRAILERS = trailers(b"grpc-status: 0\r\nx-a: 1\r\n")


def said(protocol: Protocol, answer: bytes, **how: Any) -> Answer:
    """The client's view of an HTTP/1.1 server that reads a request, says `answer` and hangs up."""

    def handler(stream: socket.socket, number: int) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += stream.recv(65536) or b"\r\n\r\n"
        stream.sendall(answer)

    with serve(handler) as server:
        return ask(server.port, protocol=protocol, http_version="1.1", **how)


def response(content_type: str, body: bytes, status: str = "200 OK", length: int | None = None, *lines: str) -> bytes:
    head = (f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {length or len(body)}", *lines)
    return "\r\n".join((*head, "", "")).encode() + body


GRPC_WEB_ROWS = {
    "healthy": (WEB, response(WEB_TYPE, MESSAGE + OK_TRAILERS), "OK"),
    "text": (TEXT, response(TEXT_TYPE, base64.b64encode(MESSAGE) + base64.b64encode(OK_TRAILERS)), "OK"),
    "text that is no base64": (
        TEXT,
        response(TEXT_TYPE, b"!!!!"),
        "INTERNAL: grpc-web-text: the body is no base64",
    ),
    "binary where text was asked for": (TEXT, response(WEB_TYPE, MESSAGE + OK_TRAILERS), "OK"),
    "trailers alone, in the headers": (
        WEB,
        response(WEB_TYPE, b"", "200 OK", None, "grpc-status: 5", "grpc-message: not%20here"),
        "NOT_FOUND: not here",
    ),
    "no trailers": (WEB, response(WEB_TYPE, MESSAGE), "INTERNAL: server closed the stream without sending trailers"),
    "cut in a message": (WEB, response(WEB_TYPE, MESSAGE[:6]), "INTERNAL: unexpected EOF"),
    "cut in the body": (
        WEB,
        response(WEB_TYPE, MESSAGE, length=99),
        "UNAVAILABLE: error reading from server: unexpected EOF",
    ),
    "a status that is a word": (
        WEB,
        response(WEB_TYPE, trailers(b"grpc-status: x")),
        'UNKNOWN: transport: malformed grpc-status: strconv.ParseInt: parsing "x": invalid syntax',
    ),
    "a message without end": (
        WEB,
        response(WEB_TYPE, b"\0\xff\xff\xff\xff"),
        "RESOURCE_EXHAUSTED: grpc: received message larger than max (4294967295 vs. 4194304)",
    ),
    "compressed, in no encoding": (
        WEB,
        response(WEB_TYPE, b"\x01" + MESSAGE[1:] + OK_TRAILERS),
        "INTERNAL: grpc: compressed flag set with identity or empty encoding",
    ),
    "gRPC itself": (
        WEB,
        response("application/grpc", MESSAGE),
        "UNKNOWN: unexpected HTTP status code received from server: 200 (OK); "
        r'received unexpected content-type "application/grpc"',
    ),
    "a web page": (
        WEB,
        response("text/html", b"<html>", "502 Bad Gateway"),
        "UNAVAILABLE: unexpected HTTP status code received from server: 502 (Bad Gateway); "
        'received unexpected content-type "text/html"\ndata: "<html>"',
    ),
}
CONNECT_ROWS = {
    "healthy": (False, response("application/proto", SERVING), "OK"),
    "an error": (
        False,
        response("application/json", b'{"code": "not_found", "message": "gone"}', "404 Not Found"),
        "NOT_FOUND: gone",
    ),
    "an error without a code that is known": (
        False,
        response("application/json", b'{"code": "odd", "message": "gone"}', "503 Service Unavailable"),
        "UNAVAILABLE: unexpected HTTP status code received from server: 503 (Service Unavailable)",
    ),
    "an error that is no object": (
        False,
        response("application/json", b"[" * 100_000, "429 Too Many Requests"),
        "UNAVAILABLE: unexpected HTTP status code received from server: 429 (Too Many Requests)",
    ),
    "an error without end": (
        False,
        response("application/json", b"x" * 300_000, "500 Internal Server Error"),
        "RESOURCE_EXHAUSTED: grpc: received message larger than max",
    ),
    "details of every shape": (
        False,
        response(
            "application/json",
            b'{"code": "internal", "message": 5, "details": [1, {}, {"type": 3}, {"type": "a", "value": "!"}]}',
            "500 Internal Server Error",
        ),
        "INTERNAL",
    ),
    "JSON that is no error": (
        False,
        response("application/json", b"{}"),
        "UNKNOWN: unexpected HTTP status code received from server: 200 (OK); received unexpected content-type",
    ),
    "compressed and broken": (
        False,
        response("application/proto", b"xxxx", "200 OK", None, "content-encoding: gzip"),
        "INTERNAL: grpc: failed to read decompressed data",
    ),
    "a stream": (True, response(STREAM_TYPE, MESSAGE + end_stream({"metadata": {"x-a": ["1"]}})), "OK"),
    "a stream without its end": (
        True,
        response(STREAM_TYPE, MESSAGE),
        "INTERNAL: server closed the stream without an end-stream message",
    ),
    "a stream that is cut": (True, response(STREAM_TYPE, MESSAGE[:6]), "INTERNAL: unexpected EOF"),
    "a stream that ends with an error": (
        True,
        response(STREAM_TYPE, MESSAGE + end_stream({"error": {"code": "canceled", "message": "no"}})),
        "CANCELLED: no",
    ),
    "an end that is no JSON": (
        True,
        response(STREAM_TYPE, MESSAGE + end_stream(b"[]")),
        "INTERNAL: the end-stream message is no JSON object",
    ),
    "an error of the end without a code": (
        True,
        response(STREAM_TYPE, end_stream({"error": 3, "metadata": [1]})),
        "UNKNOWN: the end-stream message has an error without a known code",
    ),
    "a stream that is refused": (
        True,
        response("text/plain", b"no", "403 Forbidden"),
        "PERMISSION_DENIED: unexpected HTTP status code received from server: 403 (Forbidden)",
    ),
}


@pytest.mark.parametrize(("protocol", "answer", "words"), GRPC_WEB_ROWS.values(), ids=GRPC_WEB_ROWS.keys())
def test_grpc_web_ends_with_a_reason(protocol: Protocol, answer: bytes, words: str) -> None:
    told = said(protocol, answer)
    assert told.words.startswith(words)
    assert told.messages == (
        [SERVING] if words == "OK" or "sending trailers" in words or "reading from server" in words else []
    )
    if words == "OK":
        assert told.trailers == (("x-a", "1"),)


@pytest.mark.parametrize(("streams", "answer", "words"), CONNECT_ROWS.values(), ids=CONNECT_ROWS.keys())
def test_connect_ends_with_a_reason(streams: bool, answer: bytes, words: str) -> None:
    assert said(CONNECT, answer, server_streaming=streams).words.startswith(words)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "UNAVAILABLE: error reading from server: EOF"),
        (b"SSH-2.0-x\r\n", "UNAVAILABLE: error reading from server: an SSH server answers"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "UNAVAILABLE: error reading from server: the port speaks TLS, not plaintext"),
        (b"\0\0\0\4\0\0\0\0\0", "UNAVAILABLE: error reading from server: the server speaks HTTP/2, not HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "UNAVAILABLE: error reading from server: a content-length"),
    ],
)
@pytest.mark.parametrize("protocol", [WEB, CONNECT])
def test_what_is_no_http_1_is_named(protocol: Protocol, answer: bytes, words: str) -> None:
    assert said(protocol, answer).words.startswith(words)


@pytest.mark.parametrize("protocol", [WEB, TEXT, CONNECT])
def test_a_server_that_says_nothing_ends_at_the_deadline(protocol: Protocol) -> None:
    with fakes.silent() as server:
        told = ask(server.port, protocol=protocol, seconds=0.2)
    assert told.words == "DEADLINE_EXCEEDED: context deadline exceeded: the server did not answer in time"


@pytest.mark.parametrize("protocol", [WEB, CONNECT])
def test_a_web_server_over_http_2_is_named_with_its_page(protocol: Protocol) -> None:
    with fakes.http2_answer(404, body="no such page") as server:
        told = ask(server.port, protocol=protocol, http_version="2")
    assert told.status.name == "UNIMPLEMENTED"
    assert 'data: "no such page"' in told.words
