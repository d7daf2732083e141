"""other-port: what port 80 speaks, looked at when a bare host's port 443 does not answer."""

from __future__ import annotations

from grpcdoctor.model.facts.reach import DnsFacts, OtherPortFacts, TcpFacts
from grpcdoctor.model.target import DEFAULT_PLAINTEXT_PORT
from grpcdoctor.wire.session import Measurement, Session

NAME = "other-port"


def ready(session: Session) -> bool:
    target, tcp = session.target, session.get(TcpFacts)
    bare = target.tls and not target.port_given and not target.scheme_given and target.connect_to is None
    return bare and tcp is not None and tcp.chosen is None and tcp.proxy is None


async def run(session: Session) -> Measurement:
    dns = session.get(DnsFacts)
    assert dns is not None
    dialled = await session.dial_address(dns.addresses[0], DEFAULT_PLAINTEXT_PORT)
    if dialled.stream is None:
        return Measurement(
            OtherPortFacts(result=dialled.result, detail=dialled.error), "no answer either"
        )
    connection = session.http2(dialled.stream)
    first = (await connection.open(session.step("first-bytes"))).facts()
    connection.abort()
    return Measurement(OtherPortFacts(result="connected", spoken=first.spoken, detail=first.text))
