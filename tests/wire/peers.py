"""The peer of the wire's unit tests: frames of a server as bytes, and a Duplex fed by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from hpack import Encoder

from grpcdoctor.wire import frames
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.frames import Frame
from grpcdoctor.wire.http2 import Http2Client
from grpcdoctor.wire.messages import frame_message

OK_HEADERS = ((":status", "200"), ("content-type", "application/grpc"))
OK_TRAILERS = (("grpc-status", "0"),)
SERVING = frame_message(b"\x08\x01")
QUESTION = ((":method", "POST"), (":scheme", "http"), (":path", "/x.Y/Z"), (":authority", "a"))


class Server:
    """A server's half of one connection, as bytes."""

    def __init__(self) -> None:
        self._encoder = Encoder()

    def settings(self, values: dict[int, int] | None = None) -> bytes:
        return frames.settings(values or {}).encode()

    def ack(self) -> bytes:
        return frames.SETTINGS_ACK.encode()

    def headers(self, stream: int, fields: Sequence[tuple[str, str]], end: bool = False) -> bytes:
        flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
        return Frame(1, flags, stream, self._encoder.encode(list(fields))).encode()

    def data(self, stream: int, body: bytes, end: bool = False) -> bytes:
        return Frame(0, frames.END_STREAM if end else 0, stream, body).encode()

    def answer(self, stream: int, body: bytes = SERVING) -> bytes:
        return self.headers(stream, OK_HEADERS) + self.data(stream, body) + self.headers(stream, OK_TRAILERS, end=True)

    def goaway(self, last: int, code: int, debug: bytes = b"") -> bytes:
        return Frame(7, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big") + debug).encode()


def greeted_client() -> tuple[Http2Client, Server]:
    """A client that has sent its preface and has the server's SETTINGS; its queue is empty."""
    client, server = Http2Client(), Server()
    client.start()
    client.receive(server.settings() + server.ack())
    client.outgoing.clear()
    return client, server


def sent_by(client: Http2Client) -> list[Frame]:
    """What the client has queued, as frames; empties the queue."""
    data = bytes(client.outgoing).removeprefix(frames.PREFACE)
    client.outgoing.clear()
    return frames.FrameSplitter().feed(data)


class HandFed:
    """A Duplex: reads give what was put in, one piece a read; `None` is the end."""

    def __init__(self, *pieces: bytes | Exception | None) -> None:
        self.written = bytearray()
        self.aborted = False
        self._pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        for piece in pieces:
            self.put(piece)

    def put(self, piece: bytes | Exception | None) -> None:
        self._pieces.put_nowait(piece)

    async def read(self, deadline: Deadline) -> bytes:
        piece = await deadline.wait(self._pieces.get())
        if isinstance(piece, Exception):
            raise piece
        return piece if piece is not None else b""

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """The port of a loopback server that runs `handler` for each connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
