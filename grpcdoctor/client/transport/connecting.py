"""Connecting: dialling, TLS and, for HTTP/2, the preface; what is known of the connection is kept beside it."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Final

from grpcdoctor.client.connection_facts import ConnectionFacts
from grpcdoctor.client.transport.dialling import Reached, reach
from grpcdoctor.client.transport.http2_link import Http2Link

if TYPE_CHECKING:
    from grpcdoctor.client.options import ChannelOptions
    from grpcdoctor.client.transport.securing import Secured
    from grpcdoctor.model.facts.tls import Certificate
    from grpcdoctor.wire.deadline import Deadline
    from grpcdoctor.wire.stream import Duplex

HTTP2: Final = "2"
HTTP1: Final = "1.1"
_ALPN: Final = {HTTP2: ("h2",), HTTP1: ("http/1.1",), None: ("h2", "http/1.1")}
_CERTIFICATES_KEPT: Final = 10


class Connected:
    """A connection to speak HTTP on; `link` where it is HTTP/2."""

    def __init__(self, reached: Reached, secured: Secured | None) -> None:
        self.reached = reached
        self.secured = secured
        self.link: Http2Link | None = None
        self.http2_ms: float | None = None

    @property
    def duplex(self) -> Duplex:
        return self.secured.stream if self.secured is not None else self.reached.stream

    def facts(self) -> ConnectionFacts:
        """Reads the certificates, which takes a library that a mere call does not need."""
        secured = self.secured
        return ConnectionFacts(
            address=self.reached.address,
            http_version=HTTP2 if self.link is not None else HTTP1,
            proxy=self.reached.proxy,
            handshake=secured.handshake if secured is not None else None,
            certificates=_certificates(secured) if secured is not None else (),
            dns_ms=self.reached.dns_ms,
            tcp_ms=self.reached.tcp_ms,
            tls_ms=secured.handshake.duration_ms if secured is not None else None,
            http2_ms=self.http2_ms,
        )


async def connect(options: ChannelOptions, http_version: str | None, deadline: Deadline) -> Connected:
    """`http_version` None takes what ALPN gives, and HTTP/1.1 in plaintext. Raises ConnectError."""
    target = options.target
    reached = await reach(target, options.use_proxy, deadline)
    try:
        secured = None
        if target.tls:
            from grpcdoctor.client.transport.securing import secure

            offered = _ALPN[http_version]
            secured = await secure(reached.stream, options, offered, reached.address, deadline)
        connected = Connected(reached, secured)
        if _is_http2(http_version, secured):
            started = monotonic()
            connected.link = await Http2Link.open(
                connected.duplex, secured, reached.address, options.keepalive, deadline
            )
            connected.http2_ms = (monotonic() - started) * 1000
    except BaseException:
        reached.stream.abort()
        raise
    return connected


def _is_http2(http_version: str | None, secured: Secured | None) -> bool:
    if http_version is not None:
        return http_version == HTTP2
    return secured is not None and secured.handshake.selected == "h2"


def _certificates(secured: Secured) -> tuple[Certificate, ...]:
    from grpcdoctor.wire.certificates import read_certificate

    try:
        sent = secured.client.chain()
    except ValueError:
        return ()
    today = int(time() // 86400)
    return tuple(read_certificate(der, today) for der in sent[:_CERTIFICATES_KEPT])
