"""ChannelOptions: everything that decides how a Channel is made."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from grpcdoctor.model.target import Target

DEFAULT_CONNECT_SECONDS: Final = 10.0
# grpc-go's and grpc core's limit on a received message.
DEFAULT_MESSAGE_BYTES: Final = 4 * 1024 * 1024


class Protocol(str, Enum):
    """What is spoken over HTTP."""

    GRPC = "grpc"
    GRPC_WEB = "grpc-web"
    GRPC_WEB_TEXT = "grpc-web-text"
    CONNECT = "connect"


class ChannelOptions(NamedTuple):
    """Times are in seconds. `http_version` None: HTTP/2 for gRPC, else what ALPN gives (HTTP/1.1 in plaintext)."""

    target: Target
    protocol: Protocol = Protocol.GRPC
    http_version: str | None = None
    cacert: str | None = None
    cert: str | None = None
    key: str | None = None
    insecure: bool = False
    use_proxy: bool = True
    connect_timeout: float = DEFAULT_CONNECT_SECONDS
    keepalive: float | None = None
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES
    user_agent: str | None = None
    grpcio_target: str | None = None
    """A name that only grpcio's own resolvers know, such as xds:///service: called through grpcio."""
    alts: bool = False
    """Application Layer Transport Security of Google Cloud instead of TLS: also through grpcio."""
    alts_handshaker_service: str | None = None
    alts_target_service_accounts: tuple[str, ...] = ()
