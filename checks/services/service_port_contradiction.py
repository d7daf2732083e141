"""service-port-contradiction: a port is named grpc, and its appProtocol, which counts, says something else."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.services._ports import (
    PROTOCOL_ERROR,
    declare_h2c,
    from_sidecar,
    grpc_ports,
    istio_routes,
    objects_of,
)
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_named, protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD503",
    name="service-port-contradiction",
    severity=Severity.ERROR,
    title="the name of a Service port and its appProtocol contradict each other",
    explains=("service-port-not-http2", "service-port-opaque"),
)
READS = ROUTE_KINDS
_HTTP1 = (Protocol.HTTP, Protocol.HTTP_PROXY)
# HTTPS and TLS are left out: they are right for a gRPC server that has its own certificate.
_OPAQUE = (Protocol.TCP, Protocol.MONGO, Protocol.REDIS, Protocol.MYSQL, Protocol.UDP)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for port, intent in grpc_ports(cluster):
        if port.app_protocol is None or not protocol_named(port.name).is_http2 or intent.serves_tls:
            continue
        found = protocol_of(port).protocol
        if found in _HTTP1 or found in _OPAQUE:
            yield from _judge(cluster, port, found)


def _judge(cluster: Cluster, port: ServicePort, found: Protocol) -> Iterator[Conclusion]:
    routes = istio_routes(cluster, port)
    spoken = {backend.upstream.spoken for _, backend in routes} or {from_sidecar(cluster, port).spoken}
    if not spoken & {Spoken.HTTP1, Spoken.TCP}:
        return
    breaks = Spoken.HTTP1 in spoken
    effect = (
        f"So Istio's proxies speak HTTP/1.1 to a gRPC server, and clients get {PROTOCOL_ERROR}."
        if breaks
        else "So sidecars hand the bytes on unread: all calls of a channel reach one pod, and HTTP routes do not apply."
    )
    service = port.service
    remove = Edit(service.object).remove((*port.path, "appProtocol")).fix("Drop the appProtocol; the name says enough")
    yield about(
        RULE,
        service.object,
        (*port.path, "appProtocol"),
        f'{service.title} port {port.number} is named "{port.name}", and its appProtocol is "{port.app_protocol}"',
        symptom=f"Istio takes the protocol from appProtocol and ignores the name. {effect}",
        evidence=(seen(service.object, (*port.path, "name")),),
        fixes=(declare_h2c(port), remove),
        related=objects_of(tuple(rule for rule, _ in routes)),
        severity=None if breaks else Severity.WARNING,
    )
