"""What ingress controllers route, in the order that they try it: the longest path first, whatever object it is in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.cluster.ingress import http_proxies, ingress_routes, ingresses, mappings, virtual_servers
from grpcdoctor.cluster.ingress.controller import Controller, Place
from grpcdoctor.cluster.ingress.table import BY_PLATFORM
from grpcdoctor.cluster.kinds import CONFIG_MAP, Kind
from grpcdoctor.cluster.routes import Backend, PathKind, RouteRule
from grpcdoctor.cluster.services import SERVICE_KINDS, ServicePort
from grpcdoctor.cluster.snapshot import Cluster

KINDS: Final[tuple[Kind, ...]] = tuple(
    dict.fromkeys(
        (
            *SERVICE_KINDS,
            CONFIG_MAP,
            *ingresses.KINDS,
            *ingress_routes.KINDS,
            *http_proxies.KINDS,
            *mappings.KINDS,
            *virtual_servers.KINDS,
        )
    )
)
"""What these routes are worked out from."""

_MAKERS: Final = (
    ingresses.ingress_rules,
    ingress_routes.ingress_routes,
    http_proxies.http_proxies,
    mappings.mappings,
    virtual_servers.virtual_servers,
)


def routes_of(cluster: Cluster) -> Iterator[RouteRule]:
    yield from cluster.once(_in_order)


def ingress_rules(cluster: Cluster) -> tuple[RouteRule, ...]:
    """Those of ingress controllers alone."""
    return cluster.once(_in_order)


def controller_for(rule: RouteRule) -> Controller:
    return BY_PLATFORM[rule.platform]


def place_for(rule: RouteRule, backend: Backend) -> Place:
    """The backend as its controller's functions take it."""
    name = backend.host.partition("/")[2]
    match = rule.matches[0].value if rule.matches else ""
    host = rule.hosts[0] if rule.hosts else ""
    port = backend.port if isinstance(backend.port, ServicePort) else None
    return Place(rule.object, backend.path, backend.service, port, name, host, match)


def _in_order(cluster: Cluster) -> tuple[RouteRule, ...]:
    found = [rule for maker in _MAKERS for rule in maker(cluster)]
    return tuple(sorted(found, key=_precedence))


def _precedence(rule: RouteRule) -> tuple[bool, bool, int]:
    """An exact host before a wildcard, an exact path before a prefix, the longer before the shorter."""
    host = rule.hosts[0] if rule.hosts else ""
    match = rule.matches[0] if rule.matches else None
    exact = match is not None and match.kind == PathKind.EXACT
    return (not host or host.startswith("*"), not exact, -len(match.value) if match is not None else 0)
