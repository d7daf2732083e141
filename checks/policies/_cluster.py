"""Whether anything in a cluster speaks gRPC: for rules about settings of whole proxies."""

from __future__ import annotations

from grpcdoctor.checks.policies._grpc import grpc_ports
from grpcdoctor.checks.policies._http import grpc_routes
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.protocol import protocol_of
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster


def grpc_witness(cluster: Cluster) -> Object | None:
    """A route that carries gRPC, or a Service that serves it."""
    routes = grpc_routes(cluster)
    if routes:
        return routes[0].object
    ports = grpc_ports(cluster)
    return ports[0].service.object if ports else None


def opaque_grpc_ports(cluster: Cluster) -> tuple[ServicePort, ...]:
    """gRPC ports that Istio's proxies hand on as plain TCP."""
    return cluster.once(_opaque)


def _opaque(cluster: Cluster) -> tuple[ServicePort, ...]:
    return tuple(
        port
        for port in grpc_ports(cluster)
        if protocol_of(port).protocol.is_opaque and intent_of(cluster, port).is_grpc
    )
