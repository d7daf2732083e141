"""The request's headers as grpc-go sends them: order, names that users cannot set, encoding of the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.transport.compression import ACCEPTED
from grpcdoctor.wire.questions import USER_AGENT

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.streams import Headers

# grpc-go's isReservedHeader (internal/transport/http_util.go): metadata of these names is dropped, both ways.
RESERVED: Final = frozenset(
    (
        "content-type",
        "user-agent",
        "grpc-message-type",
        "grpc-encoding",
        "grpc-message",
        "grpc-status",
        "grpc-timeout",
        "te",
    )
)
# grpc-go 1.83, internal/grpcutil/encode_duration.go: the finest unit in which at most eight digits are enough.
_LARGEST_TIMEOUT: Final = 99_999_999
_UNITS: Final = ((1, "n"), (1000, "u"), (10**6, "m"), (10**9, "S"), (60 * 10**9, "M"), (3600 * 10**9, "H"))


def pseudo_headers(options: ChannelOptions, path: str) -> Headers:
    target = options.target
    return (
        (":method", "POST"),
        (":scheme", "https" if target.tls else "http"),
        (":path", path),
        (":authority", target.authority_header),
    )


def user_metadata(metadata: Headers) -> Headers:
    """What of it is sent: base64 without padding, as grpc-go writes it."""
    return tuple(
        (name, value.rstrip("=") if name.endswith("-bin") else value)
        for name, value in metadata
        if name not in RESERVED and not name.startswith(":")
    )


def grpc_fields(
    options: ChannelOptions, content_type: str, extra: Headers, compress: str | None, deadline: Deadline | None
) -> Headers:
    """Those of gRPC and of gRPC-Web, without the user's metadata; `extra` are what the two do not share."""
    headers = [("content-type", content_type), ("user-agent", user_agent(options)), *extra]
    if compress is not None:
        headers.append(("grpc-encoding", compress))
    headers.append(("grpc-accept-encoding", ACCEPTED))
    if deadline is not None:
        headers.append(("grpc-timeout", encode_timeout(deadline.remaining)))
    return tuple(headers)


def user_agent(options: ChannelOptions) -> str:
    return options.user_agent if options.user_agent is not None else USER_AGENT


def encode_timeout(seconds: float) -> str:
    """gRPC over HTTP/2, "Timeout": rounded up, at most eight digits and a unit."""
    nanoseconds = round(seconds * 1e9)
    if nanoseconds <= 0:
        return "0n"
    for size, unit in _UNITS:
        value = -(-nanoseconds // size)
        if value <= _LARGEST_TIMEOUT:
            return f"{value}{unit}"
    return f"{_LARGEST_TIMEOUT}H"
