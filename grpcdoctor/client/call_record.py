"""CallRecord: one call as it went, for whoever prints or keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

    from grpcdoctor.client.connection_facts import ConnectionFacts
    from grpcdoctor.client.status import Status
    from grpcdoctor.wire.streams import Headers

# What is kept of one side's messages, in characters of JSON. A stream may be endless; memory is not.
_KEPT: Final = 64 * 1024 * 1024


@dataclass
class Messages:
    """Of one direction, as JSON texts; those that are too many, or that nobody wants, are only counted."""

    wanted: bool = True
    texts: list[str] = field(default_factory=list)
    count: int = 0
    _kept: int = 0

    def add(self, text: str) -> None:
        self.count += 1
        if self.wanted and self._kept + len(text) <= _KEPT:
            self._kept += len(text)
            self.texts.append(text)

    @property
    def left_out(self) -> int:
        return self.count - len(self.texts)


@dataclass
class CallRecord:
    """Filled while the call runs; times in milliseconds from its start (monotonic)."""

    method: str = ""
    """package.Service/Method."""
    kind: str = ""
    """unary, client-streaming, server-streaming, bidi-streaming; "" as long as the method is not known."""
    sent_headers: Headers = ()
    requests: Messages = field(default_factory=Messages)
    headers: Headers = ()
    responses: Messages = field(default_factory=Messages)
    trailers: Headers = ()
    status: Status | None = None
    details: tuple[str, ...] = ()
    """The status's details, each as JSON."""
    bytes_sent: int = 0
    bytes_received: int = 0
    """On the wire: as compressed, prefixes included."""
    deadline_seconds: float | None = None
    compression: str | None = None
    connection: ConnectionFacts | None = None
    retries: int = 0
    started: float = field(default_factory=monotonic)
    first_byte_ms: float | None = None
    total_ms: float | None = None

    def elapsed_ms(self) -> float:
        return (monotonic() - self.started) * 1000


def kind_of(method: MethodDescriptor) -> str:
    """unary, client-streaming, server-streaming or bidi-streaming."""
    if method.client_streaming:
        return "bidi-streaming" if method.server_streaming else "client-streaming"
    return "server-streaming" if method.server_streaming else "unary"
