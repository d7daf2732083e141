"""The way from a layer 7 gateway to its backend: one connection a request, over HTTP/2 or (wrongly) over HTTP/1.1."""

from __future__ import annotations

import asyncio

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from grpcdoctor.demo.gateway import Headers, Request, Response

_CHUNK = 64 * 1024


class UpstreamError(Exception):
    """The backend gave no answer that the gateway understands."""


async def over_http2(port: int, request: Request) -> Response:
    """Forward as a gateway should. Raises UpstreamError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    engine = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    engine.initiate_connection()
    engine.send_headers(1, request.headers, end_stream=not request.body)
    if request.body:
        engine.send_data(1, request.body, end_stream=True)
    headers: Headers = ()
    trailers: Headers = ()
    body = b""
    try:
        while True:
            writer.write(engine.data_to_send())
            for event in engine.receive_data(await reader.read(_CHUNK) or _over()):
                if isinstance(event, ResponseReceived):
                    headers = _text(event.headers)
                elif isinstance(event, DataReceived):
                    body += event.data
                elif isinstance(event, TrailersReceived):
                    trailers = _text(event.headers)
                elif isinstance(event, StreamEnded):
                    return Response(headers, body, trailers)
                elif isinstance(event, (StreamReset, ConnectionTerminated)):
                    raise UpstreamError(type(event).__name__)
    finally:
        writer.transport.abort()


async def over_http1(port: int, request: Request) -> Response:
    """Forward as a gateway does that was not told that its backend speaks HTTP/2. Raises UpstreamError.

    It would read an HTTP/1.1 answer; a gRPC server has none to give.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path, authority = request.header(":path"), request.header(":authority")
    head = f"POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: {request.header('content-type')}\r\n"
    writer.write(f"{head}te: trailers\r\ncontent-length: {len(request.body)}\r\n\r\n".encode() + request.body)
    try:
        line = await reader.read(_CHUNK)
        if not line.startswith(b"HTTP/1."):
            raise UpstreamError(f"no HTTP/1.1 answer but {line[:9].hex(' ') or 'nothing'}")
        status = line.split(b" ", 2)[1].decode("ascii", "replace")
        return Response(((":status", status),))
    finally:
        writer.transport.abort()


def _over() -> bytes:
    raise UpstreamError("closed")


def _text(headers: object) -> Headers:
    assert isinstance(headers, list)
    return tuple((str(name), str(value)) for name, value in headers)
