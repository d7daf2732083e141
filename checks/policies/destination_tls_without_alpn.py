"""destination-tls-without-alpn: a DestinationRule adds TLS, and the port's protocol keeps h2 out of the handshake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.policies._clients import Sender, gateways_to, senders_to
from grpcdoctor.checks.policies._grpc import grpc_entry_ports, grpc_ports
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.istio.destination_rules import Located
from grpcdoctor.cluster.istio.protocol import EntryPort, Protocol, protocol_of
from grpcdoctor.cluster.istio.upstream import ClientKind, policy_for, upstream_of
from grpcdoctor.cluster.kinds import DESTINATION_RULE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD735",
    name="destination-tls-without-alpn",
    severity=Severity.ERROR,
    title="a proxy adds TLS for a gRPC server and does not offer HTTP/2 in it",
)
READS = ROUTE_KINDS

_ORIGINATES: Final = ("SIMPLE", "MUTUAL")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not cluster.all(DESTINATION_RULE):
        return
    told: set[int] = set()
    for entry_port, full in grpc_entry_ports(cluster):
        if id(entry_port.entry) in told or protocol_of(entry_port).protocol.is_http2:
            continue
        for sender in senders_to(cluster, entry_port, full):
            tls = _tls_with_http1(cluster, sender, entry_port, full)
            if tls is not None:
                told.add(id(entry_port.entry))
                yield _of_entry(entry_port, full, sender, tls)
                break
    for port in grpc_ports(cluster):
        # A port that says http is service-port-not-http2's.
        if not protocol_of(port).protocol.is_http:
            yield from _of_service(cluster, port)


def _tls_with_http1(cluster: Cluster, sender: Sender, port: ServicePort | EntryPort, full: str) -> Located | None:
    """The TLS mode of a proxy that does not speak HTTP/2 in it."""
    mode = policy_for(cluster, sender.client, port, full, sender.subset).find("tls", "mode")
    if mode is None or mode.text not in _ORIGINATES:
        return None
    own_tls = protocol_of(port).protocol in (Protocol.HTTPS, Protocol.TLS)
    if own_tls and sender.client.kind is ClientKind.SIDECAR:
        return None  # the application speaks TLS on such a port: destination-tls-mismatch
    spoken = upstream_of(cluster, sender.client, port, full, sender.subset).spoken
    return mode if spoken in (Spoken.HTTP1, Spoken.TCP) else None


def _symptom(port: ServicePort | EntryPort) -> str:
    offered = "HTTP/1.1" if not protocol_of(port).protocol.is_opaque else "HTTP/1.1 or nothing"
    return (
        f"In the handshake the proxy offers {offered}, and a gRPC server wants h2. Clients get UNAVAILABLE: upstream "
        "connect error or disconnect/reset before headers."
    )


def _of_entry(port: EntryPort, full: str, sender: Sender, mode: Located) -> Conclusion:
    entry, place = port.entry, (*port.path, "protocol")
    written = port.protocol or "(unset)"
    return about(
        RULE,
        entry,
        place,
        f"{entry.title} says {written} for port {port.number}, and {mode.object.title} adds {mode.text} TLS",
        symptom=_symptom(port),
        evidence=(seen(mode.object, mode.path),),
        fixes=(Edit(entry).set(place, "GRPC").fix("Declare what is spoken inside the TLS"), _upgrade(mode)),
        related=(mode.object, *((sender.route,) if sender.route is not None else ())),
        confidence=0.9,
    )


def _of_service(cluster: Cluster, port: ServicePort) -> Iterator[Conclusion]:
    for sender in gateways_to(cluster, port):
        mode = _tls_with_http1(cluster, sender, port, port.service.full_host)
        if mode is None:
            continue
        declared = protocol_of(port)
        said = f'{declared.field} "{declared.value}"' if declared.protocol is not Protocol.AUTO else "no known protocol"
        service = port.service
        yield about(
            RULE,
            mode.object,
            mode.path,
            f"{mode.object.title} adds {mode.text} TLS to {service.title} port {port.number}, whose port has {said}",
            symptom=_symptom(port),
            evidence=(seen(service.object, (*port.path, declared.field)),),
            fixes=(_upgrade(mode),),
            related=(service.object, *((sender.route,) if sender.route is not None else ())),
        )
        return


def _upgrade(mode: Located) -> Fix:
    """In the same policy as the tls block, be it that of a port or of a subset."""
    place = (*mode.path[:-2], "connectionPool", "http", "h2UpgradePolicy")
    return Edit(mode.object).set(place, "UPGRADE").fix("Have the proxy speak HTTP/2 there")
