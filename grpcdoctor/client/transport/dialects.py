"""Dialects: what of a call differs between gRPC, gRPC-Web and Connect; the rest is the same exchange over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from grpcdoctor.client.errors import ClientError
from grpcdoctor.client.options import ChannelOptions, Protocol
from grpcdoctor.client.transport.base_call import BaseCall, Start
from grpcdoctor.client.transport.connecting import HTTP1, HTTP2

if TYPE_CHECKING:
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

    MakeHeaders = Callable[[ChannelOptions, Headers, str | None, Deadline | None, "Streaming"], Headers]
    """(options, metadata, encoding of requests, deadline, what streams) -> all but pseudo-headers."""
    MakeCall = Callable[[Start, Deadline | None, str | None, int, "Streaming"], BaseCall]
    """(start, deadline, encoding of requests, the largest message, what streams) -> a call, not begun."""


class Streaming(NamedTuple):
    """What of a method streams."""

    requests: bool
    responses: bool


class Dialect(NamedTuple):
    """One protocol."""

    name: str
    headers: MakeHeaders
    call: MakeCall
    http_versions: tuple[str, ...] = (HTTP2, HTTP1)
    streams_requests: bool = False

    def http_version(self, asked: str | None) -> str | None:
        """What is spoken; None for what ALPN gives. Raises ClientError."""
        if asked is not None and asked not in self.http_versions:
            raise ClientError(
                f"{self.name} does not go over HTTP/{asked}, only over HTTP/{' and '.join(self.http_versions)}"
            )
        return self.http_versions[0] if len(self.http_versions) == 1 else asked


def dialect_of(protocol: Protocol) -> Dialect:
    return _DIALECTS[protocol]()


def _grpc() -> Dialect:
    from grpcdoctor.client.transport.grpc_call import grpc_call, grpc_headers

    return Dialect("gRPC", grpc_headers, grpc_call, (HTTP2,), streams_requests=True)


def _grpc_web() -> Dialect:
    from grpcdoctor.client.transport.grpc_web_call import grpc_web_call, grpc_web_headers

    return Dialect("gRPC-Web", grpc_web_headers, grpc_web_call)


def _grpc_web_text() -> Dialect:
    from grpcdoctor.client.transport.grpc_web_call import grpc_web_text_call, grpc_web_text_headers

    return Dialect("gRPC-Web", grpc_web_text_headers, grpc_web_text_call)


def _connect() -> Dialect:
    from grpcdoctor.client.transport.connect_call import connect_call, connect_headers

    return Dialect("Connect", connect_headers, connect_call, streams_requests=True)


_DIALECTS: Final[dict[Protocol, Callable[[], Dialect]]] = {
    Protocol.GRPC: _grpc,
    Protocol.GRPC_WEB: _grpc_web,
    Protocol.GRPC_WEB_TEXT: _grpc_web_text,
    Protocol.CONNECT: _connect,
}
