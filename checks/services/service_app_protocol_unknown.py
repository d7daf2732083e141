"""service-app-protocol-unknown: an appProtocol that means HTTP/2 to people, and nothing to Istio."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._ports import (
    PROTOCOL_ERROR,
    behind_sidecar,
    declare_h2c,
    hints,
    objects_of,
    routes_in_http1,
)
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD516",
    name="service-app-protocol-unknown",
    severity=Severity.ERROR,
    title="Istio does not know the appProtocol of a gRPC server's port",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for service in services(cluster):
        for port in service.ports:
            if port.app_protocol is not None and protocol_of(port).protocol is Protocol.AUTO:
                yield from _judge(cluster, port)


def _judge(cluster: Cluster, port: ServicePort) -> Iterator[Conclusion]:
    intent = intent_of(cluster, port)
    if not intent.may_be_grpc or intent.serves_tls or "grpcs" in (port.app_protocol or "").lower():
        return
    routes = routes_in_http1(cluster, port)
    if not routes and not behind_sidecar(port.service):
        return
    effect = (
        f"{routes[0].object.title} leads a gateway to it in HTTP/1.1. Clients get {PROTOCOL_ERROR}."
        if routes
        else "Sidecars find HTTP/2 out from the first bytes; calls in the mesh work. A gateway would speak HTTP/1.1, "
        "and its clients would get UNAVAILABLE (protocol error)."
    )
    yield about(
        RULE,
        port.service.object,
        (*port.path, "appProtocol"),
        f'{port.service.title} port {port.number} has appProtocol "{port.app_protocol}", which Istio does not know',
        symptom=f"An unknown word counts as nothing declared, and the port's name is not looked at. {effect}",
        evidence=hints(intent.grpc, 1),
        fixes=(declare_h2c(port),),
        related=objects_of(routes),
        severity=None if routes else Severity.INFO,
    )
