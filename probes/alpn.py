"""alpn: what the server selects when offered h2 and http/1.1, asked where offering h2 alone did not give h2."""

from __future__ import annotations

from grpcdoctor.model.codes import TlsAlert
from grpcdoctor.model.facts.tls import AlpnFacts, TlsFacts
from grpcdoctor.wire.handshake import shake_hands
from grpcdoctor.wire.session import NO_STREAM, Measurement, Session
from grpcdoctor.wire.tls import TlsSettings

NAME = "alpn"
QUICK = True


def ready(session: Session) -> bool:
    tls = session.get(TlsFacts)
    if tls is None or tls.handshake is None:
        return False
    if tls.completed:
        return tls.handshake.selected != "h2"
    return tls.handshake.alert == TlsAlert.NO_APPLICATION_PROTOCOL


async def run(session: Session) -> Measurement:
    stream = await session.stream()
    if stream is None:
        return Measurement(AlpnFacts(), NO_STREAM)
    options = session.options
    settings = TlsSettings(verify=False, offered=("h2", "http/1.1"), cert=options.cert, key=options.key)
    shaken = await shake_hands(stream, settings, session.target.verify_name, session.step("tls"))
    stream.abort()
    error = None if shaken.stream is not None else shaken.handshake.error or shaken.handshake.result
    return Measurement(AlpnFacts(shaken.handshake), error)
