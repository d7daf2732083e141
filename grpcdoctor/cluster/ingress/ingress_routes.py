"""Traefik's IngressRoutes as RouteRules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, at, mappings_at, number_at, text_at
from grpcdoctor.cluster.ingress.ingresses import backend_of, entrance_of, place_of
from grpcdoctor.cluster.ingress.traefik import TRAEFIK
from grpcdoctor.cluster.kinds import TRAEFIK_INGRESS_ROUTE, TRAEFIK_SERVERS_TRANSPORT, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, Match, PathKind, RouteRule
from grpcdoctor.cluster.snapshot import Cluster

KINDS: Final[tuple[Kind, ...]] = (TRAEFIK_INGRESS_ROUTE, TRAEFIK_SERVERS_TRANSPORT)

_MATCHER: Final = re.compile(r"(!?)\s*\b([A-Z][A-Za-z]+)\(([^()]*)\)")
_QUOTED: Final = re.compile(r"[`\"']([^`\"']*)[`\"']")
_PATHS: Final = {"Path": PathKind.EXACT, "PathPrefix": PathKind.PREFIX, "PathRegexp": PathKind.REGEX}
_LONGEST: Final = 4000


def ingress_routes(cluster: Cluster) -> Iterator[RouteRule]:
    for item in cluster.all(TRAEFIK_INGRESS_ROUTE):
        for index, raw in mappings_at(item.spec, "routes"):
            yield _rule(cluster, item, raw, ("spec", "routes", index))


def _rule(cluster: Cluster, item: Object, raw: dict[str, Any], path: FieldPath) -> RouteRule:
    hosts, matches = parse_match(text_at(raw, "match"), (*path, "match"))
    tls: FieldPath | None = ("spec", "tls") if isinstance(at(item.spec, "tls"), dict) else None
    entrances = tuple(entrance_of(cluster, TRAEFIK, item, host, tls) for host in hosts or ("",))
    backends = tuple(
        _backend(cluster, item, service, (*path, "services", index), hosts[0] if hosts else "")
        for index, service in mappings_at(raw, "services")
    )
    return RouteRule(
        platform=TRAEFIK.platform,
        object=item,
        path=path,
        hosts=hosts,
        entrances=entrances,
        backends=backends,
        matches=matches,
    )


def _backend(cluster: Cluster, item: Object, raw: dict[str, Any], path: FieldPath, host: str) -> Backend:
    number = number_at(raw, "port")
    which: int | str = number if number is not None else text_at(raw, "port")
    namespace = text_at(raw, "namespace") or item.namespace
    place = place_of(cluster, item, path, namespace, text_at(raw, "name"), which, host)
    return backend_of(cluster, TRAEFIK, place, number, namespace, number_at(raw, "weight"))


def parse_match(text: str, path: FieldPath) -> tuple[tuple[str, ...], tuple[Match, ...]]:
    """(hosts, matches) of a rule like Host(`a`) && PathPrefix(`/pkg.Svc`); what is not understood is a condition."""
    found = _MATCHER.findall(text) if len(text) < _LONGEST else []
    hosts = tuple(h.lower() for no, name, args in found if name == "Host" and not no for h in _QUOTED.findall(args))
    others = any(no or name not in (*_PATHS, "Host") for no, name, _ in found) or len(text) >= _LONGEST
    matches = tuple(
        Match(kind, f"{value}.*" if kind == PathKind.REGEX else value, path, others)
        for no, name, args in found
        if (kind := _PATHS.get(name, "")) and not no
        for value in _QUOTED.findall(args)
    )
    return hosts, matches or ((Match(path=path, others=True),) if others else ())
