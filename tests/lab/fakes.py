"""Servers that no sane program would be: each misbehaves in exactly one way.

    with fakes.goaway(code=13) as server:
        server.port, server.connections

Every fake takes `tls=`, a server context (`certificates.server_context(alpn=["h2"])`); without it, it speaks in clear.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from tests.lab.fake_http2 import GRPC, SERVING, Http2Peer, Request, sane
from tests.lab.fake_server import FakeServer, read_until_closed, serve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from tests.lab.fake_http2 import Respond

    Fake = AbstractContextManager[FakeServer]

HTML = "<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>\n"


def http2(respond: Respond, settings: Mapping[int, int] | None = None, **server: Any) -> Fake:
    """An HTTP/2 server that greets with these SETTINGS and answers every request with `respond`."""

    def handler(stream: socket.socket, number: int) -> None:
        peer = Http2Peer(stream)
        if peer.greet(settings or {}):
            peer.serve(respond)

    return serve(handler, **server)


def healthy(**server: Any) -> Fake:
    """A gRPC server with a health service and nothing else."""
    return http2(sane, **server)


def goaway(code: int, debug: bytes = b"", last_stream: int = 0, **server: Any) -> Fake:
    """GOAWAY right after SETTINGS, then the end of the connection."""

    def handler(stream: socket.socket, number: int) -> None:
        peer = Http2Peer(stream)
        if peer.greet({}):
            peer.goaway(code, debug, last_stream)

    return serve(handler, **server)


def rst_stream(code: int, **server: Any) -> Fake:
    """RST_STREAM in answer to every call."""
    return http2(lambda peer, request: peer.reset(request.stream, code), **server)


def rst_stream_after_headers(code: int, **server: Any) -> Fake:
    """Response headers and one message, then RST_STREAM."""

    def respond(peer: Http2Peer, request: Request) -> None:
        peer.headers(request.stream, [(":status", "200"), GRPC])
        peer.data(request.stream, SERVING)
        peer.reset(request.stream, code)

    return http2(respond, **server)


def max_concurrent_streams(limit: int, **server: Any) -> Fake:
    """Advertises the limit; with 0 it refuses every stream, otherwise it answers as a healthy server."""

    def respond(peer: Http2Peer, request: Request) -> None:
        if limit == 0:
            peer.reset(request.stream, 7)
        else:
            sane(peer, request)

    return http2(respond, settings={3: limit}, **server)


def header_limit(limit: int = 64, code: int = 11, **server: Any) -> Fake:
    """Advertises MAX_HEADER_LIST_SIZE and resets requests whose headers are larger (RFC 9113 size: +32 a field)."""

    def respond(peer: Http2Peer, request: Request) -> None:
        size = sum(len(name) + len(value) + 32 for name, value in request.headers.items())
        if size > limit:
            peer.reset(request.stream, code)
        else:
            sane(peer, request)

    return http2(respond, settings={6: limit}, **server)


def trailers_stripped(**server: Any) -> Fake:
    """HEADERS, then DATA with END_STREAM: the trailers were lost on the way."""

    def respond(peer: Http2Peer, request: Request) -> None:
        peer.headers(request.stream, [(":status", "200"), GRPC])
        peer.data(request.stream, SERVING, end=True)

    return http2(respond, **server)


def headers_only(**server: Any) -> Fake:
    """200 application/grpc with END_STREAM and no grpc-status."""
    return http2(lambda peer, request: peer.headers(request.stream, [(":status", "200"), GRPC], end=True), **server)


def grpc_answer(status: int, message: str = "", **server: Any) -> Fake:
    """Every call is answered with one gRPC status, trailers-only."""
    return http2(lambda peer, request: peer.refuse(request.stream, status, message), **server)


def http2_answer(status: int, headers: Mapping[str, str] | None = None, body: str = HTML, **server: Any) -> Fake:
    """Every call is answered with an HTTP status and body, as a web server behind HTTP/2 does."""
    fields = {"content-type": "text/html", **(headers or {})}

    def respond(peer: Http2Peer, request: Request) -> None:
        peer.headers(request.stream, [(":status", str(status)), *fields.items()], end=not body)
        if body:
            peer.data(request.stream, body.encode(), end=True)

    return http2(respond, **server)


def http2_redirect(location: str = "https://localhost/elsewhere", status: int = 301, **server: Any) -> Fake:
    """A redirect over HTTP/2."""
    return http2_answer(status, {"location": location}, body="", **server)


def echo_authorization(**server: Any) -> Fake:
    """UNAUTHENTICATED with the caller's own credentials in grpc-message, as careless applications do."""

    def respond(peer: Http2Peer, request: Request) -> None:
        peer.refuse(request.stream, 16, f"bad credentials: {request.headers.get('authorization', 'none')}")

    return http2(respond, **server)


