"""Istio's VirtualServices as RouteRules, with what the gateway (or a sidecar) then speaks to each destination."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, mapping_at, text_at
from grpcdoctor.cluster.hops import Decision, Spoken, Upstream
from grpcdoctor.cluster.istio.gateways import GATEWAY_KINDS, Server, namespaces_of, pods_of, servers_with, services_of
from grpcdoctor.cluster.istio.hosts import HOST_KINDS, find_host, ports_of, visible_from
from grpcdoctor.cluster.istio.protocol import EntryPort
from grpcdoctor.cluster.istio.upstream import UPSTREAM_KINDS, Client, ClientKind, upstream_of
from grpcdoctor.cluster.istio.virtual_services import (
    VIRTUAL_SERVICE_KINDS,
    Destination,
    VirtualRoute,
    VirtualService,
    delegates_of,
    virtual_services,
)  # fmt: skip
from grpcdoctor.cluster.kinds import Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, Entrance, Match, PathKind, RouteRule
from grpcdoctor.cluster.services import Service, ServicePort
from grpcdoctor.cluster.snapshot import Cluster

PLATFORM: Final = "istio"
KINDS: Final[tuple[Kind, ...]] = tuple(
    dict.fromkeys((*VIRTUAL_SERVICE_KINDS, *GATEWAY_KINDS, *HOST_KINDS, *UPSTREAM_KINDS))
)
"""What these routes are worked out from."""

_PATH_WORDS: Final = (("exact", PathKind.EXACT), ("prefix", PathKind.PREFIX), ("regex", PathKind.REGEX))
_NO_CONDITIONS: Final = frozenset(("uri", "name", "statPrefix", "gateways"))


def routes_of(cluster: Cluster) -> Iterator[RouteRule]:
    """Every route of every VirtualService; those for the same entrance in the order that Envoy tries them."""
    for service in virtual_services(cluster):
        if not service.is_delegate:
            yield from _rules_of(cluster, service)


def entrances_of(cluster: Cluster, service: VirtualService) -> tuple[Entrance, ...]:
    """The servers of its Gateways that any of its hosts meets and that it may be seen from."""
    found: list[Entrance] = []
    for gateway in service.gateways(cluster):
        if not any(visible_from(service.object, namespace) for namespace in namespaces_of(cluster, gateway)):
            continue
        for server in servers_with(cluster, gateway, service.hosts):
            hosts = [server.host_for(host, service.object.namespace) for host in service.hosts]
            met = tuple(dict.fromkeys(host for host in hosts if host is not None))
            if met:
                found.append(_entrance(cluster, server, met))
    return tuple(found)


def _entrance(cluster: Cluster, server: Server, hosts: tuple[str, ...]) -> Entrance:
    fronts = services_of(cluster, server.gateway)
    return Entrance(
        platform=PLATFORM,
        object=server.gateway,
        path=server.path,
        port=server.port,
        hosts=hosts,
        terminates_tls=server.terminates_tls,
        passes_tls=server.is_passthrough,
        workloads=pods_of(cluster, server.gateway),
        services=fronts,
        name=fronts[0].name if fronts else server.gateway.name,
    )


def _rules_of(cluster: Cluster, service: VirtualService) -> Iterator[RouteRule]:
    entrances = entrances_of(cluster, service)
    clients = _clients(cluster, service, entrances)
    delegates = {route.path: delegate for route, delegate in delegates_of(cluster, service)}
    for route in service.routes:
        usable = tuple(e for e in entrances if _section_works(route, e))
        delegate = delegates.get(route.path)
        for taken in delegate.http if delegate is not None else (route,):
            yield RouteRule(
                platform=PLATFORM,
                object=taken.object,
                path=taken.path,
                hosts=service.hosts,
                entrances=usable,
                backends=tuple(_backend(cluster, clients[0], taken, to) for to in taken.destinations),
                matches=_matches_of(taken) or tuple(replace(match, path=taken.path) for match in _matches_of(route)),
                in_mesh=service.in_mesh,
                is_http=route.section == "http",
            )


def _matches_of(route: VirtualRoute) -> tuple[Match, ...]:
    return tuple(match_of(raw, (*route.path, "match", index)) for index, raw in route.matches)


def match_of(raw: dict[str, Any], path: FieldPath) -> Match:
    """One HTTPMatchRequest."""
    uri = mapping_at(raw, "uri")
    others = bool(set(raw) - _NO_CONDITIONS)
    for word, kind in _PATH_WORDS:
        value = text_at(uri, word)
        if value:
            return Match(kind, value, (*path, "uri", word), others)
    return Match(path=path, others=others)


def _section_works(route: VirtualRoute, entrance: Entrance) -> bool:
    """`http` routes need an entrance that reads HTTP; `tls` ones a passthrough; `tcp` ones neither.

    One that redirects to HTTPS sends nothing on.
    """
    server = Server(entrance.object, int(entrance.path[2]), mapping_at(entrance.object.raw, *entrance.path))
    if server.redirects_to_https:
        return False
    return {"http": server.is_http, "tls": server.is_passthrough}.get(route.section, not server.is_http)


def _clients(cluster: Cluster, service: VirtualService, entrances: tuple[Entrance, ...]) -> tuple[Client, ...]:
    """The proxies that use it: the gateways' first, else the sidecars of its own namespace."""
    found = [
        Client(ClientKind.GATEWAY, namespace, tuple(entrance.workloads[0].labels.items()) if entrance.workloads else ())
        for entrance in entrances
        for namespace in namespaces_of(cluster, entrance.object)
    ]
    if not found and service.gateway_keys:
        found = [Client(ClientKind.GATEWAY, service.object.namespace)]
    return tuple(dict.fromkeys(found)) or (Client(ClientKind.SIDECAR, service.object.namespace),)


def _backend(cluster: Cluster, client: Client, route: VirtualRoute, to: Destination) -> Backend:
    target = find_host(cluster, to.full)
    port = _port(target, to.port)
    service = target if isinstance(target, Service) else None
    return Backend(
        host=service.object.full_name if service is not None else to.host,
        port_number=to.port if to.port is not None else (port.number if port is not None else None),
        path=to.path,
        upstream=_upstream(cluster, client, route, port, to),
        service=service,
        port=port,
        subset=to.subset,
        weight=to.weight,
    )


def _port(target: Service | Object | None, number: int | None) -> ServicePort | EntryPort | None:
    """The port of that number; without a number the only one."""
    if target is None:
        return None
    ports = ports_of(target)
    if number is None:
        return ports[0] if len(ports) == 1 else None
    return next((port for port in ports if port.number == number), None)


def _upstream(
    cluster: Cluster, client: Client, route: VirtualRoute, port: ServicePort | EntryPort | None, to: Destination
) -> Upstream:
    if port is None:
        known = find_host(cluster, to.full) is not None
        reason = f"{to.host} has no port {to.port or 'of its own'}" if known else f"{to.host} was not shown"
        return Upstream(Spoken.UNKNOWN, Decision(None, (), "", reason))
    if route.section != "http":
        spoken = Spoken.TLS if route.section == "tls" else Spoken.TCP
        return Upstream(spoken, Decision.at(route.object, route.path, route.section, "hands the bytes on unread"))
    return upstream_of(cluster, client, port, to.full, to.subset)
