"""service-port-undeclared: nothing on a gRPC server's port says HTTP/2, so Istio's gateways speak HTTP/1.1 to it."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about
from grpcdoctor.checks.services._ports import (
    PROTOCOL_ERROR,
    behind_sidecar,
    declare_h2c,
    grpc_ports,
    hints,
    objects_of,
    routes_in_http1,
)
from grpcdoctor.cluster.intent import Intent
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD502",
    name="service-port-undeclared",
    severity=Severity.ERROR,
    title="a gRPC server's Service port does not say that it is gRPC",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for port, intent in grpc_ports(cluster):
        if port.app_protocol is None and protocol_of(port).protocol is Protocol.AUTO:
            yield from _judge(cluster, port, intent)


def _judge(cluster: Cluster, port: ServicePort, intent: Intent) -> Iterator[Conclusion]:
    routes = routes_in_http1(cluster, port)
    if not routes and not behind_sidecar(port.service):
        return
    named = f'is named "{port.name}"' if port.name else "has no name"
    if routes:
        effect = (
            f"{routes[0].object.title} leads a gateway to it. A sidecar finds HTTP/2 out from the first bytes; a "
            f"gateway does not, and speaks HTTP/1.1. Clients get {PROTOCOL_ERROR}."
        )
    else:
        effect = (
            "Calls between sidecars work, for these find HTTP/2 out from the first bytes. A gateway would speak "
            "HTTP/1.1 to it, and clients of that gateway would get UNAVAILABLE (protocol error)."
        )
    yield about(
        RULE,
        port.service.object,
        (*port.path, "name"),
        f"{port.service.title} port {port.number} is a gRPC server, and {named}, which selects no protocol",
        symptom=effect,
        evidence=hints(intent.grpc),
        fixes=(declare_h2c(port),),
        related=objects_of(routes),
        severity=None if routes else Severity.INFO,
    )
