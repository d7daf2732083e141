"""http1: an ordinary HTTP/1.1 request, asked where the port speaks no HTTP/2: who lives there, and does he redirect?"""

from __future__ import annotations

from grpcdoctor.model.facts.http2 import H2cFacts, Http1Facts
from grpcdoctor.model.facts.tls import AlpnFacts, TlsFacts
from grpcdoctor.wire.first_bytes import first_bytes_of
from grpcdoctor.wire.handshake import shake_hands
from grpcdoctor.wire.http1 import parse_answer, read_answer, request
from grpcdoctor.wire.session import NO_STREAM, Measurement, Session
from grpcdoctor.wire.stream import Duplex
from grpcdoctor.wire.tls import TlsSettings

NAME = "http1"


def ready(session: Session) -> bool:
    return _over_tls(session) or _in_clear(session)


def _over_tls(session: Session) -> bool:
    tls, alpn = session.get(TlsFacts), session.get(AlpnFacts)
    if tls is None:
        return False
    if tls.completed:
        first = session.connection.first if session.connection is not None else None
        return first is not None and first.spoken == "http/1.1"
    return alpn is not None and alpn.with_http1 is not None and alpn.with_http1.selected == "http/1.1"


def _in_clear(session: Session) -> bool:
    h2c, tls = session.get(H2cFacts), session.get(TlsFacts)
    if h2c is None or h2c.first is None or h2c.first.spoken != "http/1.1":
        return False
    return tls is not None and not tls.completed  # where TLS works, the clear answer was only a complaint


async def run(session: Session) -> Measurement:
    over_tls = _over_tls(session)
    duplex: Duplex | None = await session.stream()
    if duplex is not None and over_tls:
        duplex = await _tls(session, duplex)
    transport = "tls" if over_tls else "plaintext"
    line = "GET / HTTP/1.1"
    if duplex is None:
        return Measurement(Http1Facts(transport, line), NO_STREAM)
    duplex.write(request("GET", session.target.authority_header))
    data = await read_answer(duplex, session.step("first-bytes"))
    duplex.abort()
    first = first_bytes_of(data, 0.0) if data else None
    answer = parse_answer(data) if data else None
    return Measurement(Http1Facts(transport, line, answer, first), None if answer is not None else "no HTTP/1.1 answer")


async def _tls(session: Session, duplex: Duplex) -> Duplex | None:
    from grpcdoctor.wire.stream import ByteStream

    assert isinstance(duplex, ByteStream)
    options = session.options
    settings = TlsSettings(verify=False, offered=("http/1.1",), cert=options.cert, key=options.key)
    shaken = await shake_hands(duplex, settings, session.target.verify_name, session.step("tls"))
    return shaken.stream
