"""dns: every A and AAAA of the name."""

from __future__ import annotations

from grpcdoctor.model.facts.reach import DnsFacts
from grpcdoctor.model.target import is_address
from grpcdoctor.wire.session import Measurement, Session

NAME = "dns"
QUICK = True


def ready(session: Session) -> bool:
    return True


async def run(session: Session) -> Measurement:
    target = session.target
    if session.proxy is not None:
        return Measurement(error=f"the proxy {session.proxy.url} resolves the name", skipped=True)
    host = target.dial_host
    if target.unix_path is not None:
        return Measurement(DnsFacts(host=target.unix_path, literal=True))
    if is_address(host):
        return Measurement(DnsFacts(host=host, addresses=(host,), literal=True))
    resolved = await session.shared.resolver.resolve(host, session.step("dns"))
    facts = DnsFacts(host, resolved.addresses, False, resolved.failure, resolved.error)
    return Measurement(facts, resolved.error if resolved.failure else None)
