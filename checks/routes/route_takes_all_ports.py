"""route-takes-all-ports: in the mesh, a route to one port of a Service takes the calls to its gRPC port along."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.istio.hosts import find_host
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.istio.virtual_services import Destination, VirtualRoute, VirtualService, virtual_services
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD699",
    name="route-takes-all-ports",
    severity=Severity.ERROR,
    title="a route to one port of a Service takes the calls to its gRPC port along",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if not has_istio(cluster):
        return
    for virtual in virtual_services(cluster):
        for host in virtual.hosts if virtual.in_mesh else ():
            service = find_host(cluster, host)
            if isinstance(service, Service) and len(service.ports) > 1:
                yield from _judge(cluster, virtual, host, service)


def _judge(cluster: Cluster, virtual: VirtualService, host: str, service: Service) -> Iterator[Conclusion]:
    route = virtual.catch_all
    to = _only(route, host) if route is not None else None
    target = service.port(to.port) if to is not None and to.port is not None else None
    if route is None or to is None or target is None:
        return
    own = {number for each in virtual.http for number in _ports_of(each)}
    for port in service.ports:
        if port.number not in own and _is_other_grpc(cluster, port, target):
            yield _finding(cluster, route, to, port, target)


def _only(route: VirtualRoute, host: str) -> Destination | None:
    """Its destination where it leads to one port of the host itself, whatever the subsets."""
    places = {(to.full, to.port) for to in route.destinations}
    return route.destinations[0] if len(places) == 1 and route.destinations[0].full == host else None


def _ports_of(route: VirtualRoute) -> Iterator[int]:
    """The ports that a route is for or leads to: whoever wrote them down has thought of them."""
    yield from (port for _, match in route.matches if isinstance(port := match.get("port"), int))
    yield from (to.port for to in route.destinations if to.port is not None)


def _is_other_grpc(cluster: Cluster, port: ServicePort, target: ServicePort) -> bool:
    """gRPC, read as HTTP by the client's proxy (an opaque port has no HTTP routes), and served elsewhere."""
    if not intent_of(cluster, port).is_grpc or protocol_of(port).protocol.is_opaque:
        return False
    return port.target != target.target and set(port.target_numbers).isdisjoint(target.target_numbers)


def _finding(
    cluster: Cluster, route: VirtualRoute, to: Destination, port: ServicePort, target: ServicePort
) -> Conclusion:
    is_http1 = protocol_of(target).protocol is Protocol.HTTP and not intent_of(cluster, target).may_be_grpc
    effect = (
        "an HTTP/1.1 server: clients get UNIMPLEMENTED (HTTP 404), or UNKNOWN for another content-type."
        if is_http1
        else "another server: clients get UNIMPLEMENTED (12) where it lacks the method."
    )
    return about(
        RULE,
        route.object,
        (*to.path, "port", "number"),
        f"{route.object.title} sends calls for {port.title} to port {target.number}: its route is for every port",
        symptom="For sidecars a route without `match.port` counts for all HTTP ports of its host, not only for the one "
        f"that it leads to. The calls reach {effect}",
        evidence=(
            seen(port.service.object, port.path),
            *(seen(hint.object, hint.path, hint.text) for hint in intent_of(cluster, port).grpc[:1]),
        ),
        fixes=(
            Edit(route.object)
            .set((*route.path, "match"), [{"port": target.number}])
            .fix(f"Let the route be for port {target.number} alone; the other ports keep their own way"),
        ),
        related=(port.service.object,),
        severity=None if is_http1 else Severity.WARNING,
    )
