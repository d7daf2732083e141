"""What rules about Services ask alike: which ports are gRPC, what proxies speak to them, how many pods answer."""

from __future__ import annotations

from typing import Final

from grpcdoctor.checks._findings import seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.hops import Spoken, Upstream
from grpcdoctor.cluster.intent import Hint, Intent, intent_of
from grpcdoctor.cluster.istio.upstream import Client, ClientKind, upstream_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, RouteRule, rules_to
from grpcdoctor.cluster.services import Service, ServicePort, services
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.workloads import Mesh, Workload, workloads
from grpcdoctor.model.finding import Evidence, Fix

H2C: Final = "kubernetes.io/h2c"
PROTOCOL_ERROR: Final = (
    "UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: protocol error"
)
NO_UPSTREAM: Final = "UNAVAILABLE: no healthy upstream"
TERMINATED: Final = (
    "UNAVAILABLE: upstream connect error or disconnect/reset before headers. reset reason: connection termination"
)
_MESHED: Final = (Mesh.SIDECAR, Mesh.AMBIENT, Mesh.PROXYLESS)


def grpc_ports(cluster: Cluster) -> tuple[tuple[ServicePort, Intent], ...]:
    """The ports behind which gRPC is likely spoken. ExternalName Services have no pods, and are left out."""
    return cluster.once(_grpc_ports)


def istio_routes(cluster: Cluster, port: ServicePort) -> tuple[tuple[RouteRule, Backend], ...]:
    """The HTTP routes of VirtualServices that lead to this port."""
    return tuple((r, b) for r, b in rules_to(cluster, port) if r.by_istio and r.is_http)


def routes_in_http1(cluster: Cluster, port: ServicePort) -> tuple[RouteRule, ...]:
    """Those of them over which a proxy speaks HTTP/1.1 to the port."""
    return tuple(rule for rule, backend in istio_routes(cluster, port) if backend.upstream.spoken is Spoken.HTTP1)


def from_sidecar(cluster: Cluster, port: ServicePort) -> Upstream:
    """What a sidecar in the Service's own namespace speaks to it."""
    return upstream_of(cluster, Client(ClientKind.SIDECAR, port.service.namespace), port, port.service.full_host)


def mesh_of(service: Service) -> frozenset[Mesh]:
    """How the pods behind a Service take part in the mesh."""
    return frozenset(workload.mesh for workload in service.workloads)


def behind_sidecar(service: Service) -> bool:
    return Mesh.SIDECAR in mesh_of(service)


def has_sidecars(cluster: Cluster) -> bool:
    """Whether any application in the cluster has a sidecar, and so may be a client in the mesh."""
    return cluster.once(_has_sidecars)


def pods_behind(service: Service) -> int:
    """How many pods answer, as far as the objects say: ready endpoints, else pods and the replicas of templates."""
    if service.endpoints:
        return sum(1 for endpoint in service.endpoints if endpoint.ready)
    return sum(1 if workload.replicas is None else workload.replicas for workload in service.workloads)


def hints(found: tuple[Hint, ...], most: int = 2) -> tuple[Evidence, ...]:
    """The best hints as evidence."""
    return tuple(seen(hint.object, hint.path, hint.text) for hint in found[:most])


def objects_of(rules: tuple[RouteRule, ...]) -> tuple[Object, ...]:
    return tuple(dict.fromkeys(rule.object for rule in rules))


def declare_h2c(port: ServicePort, summary: str = "") -> Fix:
    """The one declaration that every gateway understands."""
    edit = Edit(port.service.object).set((*port.path, "appProtocol"), H2C)
    return edit.fix(summary or f"Declare HTTP/2 with appProtocol: {H2C}, which every gateway understands")


def _grpc_ports(cluster: Cluster) -> tuple[tuple[ServicePort, Intent], ...]:
    found = (
        (port, intent_of(cluster, port))
        for service in services(cluster)
        if service.type != "ExternalName"
        for port in service.ports
    )
    return tuple((port, intent) for port, intent in found if intent.is_grpc)


def _has_sidecars(cluster: Cluster) -> bool:
    return any(workload.mesh is Mesh.SIDECAR for workload in workloads(cluster).items)


def is_meshed(workload: Workload) -> bool:
    return workload.mesh in _MESHED or workload.linkerd
