"""Opening HTTP/2: the preface, and what the first bytes tell of a peer that does not answer it with SETTINGS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grpcdoctor.client.errors import ConnectError, Stage
from grpcdoctor.model.codes import Http2Error, TlsAlert, name_of
from grpcdoctor.wire.connection import Http2Connection
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.limits import CALLING
from grpcdoctor.wire.stream import Duplex

if TYPE_CHECKING:
    from grpcdoctor.client.transport.securing import Secured
    from grpcdoctor.model.facts.http2 import FirstBytes, Goaway

_LINE_KEPT: Final = 120
_CLOSE_NOTIFY: Final = TlsAlert.CLOSE_NOTIFY


async def open_http2(duplex: Duplex, secured: Secured | None, address: str, deadline: Deadline) -> Http2Connection:
    """A connection on which the peer has sent its SETTINGS. Raises ConnectError."""
    connection = Http2Connection(duplex, limits=CALLING)
    heard = await connection.open(deadline, secured.patience if secured is not None else 0.0)
    if heard.spoken == "h2" and await connection.settled(deadline) and not connection.client.goaways:
        return connection
    first = heard.facts()
    late = first.spoken == "nothing" or (first.spoken == "h2" and deadline.expired)
    stage, words = _why_not(connection, first, secured)
    connection.abort()
    raise ConnectError(stage, words, address, timed_out=late)


def _why_not(connection: Http2Connection, first: FirstBytes, secured: Secured | None) -> tuple[Stage, str]:
    alerts = [alert for alert in secured.client.alerts if alert != _CLOSE_NOTIFY] if secured is not None else []
    if alerts:
        from grpcdoctor.client.transport.securing import alert_words

        return Stage.TLS, alert_words(alerts[-1])
    if first.spoken == "closed" and secured is not None and secured.client.client_certificate_requested:
        return Stage.TLS, "the server closed the connection right after it had asked for a client certificate"
    return Stage.HTTP2, _http2_words(connection, first, secured is not None)


def _http2_words(connection: Http2Connection, first: FirstBytes, over_tls: bool) -> str:
    if first.spoken == "h2":
        return _unsettled_words(connection)
    line = f": {(first.text or '')[:_LINE_KEPT]}" if first.text else ""
    if first.spoken == "tls":
        return "the port speaks TLS, not plaintext"
    if first.spoken == "http/1.1":
        return f"the server speaks HTTP/1.1, not HTTP/2{line}"
    if first.spoken == "ssh":
        return f"an SSH server answers{line}"
    if first.spoken == "nothing":
        return "no answer to the HTTP/2 preface in time"
    if first.spoken == "closed":
        how = "reset" if first.reset else "closed"
        hint = "" if over_tls else "; it may want TLS"
        return f"the server {how} the connection at the HTTP/2 preface{hint}"
    return f"what answers is not HTTP/2{line or f' (its first bytes: {first.data[:32]})'}"


def _unsettled_words(connection: Http2Connection) -> str:
    client = connection.client
    if client.goaways:
        return f"the server ends every connection at once: {goaway_words(client.goaways[0])}"
    if client.violation is not None:
        return f"the server's HTTP/2 is broken: {client.violation}"
    if connection.closed_by_peer:
        return "the server closed the connection before its SETTINGS"
    return "no SETTINGS of the server in time"


def goaway_words(goaway: Goaway) -> str:
    """As grpc-go writes it, with the name of the frame."""
    debug = f', debug data: "{goaway.debug}"' if goaway.debug else ""
    return f"GOAWAY, code: {name_of(Http2Error, goaway.code)}{debug}"
