"""ConnectionFacts: what is known of the connection that a channel's calls go over."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from grpcdoctor.model.facts.tls import Certificate, Handshake


class ConnectionFacts(NamedTuple):
    """Times are in milliseconds; None for a step that was not needed (no name, no TLS, HTTP/1.1)."""

    address: str
    """As dialled: `127.0.0.1:443`, `[::1]:443`, `unix:/path`; the proxy's where there is one."""
    http_version: str
    """"2" or "1.1"."""
    proxy: str | None = None
    """host:port of the HTTP proxy on the way."""
    handshake: Handshake | None = None
    """None in plaintext."""
    certificates: tuple[Certificate, ...] = ()
    """As sent, leaf first."""
    dns_ms: float | None = None
    tcp_ms: float | None = None
    tls_ms: float | None = None
    http2_ms: float | None = None
    """From the preface to the peer's SETTINGS."""
