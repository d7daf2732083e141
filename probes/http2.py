"""http2: SETTINGS, who terminates HTTP/2, one PING, and what the connection has come to when the questions are done."""

from __future__ import annotations

from dataclasses import replace

from grpcdoctor.model.facts.http2 import Http2Facts
from grpcdoctor.wire.session import Measurement, Session

NAME = "http2"
QUICK = True


def ready(session: Session) -> bool:
    return session.connection is not None


def skipped(session: Session) -> str:
    return "there is no connection to speak HTTP/2 on"


async def run(session: Session) -> Measurement:
    """The PING goes out beside the questions."""
    connection = session.connection
    assert connection is not None
    assert connection.first is not None
    if connection.first.spoken != "h2":
        return Measurement(_facts(session), f"the peer answers with {connection.first.spoken}")
    settled = await connection.settled(session.step("first-bytes"))
    ping_ms = None
    if settled and not session.options.quick:
        ping_ms = await connection.ping(session.step("ping"))
    return Measurement(_facts(session, ping_ms), None if settled else "no SETTINGS came")


def finish(session: Session, facts: Http2Facts) -> Http2Facts:
    """The same facts when all questions are answered, with h2's strict opinion on the peer's frames."""
    connection = session.connection
    assert connection is not None
    facts = _facts(session, facts.ping_ms)
    if session.options.quick or facts.violation is not None or not connection.client.settings_received:
        return facts
    from grpcdoctor.wire.referee import violation_in

    refused = violation_in(connection.client.kept)
    if refused is None:
        return facts
    return replace(facts, violation=refused[0], violation_frame=refused[1])


def _facts(session: Session, ping_ms: float | None = None) -> Http2Facts:
    assert session.connection is not None
    transport = "tls" if session.over_tls else "plaintext"
    return session.connection.facts(transport, session.address or "", ping_ms)
