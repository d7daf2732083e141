"""Answers of hand-made HTTP/2 servers, each wrong in one way (or right)."""

from __future__ import annotations

import base64
import gzip
import socket
import struct
from collections.abc import Callable, Sequence

from tests.lab.fake_http2 import GRPC, SERVING, Http2Peer, Request

Respond = Callable[[Http2Peer, Request], None]
Fields = Sequence[tuple[str, str]]

OK: Fields = ((":status", "200"), GRPC)
DONE: Fields = (("grpc-status", "0"),)


def answer(fields: Fields = OK, body: Sequence[bytes] = (SERVING,), trailers: Fields | None = DONE) -> Respond:
    """Headers, one DATA frame for each of `body`, trailers; where there are none, the last frame ends the stream."""

    def respond(peer: Http2Peer, request: Request) -> None:
        peer.headers(request.stream, fields, end=trailers is None and not body)
        for number, data in enumerate(body, 1):
            peer.data(request.stream, data, end=trailers is None and number == len(body))
        if trailers is not None:
            peer.headers(request.stream, trailers, end=True)

    return respond


def web_page(status: str, content_type: str = "text/plain", body: bytes = b"no") -> Respond:
    return answer(((":status", status), ("content-type", content_type)), (body,), None)


def trailers_only(*fields: tuple[str, str], status: str = "200") -> Respond:
    return answer(((":status", status), GRPC, *fields), (), None)


def encoded(encoding: str, data: bytes) -> Respond:
    """One message with the compressed flag, in this encoding."""
    body = b"\1" + struct.pack(">I", len(data)) + data
    return answer((*OK, ("grpc-encoding", encoding)), (body,))


def details(code: int, message: bytes) -> tuple[str, str]:
    """A google.rpc.Status."""
    serialized = bytes((8, code, 18, len(message))) + message
    return "grpc-status-details-bin", base64.b64encode(serialized).decode().rstrip("=")


def reset(code: int, after: Respond | None = None) -> Respond:
    def respond(peer: Http2Peer, request: Request) -> None:
        if after is not None:
            after(peer, request)
        peer.reset(request.stream, code)

    return respond


def begun(peer: Http2Peer, request: Request) -> None:
    """Headers and a message, and no end."""
    peer.headers(request.stream, OK)
    peer.data(request.stream, SERVING)


def hang_up(peer: Http2Peer, request: Request) -> None:
    peer._stream.shutdown(socket.SHUT_RDWR)


def tcp_reset(peer: Http2Peer, request: Request) -> None:
    peer._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer._stream.close()


def in_turn(*steps: Respond) -> Respond:
    def respond(peer: Http2Peer, request: Request) -> None:
        for step in steps:
            step(peer, request)

    return respond


def goaway(code: int, debug: bytes, last: int) -> Respond:
    return lambda peer, request: peer.goaway(code, debug, last)


def headers(*fields: tuple[str, str], end: bool = False) -> Respond:
    return lambda peer, request: peer.headers(request.stream, fields, end)


ZIPPED = gzip.compress(b"\x08\x01", mtime=0)
BOMB = gzip.compress(bytes(5 << 20))
