"""Facts about names, addresses and connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grpcdoctor.model.observation import Facts


@dataclass(frozen=True, slots=True)
class DnsFacts(Facts):
    """What the system resolver said (getaddrinfo, as most clients ask it)."""

    kind: ClassVar[str] = "dns"
    host: str = ""
    addresses: tuple[str, ...] = ()
    """IPv4 and IPv6, in the resolver's order."""
    literal: bool = False
    """The target is an address (or a socket path): nothing was asked."""
    failure: str | None = None
    """"nxdomain" (no such name, EAI_NONAME or EAI_NODATA), "try-again" (EAI_AGAIN), "timeout" or "error"."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TcpAttempt:
    """One connection attempt to one address."""

    address: str = ""
    """`ip:port`, `[v6]:port` or `unix:/path`."""
    result: str = "connected"
    """"connected", "refused", "timeout", "unreachable", "reset" or "error"."""
    duration_ms: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TcpFacts(Facts):
    """Every address tried, all at once."""

    kind: ClassVar[str] = "tcp"
    attempts: tuple[TcpAttempt, ...] = ()
    chosen: str | None = None
    """The address that the rest of the run talks to: the first of the resolver's order that answered."""
    proxy: str | None = None
    """The HTTP CONNECT proxy in between, `http://host:port` without credentials."""
    proxy_variable: str | None = None
    """The environment variable that named the proxy."""
    proxy_error: str | None = None
    """Why the proxy opened no tunnel (its status line, or the connection error)."""

    @property
    def connected(self) -> tuple[TcpAttempt, ...]:
        return tuple(a for a in self.attempts if a.result == "connected")

    @property
    def failed(self) -> tuple[TcpAttempt, ...]:
        return tuple(a for a in self.attempts if a.result != "connected")


@dataclass(frozen=True, slots=True)
class OtherPortFacts(Facts):
    """What port 80 speaks, looked at when a bare host's port 443 does not answer."""

    kind: ClassVar[str] = "other-port"
    port: int = 80
    result: str = "connected"
    """As TcpAttempt.result."""
    spoken: str | None = None
    """As FirstBytes.spoken."""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class IngressFacts(Facts):
    """What the cluster says about the way in to this host. Filled by a reader of the cluster, never by the network."""

    kind: ClassVar[str] = "ingress"
    object_kind: str = "Service"
    namespace: str = ""
    name: str = ""
    addresses: tuple[str, ...] = ()
    """IP addresses or host names in status.loadBalancer.ingress (or Gateway status.addresses)."""
    resolved_addresses: tuple[str, ...] = ()
    """`addresses` with host names resolved."""
    pending: bool = False
    """A load balancer was asked for and has no address yet."""
    external_addresses: tuple[str, ...] = ()
    """Addresses known to lead here too (spec.externalIPs, node addresses of a NodePort)."""


@dataclass(frozen=True, slots=True)
class SilenceFacts(Facts):
    """What the peer does with a connection on which nothing is said."""

    kind: ClassVar[str] = "silence"
    result: str = "open"
    """"open" (it waits), "closed" (at once) or "spoke" (it speaks first, as SSH and mail servers do)."""
    first_bytes: str = ""
    """Hex, where it spoke first."""