def slow(seconds: float, **server: Any) -> Fake:
    """A healthy server that thinks before each answer."""

    def respond(peer: Http2Peer, request: Request) -> None:
        time.sleep(seconds)
        sane(peer, request)

    return http2(respond, **server)


def flaky(every: int = 3, sick: Respond | None = None, **server: Any) -> Fake:
    """Healthy, but every `every`-th connection answers with `sick` (RST_STREAM INTERNAL_ERROR unless told)."""
    misbehave = sick or (lambda peer, request: peer.reset(request.stream, 2))

    def handler(stream: socket.socket, number: int) -> None:
        peer = Http2Peer(stream)
        if peer.greet({}):
            peer.serve(misbehave if number % every == every - 1 else sane)

    return serve(handler, **server)


def no_answer(**server: Any) -> Fake:
    """Greets in HTTP/2 and answers no call."""
    return http2(lambda peer, request: None, **server)


def closes_silently(**server: Any) -> Fake:
    """Closes each connection without a byte."""
    return serve(lambda stream, number: None, **server)


def resets(**server: Any) -> Fake:
    """Resets each connection (TCP RST) once the client has spoken."""

    def handler(stream: socket.socket, number: int) -> None:
        stream.recv(1)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()

    return serve(handler, **server)


def says(data: bytes, then_close: bool = True, **server: Any) -> Fake:
    """Sends these bytes on accept."""

    def handler(stream: socket.socket, number: int) -> None:
        stream.sendall(data)
        if not then_close:
            read_until_closed(stream)

    return serve(handler, **server)


def garbage(**server: Any) -> Fake:
    """Bytes of no protocol."""
    return says(bytes(range(250, 100, -3)) * 4, **server)


def ssh_banner(**server: Any) -> Fake:
    """An SSH server's first line; then it waits."""
    return says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", then_close=False, **server)


def silent(**server: Any) -> Fake:
    """Accepts, and never says a word."""
    return serve(lambda stream, number: read_until_closed(stream), **server)


def http1(status: str = "200 OK", headers: Mapping[str, str] | None = None, body: str = HTML, **server: Any) -> Fake:
    """An HTTP/1.1-only web server: 400 to the HTTP/2 preface, this answer to everything else (keep-alive)."""
    fields = {"Server": "lab-http1", "Content-Type": "text/html", **(headers or {})}
    answer = _http1_message(status, fields, body)
    return serve(lambda stream, number: _serve_http1(stream, answer), **server)


def https_redirect(location: str = "https://localhost/", **server: Any) -> Fake:
    """What many gateways do on port 80."""
    return http1("301 Moved Permanently", {"Location": location}, "", **server)


def alpn_h2_but_http1(certificates: Any) -> Fake:
    """TLS that agrees on ALPN h2 and then speaks HTTP/1.1."""
    return http1(tls=certificates.server_context(alpn=["h2", "http/1.1"]))


def _serve_http1(stream: socket.socket, answer: bytes) -> None:
    while request := _read_http1_request(stream):
        if request.startswith(b"PRI "):
            fields = {"Content-Type": "text/plain", "Connection": "close"}
            stream.sendall(_http1_message("400 Bad Request", fields, "400 Bad Request"))
            return
        stream.sendall(answer)


def _read_http1_request(stream: socket.socket) -> bytes:
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        chunk = stream.recv(65536)
        if not chunk:
            return b""
        buffer += chunk
        if not buffer[:1].isalpha():  # no HTTP at all, a TLS ClientHello for one
            return b"PRI "
    head, _, body = buffer.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")[1:]
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    chunked = any(line.startswith(b"transfer-encoding:") for line in lines)
    while len(body) < length or (chunked and not body.endswith(b"0\r\n\r\n")):
        chunk = stream.recv(65536)
        if not chunk:
            return b""
        body += chunk
    return head


def _http1_message(status: str, headers: Mapping[str, str], body: str) -> bytes:
    fields = {**headers, "Content-Length": str(len(body.encode()))}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items()), "", body]
    return "\r\n".join(lines).encode()
