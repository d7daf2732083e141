"""The lab's own witness: one gRPC call in hand-made HTTP/2 frames, and everything that comes back.

It shares no code with grpcdoctor, so it can say what a server really answers.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any

from hpack import Decoder, Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame, WindowUpdateFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_MESSAGE = b"\x00\x00\x00\x00\x00"
Header = tuple[str, str]


@dataclass
class Seen:
    """What came back on one connection."""

    alpn: str | None = None
    settings: dict[int, int] = field(default_factory=dict)
    headers: list[Header] = field(default_factory=list)
    trailers: list[Header] = field(default_factory=list)
    data: bytes = b""
    ended: bool = False
    """END_STREAM came."""
    reset: int | None = None
    goaways: list[tuple[int, int, bytes]] = field(default_factory=list)
    """(last stream, code, debug data)"""
    raw: bytes = b""
    """Bytes that are no HTTP/2 frames."""
    error: str = ""
    """Why there is no more: the exception's text, `eof` or `timeout`."""
    seconds: float = 0.0

    def get(self, name: str) -> str | None:
        """A header of the answer, or of its trailers."""
        return dict(self.headers + self.trailers).get(name)

    @property
    def status(self) -> str | None:
        """:status"""
        return self.get(":status")

    @property
    def grpc_status(self) -> str | None:
        """grpc-status"""
        return self.get("grpc-status")

    @property
    def grpc_message(self) -> str | None:
        """grpc-message"""
        return self.get("grpc-message")


def call(
    port: int,
    path: str = "/lab.Greeter/SayHello",
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    server_name: str | None = "localhost",
    headers: tuple[Header, ...] = (),
    message: bytes = EMPTY_MESSAGE,
    timeout: float = 5.0,
) -> Seen:
    """One call on a fresh connection, sent in one flight; never raises for what the peer does."""
    seen, started = Seen(), time.monotonic()
    try:
        with _connect(host, port, tls, server_name, timeout) as stream:
            if isinstance(stream, ssl.SSLSocket):
                seen.alpn = stream.selected_alpn_protocol()
            with contextlib.suppress(OSError):  # a peer that hung up may have said why: read on
                stream.sendall(_request(path, headers, message))
            _Reader(stream, seen, started + timeout).read()
    except TimeoutError:
        seen.error = "timeout"
    except OSError as error:
        seen.error = getattr(error, "reason", None) or str(error)
    seen.seconds = time.monotonic() - started
    return seen


def exchange(
    port: int,
    sent: bytes,
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    server_name: str | None = "localhost",
    timeout: float = 2.0,
) -> tuple[bytes, str]:
    """Sends these bytes on a fresh connection; the answer up to its end (or a silence), and what ended it."""
    received = b""
    try:
        with _connect(host, port, tls, server_name, timeout) as stream:
            with contextlib.suppress(OSError):
                stream.sendall(sent)
            while chunk := stream.recv(65536):
                received += chunk
                stream.settimeout(0.3)
            return received, "eof"
    except TimeoutError:
        return received, "silence" if received else "timeout"
    except OSError as error:
        return received, getattr(error, "reason", None) or str(error)


def _connect(
    host: str, port: int, tls: ssl.SSLContext | None, server_name: str | None, timeout: float
) -> socket.socket:
    plain = socket.create_connection((host, port), timeout)
    if tls is None:
        return plain
    try:
        return tls.wrap_socket(plain, server_hostname=server_name)
    except BaseException:
        plain.close()
        raise


def _request(path: str, headers: tuple[Header, ...], message: bytes) -> bytes:
    given = dict(headers)
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
        "user-agent": "grpcdoctor-lab",
        **given,
    }
    head = HeadersFrame(1, Encoder().encode(list(fields.items())), flags=["END_HEADERS"])
    body = DataFrame(1, message, flags=["END_STREAM"])
    return PREFACE + b"".join(frame.serialize() for frame in (SettingsFrame(0), head, body))


class _Reader:
    """Reads frames until the stream or the connection ends."""

    def __init__(self, stream: socket.socket, seen: Seen, deadline: float) -> None:
        self._stream, self._seen, self._deadline = stream, seen, deadline
        self._buffer = b""
        self._decoder = Decoder()
        self._block = b""

    def read(self) -> None:
        """Reads on."""
        while not self._seen.ended and self._seen.reset is None:
            head = self._take(9)
            if head is None:
                return
            if not self._seen.settings and head[3] != 4 and not self._seen.headers and not self._seen.goaways:
                self._not_http2(head)
                return
            frame, length = Frame.parse_frame_header(memoryview(head))
            body = self._take(length)
            if body is None:
                self._seen.raw = head + self._buffer
                return
            frame.parse_body(memoryview(body))
            self._handle(frame)
        self._linger()

    def _linger(self) -> None:
        """A GOAWAY or RST_STREAM may follow the end of the stream at once."""
        self._deadline = min(self._deadline, time.monotonic() + 0.03)
        with contextlib.suppress(OSError):
            while (head := self._take(9)) is not None:
                frame, length = Frame.parse_frame_header(memoryview(head))
                frame.parse_body(memoryview(self._take(length) or b""))
                self._handle(frame)

    def _take(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._stream.settimeout(left)
            chunk = self._stream.recv(65536)
            if not chunk:
                self._seen.error = "eof"
                if not self._seen.settings:
                    self._seen.raw = self._buffer
                return None
            self._buffer += chunk
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _not_http2(self, head: bytes) -> None:
        self._seen.raw = head + self._buffer
        self._stream.settimeout(0.2)
        with contextlib.suppress(OSError):
            while chunk := self._stream.recv(65536):
                self._seen.raw += chunk
        self._seen.error = "not HTTP/2"

    def _handle(self, frame: Any) -> None:
        kind = type(frame).__name__
        if kind == "SettingsFrame":
            if "ACK" not in frame.flags:
                self._seen.settings.update(frame.settings or {-1: 0})
                self._stream.sendall(SettingsFrame(0, flags=["ACK"]).serialize())
        elif kind == "GoAwayFrame":
            self._seen.goaways.append((frame.last_stream_id, frame.error_code, frame.additional_data))
        elif kind == "RstStreamFrame":
            self._seen.reset = frame.error_code
        elif kind == "DataFrame":
            self._seen.data += frame.data
            self._stream.sendall(WindowUpdateFrame(0, max(1, len(frame.data))).serialize())
        if kind in ("HeadersFrame", "ContinuationFrame"):
            self._headers(frame)
        if "END_STREAM" in frame.flags and kind in ("DataFrame", "HeadersFrame"):
            self._seen.ended = True

    def _headers(self, frame: Any) -> None:
        self._block += frame.data
        if "END_HEADERS" in frame.flags:
            fields = [(str(name), str(value)) for name, value in self._decoder.decode(self._block)]
            (self._seen.trailers if self._seen.headers else self._seen.headers).extend(fields)
            self._block = b""
