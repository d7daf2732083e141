"""An HTTP/2 server in hand-made frames, that will send whatever it is told, sane or not."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hpack import Decoder, Encoder, HPACKError
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Respond = Callable[["Http2Peer", "Request"], None]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
SERVING = b"\x00\x00\x00\x00\x02\x08\x01"
"""A health answer as a length-prefixed gRPC message."""
GRPC = ("content-type", "application/grpc")


@dataclass
class Request:
    """One request, as far as it has come."""

    stream: int
    headers: dict[str, str]
    data: bytes = b""
    answered: bool = field(default=False, repr=False)

    @property
    def path(self) -> str:
        """:path"""
        return self.headers.get(":path", "")


class Http2Peer:
    """The server's side of one connection."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._encoder, self._decoder = Encoder(), Decoder()
        self._requests: dict[int, Request] = {}
        self._block = b""

    def greet(self, settings: Mapping[int, int]) -> bool:
        """Sends SETTINGS; says whether the peer opened with the HTTP/2 preface."""
        self.send(SettingsFrame(0, settings=dict(settings)))
        return self._take(len(PREFACE)) == PREFACE

    def serve(self, respond: Respond) -> None:
        """Calls `respond` for each request, when its first message or its end is there, until the peer goes."""
        while True:
            try:
                frame, length = Frame.parse_frame_header(memoryview(self._take(9)))
                frame.parse_body(memoryview(self._take(length)))
                request = self._handle(frame)
            except (HyperframeError, HPACKError):
                return
            if request and not request.answered and (request.data or "END_STREAM" in frame.flags):
                request.answered = True
                respond(self, request)

    def _handle(self, frame: Any) -> Request | None:
        kind = type(frame).__name__
        if kind == "SettingsFrame" and "ACK" not in frame.flags:
            self.send(SettingsFrame(0, flags=["ACK"]))
        elif kind == "PingFrame" and "ACK" not in frame.flags:
            self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        elif kind == "DataFrame" and frame.stream_id in self._requests:
            self._requests[frame.stream_id].data += frame.data
            return self._requests[frame.stream_id]
        elif kind in ("HeadersFrame", "ContinuationFrame"):
            return self._headers(frame)
        return None

    def _headers(self, frame: Any) -> Request | None:
        self._block += frame.data
        if "END_HEADERS" not in frame.flags:
            return None
        fields = {str(name): str(value) for name, value in self._decoder.decode(self._block)}
        self._block = b""
        return self._requests.setdefault(frame.stream_id, Request(frame.stream_id, fields))

    def _take(self, size: int) -> bytes:
        taken = b""
        while len(taken) < size:
            chunk = self._stream.recv(size - len(taken))
            if not chunk:
                raise EOFError
            taken += chunk
        return taken

    def send(self, *frames: Frame) -> None:
        """Writes frames as they are."""
        self._stream.sendall(b"".join(frame.serialize() for frame in frames))

    def headers(self, stream: int, fields: Sequence[tuple[str, str]], end: bool = False) -> None:
        """A HEADERS frame."""
        flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
        self.send(HeadersFrame(stream, self._encoder.encode(list(fields)), flags=flags))

    def data(self, stream: int, body: bytes, end: bool = False) -> None:
        """A DATA frame."""
        self.send(DataFrame(stream, body, flags=["END_STREAM"] if end else []))

    def reset(self, stream: int, code: int) -> None:
        """RST_STREAM"""
        self.send(RstStreamFrame(stream, error_code=code))

    def goaway(self, code: int, debug: bytes = b"", last_stream: int = 0) -> None:
        """GOAWAY"""
        self.send(GoAwayFrame(0, last_stream_id=last_stream, error_code=code, additional_data=debug))

    def refuse(self, stream: int, status: int, message: str = "") -> None:
        """A trailers-only gRPC answer."""
        fields = [(":status", "200"), GRPC, ("grpc-status", str(status))]
        self.headers(stream, [*fields, ("grpc-message", message)] if message else fields, end=True)


def sane(peer: Http2Peer, request: Request) -> None:
    """What a healthy gRPC server with nothing but a health service answers."""
    if request.path != HEALTH_CHECK:
        peer.refuse(request.stream, 12, "Method not found!")
        return
    peer.headers(request.stream, [(":status", "200"), GRPC])
    peer.data(request.stream, SERVING)
    peer.headers(request.stream, [("grpc-status", "0")], end=True)
