"""GRPCRoutes, HTTPRoutes and TLSRoutes as RouteRules, with what the implementation speaks to each backend.

A rule of a route that is attached to Gateways of several implementations (or, where that matters, to HTTP and HTTPS
listeners) becomes one RouteRule for each. Rules come in the order in which the API has them tried: the more specific
first, then the older route.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, mappings_at, number_at, text_at
from grpcdoctor.cluster.gateway_api.controllers import CONTOUR, ISTIO, OTHER, implementation_of
from grpcdoctor.cluster.gateway_api.implementations import IMPLEMENTATION_KINDS, Hop, upstream_for
from grpcdoctor.cluster.gateway_api.listeners import services_of, workloads_of
from grpcdoctor.cluster.gateway_api.matches import matches_of, precedence
from grpcdoctor.cluster.gateway_api.parents import (
    PARENT_KINDS,
    Attachment,
    Taken,
    api_routes,
    attachments,
    hostnames_of,
    parents_of,
)  # fmt: skip
from grpcdoctor.cluster.gateway_api.waypoints import waypoint_of
from grpcdoctor.cluster.hops import Decision, Spoken, Upstream
from grpcdoctor.cluster.istio.hosts import HOST_KINDS, find_host, full_host, ports_of
from grpcdoctor.cluster.istio.mesh import has_istio
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.istio.upstream import UPSTREAM_KINDS, Client, ClientKind, upstream_of
from grpcdoctor.cluster.kinds import GRPC_ROUTE, SERVICE, TLS_ROUTE, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, Entrance, RouteRule
from grpcdoctor.cluster.services import Service, ServicePort, find_service
from grpcdoctor.cluster.snapshot import Cluster

PLATFORM: Final = "gateway-api"
KINDS: Final[tuple[Kind, ...]] = tuple(
    dict.fromkeys((*PARENT_KINDS, *IMPLEMENTATION_KINDS, *UPSTREAM_KINDS, *HOST_KINDS))
)
"""What these routes are worked out from."""

Speak = Callable[[ServicePort | EntryPort, str], Upstream]
"""(port, full host name) -> what is spoken to it."""

# Where the upstream differs between HTTP and HTTPS listeners of one Gateway.
_BY_LISTENER: Final = (CONTOUR,)


def routes_of(cluster: Cluster) -> Iterator[RouteRule]:
    ordered = sorted(api_routes(cluster), key=lambda route: (route.created_at, route.full_name))
    rules = [rule for route in ordered for rule in _rules_of(cluster, route)]
    yield from sorted(rules, key=precedence)


def _rules_of(cluster: Cluster, route: Object) -> Iterator[RouteRule]:
    groups = _groups(cluster, attachments(cluster, route))
    parents = parents_of(route)
    meshed = [parent for parent in parents if parent.is_service]
    if not groups and len(meshed) < len(parents):
        groups = {(OTHER, False): []}
    for index, raw in mappings_at(route.raw, "spec", "rules"):
        path: FieldPath = ("spec", "rules", index)
        for (implementation, over_tls), taken in groups.items():
            yield _rule(cluster, route, path, raw, implementation, over_tls, taken)
        if meshed:
            hosts = tuple(full_host(parent.name, parent.namespace) for parent in meshed)
            yield _mesh_rule(cluster, route, path, raw, hosts)


def _groups(cluster: Cluster, found: tuple[Attachment, ...]) -> dict[tuple[str, bool], list[Taken]]:
    """(implementation, over TLS only) -> the listeners."""
    by_implementation: dict[str, list[Taken]] = {}
    for attachment in found:
        name = implementation_of(cluster, attachment.gateway)
        by_implementation.setdefault(name, []).extend(attachment.taken)
    groups: dict[tuple[str, bool], list[Taken]] = {}
    for name, taken in by_implementation.items():
        secure = bool(taken) and all(each.listener.terminates_tls for each in taken)
        if name in _BY_LISTENER:
            for each in taken:
                groups.setdefault((name, each.listener.terminates_tls), []).append(each)
        if name not in _BY_LISTENER or not taken:
            groups[name, secure] = taken
    return groups


def _rule(
    cluster: Cluster,
    route: Object,
    path: FieldPath,
    raw: dict[str, Any],
    implementation: str,
    over_tls: bool,
    taken: list[Taken],
) -> RouteRule:
    gateway = taken[0].listener.gateway if taken else None

    def upstream(port: ServicePort | EntryPort, host: str) -> Upstream:
        if isinstance(port, ServicePort):
            return upstream_for(implementation, Hop(cluster, gateway, route, port, over_tls))
        namespace = gateway.namespace if gateway is not None else route.namespace
        return upstream_of(cluster, Client(ClientKind.GATEWAY, namespace), port, host)

    return RouteRule(
        platform=PLATFORM,
        implementation=implementation,
        object=route,
        path=path,
        hosts=hostnames_of(route),
        entrances=tuple(_entrance(cluster, each) for each in taken),
        backends=tuple(_backends(cluster, route, path, raw, upstream)),
        matches=matches_of(route, raw, path),
        is_http=route.kind != TLS_ROUTE,
        declares_grpc=route.kind == GRPC_ROUTE,
    )


def _mesh_rule(
    cluster: Cluster, route: Object, path: FieldPath, raw: dict[str, Any], hosts: tuple[str, ...]
) -> RouteRule:
    """GAMMA: for clients in the mesh, whose proxies (or the Service's waypoint) use it."""
    meshed = has_istio(cluster)

    def upstream(port: ServicePort | EntryPort, host: str) -> Upstream:
        if not meshed:
            return Upstream(Spoken.UNKNOWN, Decision(None, (), "", "the mesh is not known"))
        waypoint = isinstance(port, ServicePort) and waypoint_of(cluster, port.service) is not None
        kind = ClientKind.WAYPOINT if waypoint else ClientKind.SIDECAR
        return upstream_of(cluster, Client(kind, route.namespace), port, host)

    return RouteRule(
        platform=PLATFORM,
        implementation=ISTIO if meshed else OTHER,
        object=route,
        path=path,
        hosts=hosts,
        entrances=(),
        backends=tuple(_backends(cluster, route, path, raw, upstream)),
        matches=matches_of(route, raw, path),
        in_mesh=True,
        is_http=route.kind != TLS_ROUTE,
        declares_grpc=route.kind == GRPC_ROUTE,
    )


def _entrance(cluster: Cluster, taken: Taken) -> Entrance:
    listener = taken.listener
    fronts = services_of(cluster, listener.gateway)
    return Entrance(
        platform=PLATFORM,
        object=listener.gateway,
        path=listener.path,
        port=listener.port,
        hosts=taken.hosts,
        terminates_tls=listener.terminates_tls,
        passes_tls=listener.passes_tls,
        workloads=workloads_of(cluster, listener.gateway),
        services=fronts,
        name=fronts[0].name if fronts else listener.gateway.name,
    )


def _backends(
    cluster: Cluster, route: Object, path: FieldPath, raw: dict[str, Any], upstream: Speak
) -> Iterator[Backend]:
    for index, ref in mappings_at(raw, "backendRefs"):
        yield _backend(cluster, route, (*path, "backendRefs", index), ref, upstream)


def _backend(cluster: Cluster, route: Object, path: FieldPath, ref: dict[str, Any], upstream: Speak) -> Backend:
    name, number = text_at(ref, "name"), number_at(ref, "port")
    namespace = text_at(ref, "namespace") or route.namespace
    kind = (text_at(ref, "group"), text_at(ref, "kind") or SERVICE.name)
    target: Service | Object | None = None
    host = f"{namespace}/{name}"
    if kind in (("", SERVICE.name), ("core", SERVICE.name)):
        target = find_service(cluster, namespace, name)
        full = full_host(name, namespace)
    elif kind == ("networking.istio.io", "Hostname"):
        target, host, full = find_host(cluster, name), name, name
    else:
        full = ""
    ports = ports_of(target) if target is not None else ()
    port = next((each for each in ports if each.number == number), None)
    return Backend(
        host=host,
        port_number=number,
        path=path,
        upstream=_spoken(route, path, port, full, upstream, host),
        service=target if isinstance(target, Service) else None,
        port=port,
        weight=number_at(ref, "weight"),
    )


def _spoken(
    route: Object, path: FieldPath, port: ServicePort | EntryPort | None, full: str, upstream: Speak, host: str
) -> Upstream:
    if port is None:
        return Upstream(Spoken.UNKNOWN, Decision(None, (), "", f"{host} was not shown"))
    if route.kind == TLS_ROUTE:
        return Upstream(Spoken.TLS, Decision.at(route, path, "TLSRoute", "hands TLS on unread"))
    return upstream(port, full)
