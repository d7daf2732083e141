"""gateway-port-protocol-conflict: servers on one port speak differently, and Istio drops all but the first kind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.gateways._istio import Use, later_one, listening_port, slots, uses
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.istio.gateways import services_of
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD623",
    name="gateway-port-protocol-conflict",
    severity=Severity.ERROR,
    title="Gateway servers on the same port have protocols that exclude each other",
    explains=("gateway-server-without-routes",),
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    done = set()
    for slot in slots(cluster):
        plain = [use for use in slot if not _is_tls(use)]
        for use in slot if plain else ():
            other = _winner(use, plain)
            if other is not None and id(use) not in done:
                done.add(id(use))
                yield from _judge(cluster, use, other)


def _is_tls(use: Use) -> bool:
    return use.server.protocol in (Protocol.HTTPS, Protocol.TLS)


def _winner(use: Use, plain: list[Use]) -> Use | None:
    """The plaintext server that comes before this one and cannot share the port with it.

    A server with TLS that is older than the plaintext ones has a filter chain of its own: both work.
    """
    first = plain[0]
    if use is first or (use.server.protocol.is_http and first.server.protocol.is_http):
        return None
    return None if later_one(use.server, first.server) is first.server else first


def _judge(cluster: Cluster, dropped: Use, kept: Use) -> Iterator[Conclusion]:
    certain = later_one(kept.server, dropped.server) is not None
    if dropped.severity is None and not certain and kept.severity is not None and not _is_tls(dropped):
        dropped, kept = kept, dropped
    if dropped.severity is None:
        return
    mild = not certain and _is_tls(dropped)
    words = f"{kept.server.protocol_word} there"
    owner = "the same Gateway" if kept.gateway is dropped.gateway else kept.gateway.title
    drops = "Istio drops the TLS one if it is newer" if mild else "Istio drops one of them"
    yield about(
        RULE,
        dropped.gateway,
        (*dropped.server.path, "port"),
        f"{dropped.title} is {dropped.server.protocol_word}, and {owner} has {words}: {drops}",
        symptom="One port is plaintext HTTP, or TLS, or TCP. A plaintext server of an older Gateway (of one "
        "Gateway the first) decides: later ones of another kind are dropped, and only istiod's log says so. Clients of "
        "the dropped one get UNAVAILABLE (14): a failed TLS handshake or a reset.",
        evidence=(seen(kept.gateway, (*kept.server.path, "port")), *dropped.proof),
        fixes=(_fix(cluster, dropped, kept),),
        related=(kept.gateway, *dropped.related),
        severity=Severity.WARNING if mild or dropped.severity is Severity.WARNING else Severity.ERROR,
        confidence=1.0 if certain else 0.7 if mild else 0.9,
    )


def _fix(cluster: Cluster, dropped: Use, kept: Use) -> Fix:
    if kept.server.port == 443 and kept.server.protocol.is_http:
        edit = Edit(kept.gateway).set((*kept.server.path, "port", "number"), 80)
        return edit.fix(f"Move the plaintext server of {kept.gateway.title} to port 80")
    edit = Edit(dropped.gateway)
    number = 443 if _is_tls(dropped) and dropped.server.port != 443 else _free(cluster, dropped)
    where = f"{dropped.gateway.title} to port {number}"
    return edit.set((*dropped.server.path, "port", "number"), number).fix(f"Move the server of {where}")


def _free(cluster: Cluster, use: Use) -> int:
    """A port of the gateway's Service that no server has; else one that is to be added there."""
    taken = {listening_port(cluster, other.server) for other in uses(cluster)}
    known = set(taken)
    for service in services_of(cluster, use.gateway):
        for port in service.ports:
            known.update((port.number, *port.target_numbers))
            unfit = "status" in port.name or port.protocol != "TCP" or port.number == (80 if _is_tls(use) else 443)
            if not unfit and port.target_numbers and port.target_numbers[0] not in taken:
                return port.number
    return next(number for number in count(8443 if _is_tls(use) else 8081) if number not in known)
