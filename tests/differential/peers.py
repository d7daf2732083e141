"""Peers that no gRPC library can play: raw HTTP/2 with one oddity each."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from tests.lab import fakes
from tests.lab.fake_http2 import GRPC

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from tests.lab.fake_http2 import Http2Peer, Request
    from tests.lab.fake_server import FakeServer

    Fake = AbstractContextManager[FakeServer]

_OK = ("grpc-status", "0")


def _prefixed(message: bytes, compressed: bool = False) -> bytes:
    return bytes([compressed]) + len(message).to_bytes(4, "big") + message


def _answer(
    body: bytes, headers: Sequence[tuple[str, str]] = (), trailers: Sequence[tuple[str, str]] = (_OK,)
) -> Callable[[], Fake]:
    """Headers, these bytes, and trailers, whatever is asked."""

    def respond(peer: Http2Peer, request: Request) -> None:
        peer.headers(request.stream, [(":status", "200"), GRPC, *headers])
        if body:
            peer.data(request.stream, body)
        peer.headers(request.stream, list(trailers), end=True)

    return lambda: fakes.http2(respond)


PEERS: dict[str, Callable[[], Fake]] = {
    "code_999": lambda: fakes.grpc_answer(999, "nine hundred ninety-nine"),
    "code_1": lambda: fakes.grpc_answer(1, "taken back"),
    "code_300": lambda: fakes.grpc_answer(300),
    "code_zero_without_message": lambda: fakes.grpc_answer(0),
    "code_of_letters": _answer(b"", trailers=[("grpc-status", "abc")]),
    "bad_percent": _answer(b"", trailers=[("grpc-status", "3"), ("grpc-message", "50%25 %zz %e4 %C3%A9")]),
    "bad_details": _answer(b"", trailers=[("grpc-status", "3"), ("grpc-status-details-bin", "!!!")]),
    "contrary_details": _answer(
        b"", trailers=[("grpc-status", "3"), ("grpc-message", "outer"), ("grpc-status-details-bin", "CAUSBWlubmVy")]
    ),
    "unknown_encoding": _answer(_prefixed(b"ab", compressed=True), [("grpc-encoding", "snappy")]),
    "compressed_without_encoding": _answer(_prefixed(b"ab", compressed=True)),
    "gzip_mixed": _answer(
        _prefixed(gzip.compress(b"\x0a\x01a", mtime=0), compressed=True) + _prefixed(b"\x0a\x01b"),
        [("grpc-encoding", "gzip")],
    ),
    "short_message": _answer(b"\x00\x00\x00\x00\x09abc"),
    "two_messages": _answer(_prefixed(b"\x0a\x01a") + _prefixed(b"\x0a\x01b")),
    "no_message": _answer(b""),
    "not_that_message": _answer(_prefixed(b"\x0a\x05a")),
    "joined_headers": _answer(
        _prefixed(b""),
        [("x-list", "a,b"), ("x-list", "c"), ("x-data-bin", "AAE,AgM"), ("x-data-bin", "BA=="), ("x-empty", "")],
    ),
    "trailers_stripped": fakes.trailers_stripped,
    "headers_only": fakes.headers_only,
    "not_found_html": lambda: fakes.http2_answer(404),
    "ok_html": lambda: fakes.http2_answer(200),
    "unauthorized": lambda: fakes.http2_answer(401, body=""),
    "unavailable_html": lambda: fakes.http2_answer(503),
    "redirect": fakes.http2_redirect,
    "reset_cancel": lambda: fakes.rst_stream(8),
    "reset_internal": lambda: fakes.rst_stream(2),
    "reset_refused": lambda: fakes.rst_stream(7),
    "reset_calm": lambda: fakes.rst_stream(11),
    "reset_after_message": lambda: fakes.rst_stream_after_headers(2),
    "never_answers": fakes.no_answer,
    "silent": fakes.silent,
    "http1": fakes.http1,
    "garbage": fakes.garbage,
}
