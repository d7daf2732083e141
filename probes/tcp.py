"""tcp: connects to every address at once; the first of the resolver's order that answers carries the run."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from grpcdoctor.model.facts.reach import DnsFacts, TcpAttempt, TcpFacts
from grpcdoctor.wire.dial import Dialled
from grpcdoctor.wire.proxy import TunnelError
from grpcdoctor.wire.session import Measurement, Session

NAME = "tcp"
QUICK = True


def ready(session: Session) -> bool:
    if session.proxy is not None:
        return True
    dns = session.get(DnsFacts)
    return dns is not None and bool(dns.addresses or session.target.unix_path)


def skipped(session: Session) -> str:
    return "there is no address to connect to"


async def run(session: Session) -> Measurement:
    if session.proxy is not None:
        return await _through_proxy(session)
    if session.target.unix_path is not None:
        return _measured(session, [await session.dial_unix_path(session.target.unix_path)])
    dns = session.get(DnsFacts)
    assert dns is not None
    if len(dns.addresses) == 1:
        return _measured(session, [await session.dial_address(dns.addresses[0], session.target.dial_port)])
    dialling = (session.dial_address(address, session.target.dial_port) for address in dns.addresses)
    return _measured(session, await asyncio.gather(*dialling))


def _measured(session: Session, dialled: list[Dialled]) -> Measurement:
    """Keep the first connection, end the others."""
    chosen = next((d for d in dialled if d.stream is not None), None)
    for other in dialled:
        if other is not chosen and other.stream is not None:
            other.stream.abort()
    if chosen is not None:
        session.ready_stream = chosen.stream
        session.address = chosen.address
    facts = TcpFacts(tuple(d.attempt for d in dialled), session.address)
    return Measurement(facts, None if chosen is not None else _in_words(facts.attempts))


async def _through_proxy(session: Session) -> Measurement:
    proxy = session.proxy
    assert proxy is not None
    base = TcpFacts(proxy=proxy.url, proxy_variable=proxy.variable)
    if proxy.error is not None:
        return Measurement(replace(base, proxy_error=proxy.error), proxy.error)
    resolved = await session.shared.resolver.resolve(proxy.host, session.step("dns"))
    if not resolved.addresses:
        error = f"the proxy's name does not resolve: {resolved.error}"
        return Measurement(replace(base, proxy_error=error), error)
    dialled = await session.dial_address(resolved.addresses[0], proxy.port)
    attempts = (dialled.attempt,)
    if dialled.stream is None:
        error = f"the proxy does not answer: {_in_words(attempts)}"
        return Measurement(replace(base, attempts=attempts, proxy_error=error), error)
    try:
        await session.tunnel(dialled.stream, proxy)
    except (TunnelError, OSError) as refused:  # TimeoutError is an OSError
        error = str(refused) or "the proxy did not answer in time"
        return Measurement(replace(base, attempts=attempts, proxy_error=error), error)
    session.ready_stream = dialled.stream
    session.address = dialled.address
    return Measurement(replace(base, attempts=attempts, chosen=session.address))


def _in_words(attempts: tuple[TcpAttempt, ...]) -> str:
    return "; ".join(f"{a.address} {a.result}" for a in attempts)
