"""Facts about HTTP/2: what the port speaks, its SETTINGS, GOAWAY, RST_STREAM, and what broke the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grpcdoctor.model.observation import Facts


@dataclass(frozen=True, slots=True)
class FirstBytes:
    """The first bytes that a peer sent, and what they are."""

    spoken: str = "h2"
    """"h2", "http/1.1", "tls", "ssh", "garbage", "nothing" (silence until the deadline) or "closed" (end of stream or
    reset before a byte)."""
    data: str = ""
    """Hex, at most 64 bytes."""
    text: str | None = None
    """The first line, where the bytes are text."""
    tls_alert: int | None = None
    reset: bool = False
    """Closed by RST instead of FIN."""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Http1Answer:
    """An HTTP/1.x answer: what a server that speaks no HTTP/2 says."""

    status: int = 0
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    """The first 2 KiB as text."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class H2cFacts(Facts):
    """What the port answers to the HTTP/2 preface sent in clear."""

    kind: ClassVar[str] = "h2c"
    asked: bool = True
    """The user asked for plaintext. False: TLS was asked, was not spoken, and plaintext was tried next."""
    address: str = ""
    first: FirstBytes | None = None
    http1: Http1Answer | None = None
    """The peer's answer to the preface, where it is HTTP/1.x."""


@dataclass(frozen=True, slots=True)
class Goaway:
    """RFC 9113 §6.8."""

    code: int = 0
    last_stream_id: int = 0
    debug: str = ""
    at_ms: float = 0.0
    before_any_answer: bool = False
    """It came before the peer had answered a single request."""


@dataclass(frozen=True, slots=True)
class Http2Facts(Facts):
    """The HTTP/2 connection that the gRPC questions went over, seen when they were done."""

    kind: ClassVar[str] = "http2"
    transport: str = "tls"
    """"tls" or "plaintext"."""
    address: str = ""
    first: FirstBytes | None = None
    settings: tuple[tuple[int, int], ...] = ()
    """(identifier, value) in the order sent; where a later SETTINGS frame changes one, the last value holds."""
    settings_acked: bool = False
    window_increment: int | None = None
    """Of the WINDOW_UPDATE on stream 0 that came with the SETTINGS."""
    terminator: str | None = None
    """Who the SETTINGS look like: "grpc-c-core", "grpc-go", "grpc-java", "grpc-js", "envoy", "nginx", "haproxy" …"""
    terminator_score: float = 0.0
    """0 to 1; versions and tuning vary, so never proof."""
    ping_ms: float | None = None
    goaways: tuple[Goaway, ...] = ()
    violation: str | None = None
    """What in the peer's bytes breaks RFC 9113, as h2 or the frame tap worded it."""
    violation_frame: str | None = None
    """The frame in question, decoded."""
    closed_by_peer: bool = False
    """End of stream before the questions were answered."""
    reset_by_peer: bool = False

    def setting(self, identifier: int) -> int | None:
        return next((value for key, value in reversed(self.settings) if key == identifier), None)


@dataclass(frozen=True, slots=True)
class Http1Facts(Facts):
    """What the port says to an ordinary HTTP/1.1 request; asked where it speaks no HTTP/2."""

    kind: ClassVar[str] = "http1"
    transport: str = "plaintext"
    request: str = ""
    """The request line."""
    answer: Http1Answer | None = None
    first: FirstBytes | None = None
