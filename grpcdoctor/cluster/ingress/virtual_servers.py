"""VirtualServers of NGINX Ingress Controller (F5) as RouteRules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.ingress.f5_nginx import F5_NGINX
from grpcdoctor.cluster.ingress.ingresses import backend_of, entrance_of, place_of
from grpcdoctor.cluster.kinds import NGINX_VIRTUAL_SERVER, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, Match, PathKind, RouteRule
from grpcdoctor.cluster.snapshot import Cluster

KINDS: Final[tuple[Kind, ...]] = (NGINX_VIRTUAL_SERVER,)


def virtual_servers(cluster: Cluster) -> Iterator[RouteRule]:
    for item in cluster.all(NGINX_VIRTUAL_SERVER):
        host = text_at(item.spec, "host").lower()
        tls: FieldPath | None = ("spec", "tls") if mapping_at(item.spec, "tls") else None
        entrance = entrance_of(cluster, F5_NGINX, item, host, tls)
        backends = {
            text_at(raw, "name"): _backend(cluster, item, raw, ("spec", "upstreams", index))
            for index, raw in mappings_at(item.spec, "upstreams")
        }
        for index, raw in mappings_at(item.spec, "routes"):
            path: FieldPath = ("spec", "routes", index)
            yield RouteRule(
                platform=F5_NGINX.platform,
                object=item,
                path=path,
                hosts=(host,) if host else (),
                entrances=(entrance,),
                backends=tuple(backends[name] for name in _names(raw) if name in backends),
                matches=(_match(raw, path),),
            )


def _names(raw: dict[str, Any]) -> Iterator[str]:
    """The upstreams that a route passes to: by its action, or by its splits; those of `matches` come on top."""
    for holder in (raw, *(item for _, item in mappings_at(raw, "matches"))):
        name = text_at(holder, "action", "pass") or text_at(holder, "action", "proxy", "upstream")
        if name:
            yield name
        for _, split in mappings_at(holder, "splits"):
            yield text_at(split, "action", "pass")


def _match(raw: dict[str, Any], path: FieldPath) -> Match:
    value = text_at(raw, "path") or "/"
    where = (*path, "path")
    if value.startswith("="):
        return Match(PathKind.EXACT, value[1:].strip(), where)
    if value.startswith("~"):
        return Match(PathKind.REGEX, value.lstrip("~* ") + ".*", where)
    return Match(PathKind.PREFIX, value, where)


def _backend(cluster: Cluster, item: Object, raw: dict[str, Any], path: FieldPath) -> Backend:
    number = number_at(raw, "port")
    name = text_at(raw, "service")
    space, slash, inner = name.partition("/")
    namespace, name = (space, inner) if slash else (item.namespace, name)
    place = place_of(cluster, item, path, namespace, name, number)
    return backend_of(cluster, F5_NGINX, place, number, namespace)
