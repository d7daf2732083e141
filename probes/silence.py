"""silence: what the peer does with a connection on which nothing is said, asked where it closed whatever was said."""

from __future__ import annotations

from grpcdoctor.model.facts.http2 import H2cFacts
from grpcdoctor.model.facts.reach import SilenceFacts
from grpcdoctor.model.facts.tls import TlsFacts
from grpcdoctor.wire.deadline import Deadline
from grpcdoctor.wire.session import NO_STREAM, Measurement, Session

NAME = "silence"

# A peer that closes by itself (an allow-list, a crash) does so at once; one that waits for bytes waits longer.
_LISTEN_SECONDS = 1.0


def ready(session: Session) -> bool:
    tls, h2c = session.get(TlsFacts), session.get(H2cFacts)
    if tls is None or tls.handshake is None or h2c is None or h2c.first is None:
        return False
    return tls.handshake.result == "closed" and h2c.first.spoken == "closed"


async def run(session: Session) -> Measurement:
    stream = await session.stream()
    if stream is None:
        return Measurement(error=NO_STREAM)
    deadline: Deadline = session.deadline.within(_LISTEN_SECONDS)
    try:
        data = await stream.read(deadline)
    except TimeoutError:
        return Measurement(SilenceFacts("open"))
    except OSError:
        return Measurement(SilenceFacts("closed"))
    finally:
        stream.abort()
    return Measurement(SilenceFacts("spoke", data[:64].hex()) if data else SilenceFacts("closed"))
