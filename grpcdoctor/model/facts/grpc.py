"""Facts about gRPC: the answers to the questions asked over HTTP/2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from grpcdoctor.model.codes import GrpcStatus
from grpcdoctor.model.observation import Facts

# A peer's own timer started later than ours and rounds to its tick; it never fires this early.
_NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back on one stream, exactly; header names are in lower case, secrets already redacted."""

    path: str = ""
    """`/package.Service/Method`."""
    http_status: int | None = None
    """None where no HEADERS came."""
    headers: tuple[tuple[str, str], ...] = ()
    """Of the first HEADERS frame, without `:status`."""
    trailers: tuple[tuple[str, str], ...] = ()
    """Of the HEADERS frame that ended the stream, where it is not the first."""
    trailers_only: bool = False
    """One HEADERS frame with END_STREAM: how servers and proxies refuse a call."""
    grpc_status: int | None = None
    """From the trailers, else the headers; None where neither has one that is a number."""
    grpc_message: str = ""
    """Percent-decoded."""
    messages: int = 0
    """Complete length-prefixed messages."""
    body_bytes: int = 0
    body: str = ""
    """The first 512 bytes as text, where the body is no gRPC message."""
    body_hex: str = ""
    """The first 64 bytes of the body."""
    ended: bool = False
    """The peer ended the stream (END_STREAM)."""
    reset_code: int | None = None
    """Of the RST_STREAM that the peer sent."""
    lost: str | None = None
    """Why no complete answer came: "timeout", "goaway", "closed" (end of stream), "reset" (TCP), "refused-by-limit"
    (MAX_CONCURRENT_STREAMS is 0), "protocol-error"."""
    first_byte_ms: float | None = None
    """From the request to the first HEADERS."""
    duration_ms: float = 0.0
    deadline_ms: float | None = None
    """What was sent as grpc-timeout; None where the call never left."""

    @property
    def ran_out(self) -> bool:
        """Our own deadline ended it, whether we noticed first ("timeout") or the peer did and said so."""
        if self.lost == "timeout":
            return True
        late = self.deadline_ms is not None and self.duration_ms >= _NEARLY * self.deadline_ms
        return late and self.grpc_status == GrpcStatus.DEADLINE_EXCEEDED and not self.messages

    def header(self, name: str) -> str | None:
        """The first value of this name in the headers, else in the trailers."""
        return next((value for key, value in self.headers + self.trailers if key == name), None)

    @property
    def content_type(self) -> str:
        return self.header("content-type") or ""

    @property
    def is_grpc(self) -> bool:
        """Content-type application/grpc (with +proto, +json; not grpc-web)."""
        media_type = self.content_type.split(";", 1)[0].strip().lower()
        return media_type == "application/grpc" or media_type.startswith("application/grpc+")

    @property
    def answered(self) -> bool:
        return self.http_status is not None or self.reset_code is not None


@dataclass(frozen=True, slots=True)
class GrpcFacts(Facts):
    """A method that no server has: its answer proves gRPC without a schema."""

    kind: ClassVar[str] = "grpc"
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class HealthFacts(Facts):
    """grpc.health.v1.Health: Check of the empty service name, and List (gRFC A90)."""

    kind: ClassVar[str] = "health"
    check: Reply | None = None
    status: str | None = None
    """"SERVING", "NOT_SERVING", "UNKNOWN", "SERVICE_UNKNOWN" or the bare number; None where Check gave none."""
    list: Reply | None = None
    statuses: tuple[tuple[str, str], ...] = ()
    """(service, status) from List."""


@dataclass(frozen=True, slots=True)
class ReflectionFacts(Facts):
    """Server reflection: v1 first, then v1alpha."""

    kind: ClassVar[str] = "reflection"
    v1: Reply | None = None
    v1alpha: Reply | None = None
    version: str | None = None
    """"v1" or "v1alpha": the one that answered."""
    services: tuple[str, ...] = ()
    error: str | None = None
    """What the server's own error_response said."""


@dataclass(frozen=True, slots=True)
class CallFacts(Facts):
    """The user's own call (--call)."""

    kind: ClassVar[str] = "call"
    method: str = ""
    """`/package.Service/Method`."""
    schema: str | None = None
    """"reflection", or None where the request is empty and no schema was to be had."""
    reply: Reply | None = None
    response: Any = None
    """The first response message as JSON, where the schema is known."""
    error: str | None = None
    """Why no call was made (no schema and data given, bad JSON, unknown field)."""


@dataclass(frozen=True, slots=True)
class SecondOpinionFacts(Facts):
    """What grpcio says to the same endpoint, asked in a child process."""

    kind: ClassVar[str] = "second-opinion"
    client: str = ""
    """e.g. `grpcio 1.85.1`."""
    method: str = ""
    code: str | None = None
    """The status name; None where the child died."""
    details: str = ""
    exit_signal: int | None = None
    """The signal that killed the child: grpcio aborts on some sick peers, and that is evidence."""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class RepeatFacts(Facts):
    """The mix of answers over fresh connections (--count)."""

    kind: ClassVar[str] = "repeat"
    tries: int = 0
    mix: tuple[tuple[str, int], ...] = ()
    """(name of the first cause, or "healthy") -> how often, most frequent first."""
    by_address: tuple[tuple[str, str, int], ...] = ()
    """(address, answer, how often)."""
