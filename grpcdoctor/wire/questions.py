"""The gRPC request as it goes over the wire: headers of a call (gRPC over HTTP/2, "Requests")."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from grpcdoctor.model.target import Target
from grpcdoctor.version import __version__
from grpcdoctor.wire.streams import Headers

USER_AGENT: Final = f"grpcdoctor/{__version__}"
UNKNOWN_METHOD: Final = "/grpcdoctor.Probe/DoesThisMethodExist"
HEALTH_CHECK: Final = "/grpc.health.v1.Health/Check"
HEALTH_LIST: Final = "/grpc.health.v1.Health/List"
HEALTH_WATCH: Final = "/grpc.health.v1.Health/Watch"
REFLECTION: Final = {
    "v1": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "v1alpha": "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
}
# Set by us or forbidden to users (gRPC over HTTP/2): a user's header of this name is not sent.
RESERVED: Final = frozenset(("content-type", "te", "user-agent", "grpc-timeout", "grpc-encoding", "connection", "host"))


def call_headers(target: Target, tls: bool, path: str, timeout: float, metadata: Headers = ()) -> Headers:
    """All headers of one call; `timeout` in seconds becomes grpc-timeout, as a client with a deadline sends it."""
    pseudo = (
        (":method", "POST"),
        (":scheme", "https" if tls else "http"),
        (":path", path),
        (":authority", target.authority_header),
    )
    fixed = (
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", USER_AGENT),
        ("grpc-timeout", f"{max(1, round(timeout * 1000))}m"),
    )
    return pseudo + fixed + tuple((name, _value(name, value)) for name, value in metadata if name not in RESERVED)


def _value(name: str, value: str) -> str:
    """Binary metadata travels as unpadded base64; a value that is base64 already is taken as such (as grpcurl does)."""
    if not name.endswith("-bin"):
        return value
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        raw = value.encode()
    return base64.b64encode(raw).decode().rstrip("=")
