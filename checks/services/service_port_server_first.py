"""service-port-server-first: a gRPC port whose number Istio takes for SMTP, DNS, MySQL or MongoDB."""

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
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import SERVER_FIRST_PORTS, Protocol, protocol_named
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD517",
    name="service-port-server-first",
    severity=Severity.WARNING,
    title="Istio takes a gRPC port for a database's, because of its number",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for port, intent in grpc_ports(cluster):
        if port.number not in SERVER_FIRST_PORTS or intent.serves_tls:
            continue
        if protocol_named(port.name, port.app_protocol) is not Protocol.AUTO:
            continue
        routes = routes_in_http1(cluster, port)
        if not routes and not behind_sidecar(port.service):
            continue
        effect = (
            f"{routes[0].object.title} leads a proxy to it in HTTP/1.1. Clients get {PROTOCOL_ERROR}."
            if routes
            else "Sidecars hand its bytes on unread: all calls of a channel reach one pod; HTTP routes do not apply."
        )
        yield about(
            RULE,
            port.service.object,
            (*port.path, "port"),
            f"{port.service.title} port {port.number} is a gRPC server, and Istio takes that number for a database's",
            symptom=f"Where a port declares nothing, 25, 53, 3306 and 27017 count as TCP. {effect}",
            evidence=hints(intent.grpc),
            fixes=(declare_h2c(port),),
            related=objects_of(routes),
            severity=Severity.ERROR if routes else None,
        )
