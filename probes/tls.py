"""tls: the verified handshake, an unverified one where that fails to verify, and the first read, which alone tells
whether a TLS 1.3 server accepted us without a client certificate."""

from __future__ import annotations

import ssl
from dataclasses import replace
from time import time

from grpcdoctor.model.facts.http2 import H2cFacts
from grpcdoctor.model.facts.tls import Certificate, Handshake, TlsFacts
from grpcdoctor.wire.certificates import ISSUER_NOT_FOUND, read_certificate, trusted_relative
from grpcdoctor.wire.connection import Http2Connection
from grpcdoctor.wire.first_bytes import spoken_by
from grpcdoctor.wire.handshake import Shaken, shake_hands
from grpcdoctor.wire.session import NO_STREAM, Measurement, Session
from grpcdoctor.wire.tls import TlsClient, TlsSettings, context_for

NAME = "tls"
QUICK = True

_PROTOCOL_VERSION_ALERT = 70
_LEAST_PATIENCE, _MOST_PATIENCE = 0.05, 1.0
_VERSION_REASONS = ("UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "TLSV1_ALERT_PROTOCOL_VERSION")


def ready(session: Session) -> bool:
    if session.address is None:
        return False
    if session.target.tls:
        return True
    h2c = session.get(H2cFacts)  # plaintext was asked: only where the port speaks no HTTP/2 in clear
    return h2c is not None and h2c.first is not None and h2c.first.spoken != "h2"


def skipped(session: Session) -> str | None:
    return "there is no connection to speak TLS on" if session.target.tls else None


async def run(session: Session) -> Measurement:
    options = session.options
    settings = TlsSettings(not options.insecure, cacert=options.cacert, cert=options.cert, key=options.key)
    first = await _handshake(session, settings)
    if first is None:
        return Measurement(TlsFacts(asked=session.target.tls), NO_STREAM)
    second = None
    if first.handshake.result == "verify-failed":
        second = await _handshake(session, settings._replace(verify=False))
    shaken = second if second is not None and second.stream is not None else first
    facts = TlsFacts(
        asked=session.target.tls,
        address=session.address or "",
        verify_name=session.target.verify_name,
        verified=first.handshake if settings.verify else None,
        unverified=(second.handshake if second is not None else None) if settings.verify else first.handshake,
        chain=_chain(shaken.client),
        client_certificate_requested=_requested(first, second),
        client_certificate_given=options.cert is not None,
        spoken=_spoken(first.handshake),
        trusted_relative=_trusted_relative(first.handshake, shaken.client, settings),
    )
    if shaken.stream is not None:
        facts = await _first_read(session, shaken, facts)
    elif _refused_our_versions(shaken.handshake):
        facts = replace(facts, older_version=await _older_version(session))
    return Measurement(facts, _error(facts))


async def _handshake(session: Session, settings: TlsSettings) -> Shaken | None:
    stream = await session.stream()
    if stream is None:
        return None
    return await shake_hands(stream, settings, session.target.verify_name, session.step("tls"))


async def _first_read(session: Session, shaken: Shaken, facts: TlsFacts) -> TlsFacts:
    """Send the HTTP/2 preface and look what comes: bytes, an alert, or the end."""
    assert shaken.stream is not None
    assert shaken.client is not None
    connection = session.http2(shaken.stream)
    await connection.open(session.step("first-bytes"), _patience(shaken))
    handshake = _after_first_read(shaken.handshake, shaken.client, connection)
    requested = facts.client_certificate_requested or shaken.client.client_certificate_requested
    session.over_tls = True
    session.connection = connection
    facts = replace(facts, client_certificate_requested=requested)
    if handshake.verified:
        return replace(facts, verified=handshake)
    return replace(facts, unverified=handshake)


def _patience(shaken: Shaken) -> float:
    """Seconds to listen before we speak: a server that asked for a certificate may be about to refuse ours, or none."""
    if shaken.client is None or not shaken.client.client_certificate_requested:
        return 0.0
    return min(max(_LEAST_PATIENCE, 2 * shaken.handshake.duration_ms / 1000), _MOST_PATIENCE)


def _after_first_read(handshake: Handshake, client: TlsClient, connection: Http2Connection) -> Handshake:
    assert connection.first is not None
    if client.alerts and connection.first.spoken == "closed" and client.alerts[-1] != 0:
        return replace(handshake, alert=client.alerts[-1], alert_after_handshake=True)
    if connection.first.spoken == "closed":
        return replace(handshake, closed_after_handshake=True)
    return handshake


def _requested(*handshakes: Shaken | None) -> bool:
    """A client certificate was asked for in any of the handshakes, whether it completed or not."""
    clients = (shaken.client for shaken in handshakes if shaken is not None)
    return any(client is not None and client.client_certificate_requested for client in clients)


def _chain(client: TlsClient | None) -> tuple[Certificate, ...]:
    if client is None:
        return ()
    try:
        sent = client.chain()
    except (ssl.SSLError, ValueError):
        return ()
    today = int(time() // 86400)
    return tuple(read_certificate(der, today) for der in sent[:10])


def _trusted_relative(handshake: Handshake, client: TlsClient | None, settings: TlsSettings) -> str | None:
    """Looked for only where verification found no issuer; it parses the whole trust store."""
    if handshake.verify_code not in ISSUER_NOT_FOUND or client is None:
        return None
    sent = client.chain()
    return trusted_relative(sent[-1], context_for(settings).get_ca_certs(binary_form=True)) if sent else None


def _spoken(handshake: Handshake) -> str | None:
    return spoken_by(bytes.fromhex(handshake.first_bytes)) if handshake.result == "not-tls" else None


def _refused_our_versions(handshake: Handshake) -> bool:
    return handshake.alert == _PROTOCOL_VERSION_ALERT or handshake.error in _VERSION_REASONS


async def _older_version(session: Session) -> str | None:
    """What the server speaks below TLS 1.2, if anything; one more connection, only after it refused ours."""
    stream = await session.stream()
    if stream is None:
        return None
    settings = TlsSettings(verify=False, offered=(), old_versions=True)
    shaken = await shake_hands(stream, settings, session.target.verify_name, session.step("tls"))
    stream.abort()
    return shaken.handshake.version


def _error(facts: TlsFacts) -> str | None:
    handshake = facts.verified or facts.unverified
    if handshake is None or handshake.result == "ok":
        failed = handshake is not None and (handshake.alert_after_handshake or handshake.closed_after_handshake)
        return "refused right after the handshake" if failed else None
    return handshake.verify_message or handshake.error or handshake.result
