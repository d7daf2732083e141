"""Which protocol Istio takes a port for.

Source: istio pkg/config/kube/conversion.go ConvertProtocol, pkg/config/protocol/instance.go Parse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from grpcdoctor.cluster.fields import FieldPath, mappings_at, number_at, text_at
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import ServicePort


class Protocol(str, Enum):
    """The values are Istio's own spelling; AUTO is its Unsupported: found out from the first bytes."""

    GRPC = "GRPC"
    GRPC_WEB = "GRPC-Web"
    HTTP2 = "HTTP2"
    HTTP = "HTTP"
    HTTP_PROXY = "HTTP_PROXY"
    HTTPS = "HTTPS"
    TLS = "TLS"
    TCP = "TCP"
    UDP = "UDP"
    MONGO = "Mongo"
    REDIS = "Redis"
    MYSQL = "MySQL"
    AUTO = "auto"

    @property
    def is_http2(self) -> bool:
        return self in (Protocol.GRPC, Protocol.GRPC_WEB, Protocol.HTTP2)

    @property
    def is_http(self) -> bool:
        """Layer 7 features work."""
        return self.is_http2 or self in (Protocol.HTTP, Protocol.HTTP_PROXY)

    @property
    def is_opaque(self) -> bool:
        """Bytes are handed on unread."""
        return not self.is_http and self is not Protocol.AUTO


_PARSED: Final = {
    "tcp": Protocol.TCP, "udp": Protocol.UDP, "grpc": Protocol.GRPC, "grpc-web": Protocol.GRPC_WEB,
    "http": Protocol.HTTP, "http_proxy": Protocol.HTTP_PROXY, "http2": Protocol.HTTP2, "https": Protocol.HTTPS,
    "tls": Protocol.TLS, "mongo": Protocol.MONGO, "redis": Protocol.REDIS, "mysql": Protocol.MYSQL,
}  # fmt: skip

# KEP-3726's standard names; only these spellings, and only in appProtocol.
_KUBERNETES: Final = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.HTTPS,
}
_GRPC_WEB: Final = "grpc-web"
# SMTP, DNS, MySQL, MongoDB: a server that speaks first would hang a sniffer (conversion.go wellKnownPorts).
SERVER_FIRST_PORTS: Final = frozenset((25, 53, 3306, 27017))
_NAMES_KEPT: Final = 4096
"""Names of ports repeat all over a cluster, and dozens of rules ask about each."""


@dataclass(frozen=True, slots=True)
class PortProtocol:
    """What a port resolves to, and by which of its fields."""

    protocol: Protocol
    field: str
    """"appProtocol", "name" or "protocol" (of a ServiceEntry's port, or UDP)."""
    value: str


def parse_protocol(word: str) -> Protocol:
    """`protocol` of a ServiceEntry, a Gateway's server or a Sidecar's listener, in any case."""
    return _PARSED.get(word.lower(), Protocol.AUTO)


@lru_cache(maxsize=_NAMES_KEPT)
def protocol_named(name: str, app_protocol: str | None = None, number: int = 0) -> Protocol:
    """What a Service port with this name and appProtocol resolves to. appProtocol replaces the name altogether."""
    if app_protocol in _KUBERNETES:
        return _KUBERNETES[app_protocol]
    word = app_protocol or name
    if word[: len(_GRPC_WEB)].lower() == _GRPC_WEB:
        return Protocol.GRPC_WEB
    found = parse_protocol(word.partition("-")[0])
    return Protocol.TCP if found is Protocol.AUTO and number in SERVER_FIRST_PORTS else found


def protocol_of(port: ServicePort | EntryPort) -> PortProtocol:
    """The protocol of a port of a Service or a ServiceEntry."""
    if isinstance(port, EntryPort):
        return PortProtocol(parse_protocol(port.protocol), "protocol", port.protocol)
    if port.protocol == "UDP":
        return PortProtocol(Protocol.UDP, "protocol", port.protocol)
    resolved = protocol_named(port.name, port.app_protocol, port.number)
    if port.app_protocol is not None:
        return PortProtocol(resolved, "appProtocol", port.app_protocol)
    return PortProtocol(resolved, "name", port.name)


@dataclass(frozen=True, slots=True)
class EntryPort:
    """One of a ServiceEntry's `spec.ports`. Its name decides nothing; its `protocol` does (unset: sniffed)."""

    entry: Object
    index: int
    number: int
    name: str
    protocol: str
    target: int

    @property
    def path(self) -> FieldPath:
        return ("spec", "ports", self.index)

    @property
    def title(self) -> str:
        return f"ServiceEntry {self.entry.full_name}:{self.number}"


def entry_ports(entry: Object) -> tuple[EntryPort, ...]:
    return tuple(
        EntryPort(
            entry, index, number, text_at(raw, "name"), text_at(raw, "protocol"),
            number_at(raw, "targetPort") or number,
        )
        for index, raw in mappings_at(entry.raw, "spec", "ports")
        if (number := number_at(raw, "number")) is not None
    )  # fmt: skip
