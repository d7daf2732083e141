"""h2c: the HTTP/2 preface in clear, and what the port answers to it."""

from __future__ import annotations

from grpcdoctor.model.facts.http2 import H2cFacts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.wire.http1 import parse_answer, read_answer
from grpcdoctor.wire.session import NO_STREAM, Measurement, Session

NAME = "h2c"
QUICK = True

# A TLS handshake that ended so may have met a port that speaks no TLS at all.
_MAYBE_NO_TLS = frozenset(("not-tls", "closed", "timeout"))


def ready(session: Session) -> bool:
    if session.address is None:
        return False
    if not session.target.tls:
        return True
    tls = session.get(TlsFacts)
    return tls is not None and not tls.completed and _first_result(tls) in _MAYBE_NO_TLS


def _first_result(tls: TlsFacts) -> str:
    handshake = tls.verified or tls.unverified
    return handshake.result if handshake is not None else ""


async def run(session: Session) -> Measurement:
    asked = not session.target.tls
    stream = await session.stream()
    if stream is None:
        return Measurement(H2cFacts(asked, session.address or ""), NO_STREAM)
    connection = session.http2(stream)
    heard = await connection.open(session.step("first-bytes"))
    http1 = None
    if heard.spoken == "h2":
        session.connection = connection
        session.over_tls = False
    elif heard.spoken == "http/1.1":
        http1 = parse_answer(await read_answer(stream, session.step("first-bytes"), heard.data))
    facts = H2cFacts(asked, session.address or "", heard.facts(), http1)
    return Measurement(facts, None if heard.spoken == "h2" else f"the port answers with {heard.spoken}")
