"""Contour's HTTPProxies as RouteRules: a root has a virtual host, and may include routes of others under a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, flag_at, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.ingress.contour import CONTOUR
from grpcdoctor.cluster.ingress.ingresses import backend_of, entrance_of, place_of
from grpcdoctor.cluster.kinds import CONTOUR_HTTP_PROXY, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, Entrance, Match, PathKind, RouteRule
from grpcdoctor.cluster.snapshot import Cluster

KINDS: Final[tuple[Kind, ...]] = (CONTOUR_HTTP_PROXY,)
_DEEPEST: Final = 8
_MOST: Final = 5000


@dataclass(frozen=True, slots=True)
class _Under:
    """The conditions of the includes above."""

    prefix: str = ""
    others: bool = False


def http_proxies(cluster: Cluster) -> Iterator[RouteRule]:
    for root in cluster.all(CONTOUR_HTTP_PROXY):
        if not mapping_at(root.spec, "virtualhost"):
            continue
        host = text_at(root.spec, "virtualhost", "fqdn").lower()
        tls: FieldPath = ("spec", "virtualhost", "tls")
        has_tls = bool(mapping_at(root.raw, *tls))
        entrance = entrance_of(cluster, CONTOUR, root, host, tls if has_tls else None)
        if flag_at(root.raw, *tls, "passthrough") is True:
            continue  # tcpproxy: bytes are handed on unread
        yield from islice(_rules(cluster, root, host, entrance, _Under(), ()), _MOST)


def _rules(
    cluster: Cluster, item: Object, host: str, entrance: Entrance, under: _Under, above: tuple[int, ...]
) -> Iterator[RouteRule]:
    if id(item) in above or len(above) > _DEEPEST:
        return
    for index, raw in mappings_at(item.spec, "includes"):
        space = text_at(raw, "namespace") or item.namespace
        child = cluster.get(CONTOUR_HTTP_PROXY, space, text_at(raw, "name"))
        if child is not None:
            match = _match(raw, ("spec", "includes", index), under)
            inner = _Under(match.value if match.kind == PathKind.PREFIX else under.prefix, match.others)
            yield from _rules(cluster, child, host, entrance, inner, (*above, id(item)))
    for index, raw in mappings_at(item.spec, "routes"):
        path: FieldPath = ("spec", "routes", index)
        match = _match(raw, path, under)
        yield RouteRule(
            platform=CONTOUR.platform,
            object=item,
            path=path,
            hosts=(host,) if host else (),
            entrances=(entrance,),
            backends=tuple(
                _backend(cluster, item, service, (*path, "services", number), host)
                for number, service in mappings_at(raw, "services")
            ),
            matches=() if match.kind == PathKind.ANY and not match.others else (match,),
        )


def _backend(cluster: Cluster, item: Object, raw: dict[str, Any], path: FieldPath, host: str) -> Backend:
    number = number_at(raw, "port")
    place = place_of(cluster, item, path, item.namespace, text_at(raw, "name"), number, host)
    return backend_of(cluster, CONTOUR, place, number, item.namespace, number_at(raw, "weight"))


def _match(raw: dict[str, Any], path: FieldPath, under: _Under) -> Match:
    """All conditions must hold; those on the path of includes and route are joined."""
    kind, value, where, others = PathKind.ANY, under.prefix, path, under.others
    if value:
        kind = PathKind.PREFIX
    for index, condition in mappings_at(raw, "conditions"):
        for word, its in (("prefix", PathKind.PREFIX), ("exact", PathKind.EXACT), ("regex", PathKind.REGEX)):
            written = text_at(condition, word)
            if written:
                kind, where = its, (*path, "conditions", index, word)
                joined = value.rstrip("/") + "/" + written.lstrip("/") if value else written
                value = f"{joined}.*" if its == PathKind.REGEX else joined
        others = others or bool(set(condition) - {"prefix", "exact", "regex"})
    return Match(kind, value, where, others)
