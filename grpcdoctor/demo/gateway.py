"""A layer 7 gateway: ends HTTP/2 on h2's engine, and lets `answer` decide what becomes of each request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import Settings

Headers = tuple[tuple[str, str], ...]


@dataclass
class Request:
    """As it came, the body collected."""

    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True)
class Response:
    """Without a body and trailers the headers end the stream; without trailers the body does."""

    headers: Headers
    body: bytes = b""
    trailers: Headers = ()


@dataclass(frozen=True)
class Reset:
    """RST_STREAM in place of an answer."""

    code: int


@dataclass(frozen=True)
class Goaway:
    """GOAWAY as soon as a client has connected."""

    code: int
    debug: bytes = b""


Answer = Callable[[Request], Awaitable[Response | Reset]]


def grpc_refusal(status: int, message: str = "") -> Response:
    """A gRPC answer of trailers only, as a proxy makes it up itself."""
    told = (("grpc-message", message),) if message else ()
    headers = ((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", str(status)), *told)
    return Response((*headers, ("server", "envoy")))


class Gateway(asyncio.Protocol):
    """One connection of a client; it is in `connections` while it is open."""

    def __init__(
        self,
        answer: Answer,
        connections: set[asyncio.WriteTransport],
        settings: Mapping[int, int] | None = None,
        goaway: Goaway | None = None,
    ) -> None:
        self._answer = answer
        self._connections = connections
        self._goaway = goaway
        self._engine = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        if settings is not None:
            self._engine.local_settings = Settings(client=False, initial_values=dict(settings))  # type: ignore[arg-type]
        self._requests: dict[int, Request] = {}
        self._answering: dict[int, asyncio.Task[None]] = {}
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(transport)
        self._engine.initiate_connection()
        if self._goaway is not None:
            self._engine.close_connection(self._goaway.code, self._goaway.debug, last_stream_id=0)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.discard(self._transport)
        for task in self._answering.values():
            task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            events = self._engine.receive_data(data)
        except ProtocolError:  # of the client's: h2 has queued the GOAWAY that says so
            self._flush()
            if self._transport is not None:
                self._transport.close()
            return
        for event in events:
            self._take(event)
        self._flush()

    def _take(self, event: object) -> None:
        if isinstance(event, RequestReceived):
            self._requests[event.stream_id] = Request(tuple((str(k), str(v)) for k, v in event.headers))
        elif isinstance(event, DataReceived) and event.stream_id in self._requests:
            self._requests[event.stream_id].body += event.data
            self._engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            task = asyncio.ensure_future(self._respond(event.stream_id, self._requests.pop(event.stream_id)))
            self._answering[event.stream_id] = task
        elif isinstance(event, StreamReset) and event.stream_id in self._answering:
            self._answering.pop(event.stream_id).cancel()
        elif isinstance(event, ConnectionTerminated) and self._transport is not None:
            self._transport.close()

    async def _respond(self, stream_id: int, request: Request) -> None:
        response = await self._answer(request)
        try:
            if isinstance(response, Reset):
                self._engine.reset_stream(stream_id, response.code)
            else:
                self._send(stream_id, response)
        except ProtocolError:  # the client gave the stream or the connection up meanwhile
            return
        self._flush()

    def _send(self, stream_id: int, response: Response) -> None:
        """The bodies of a demo are far below the window and the frame size that every client starts with."""
        bare = not response.body and not response.trailers
        self._engine.send_headers(stream_id, response.headers, end_stream=bare)
        if response.body:
            self._engine.send_data(stream_id, response.body, end_stream=not response.trailers)
        if response.trailers:
            self._engine.send_headers(stream_id, response.trailers, end_stream=True)

    def _flush(self) -> None:
        data = self._engine.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
