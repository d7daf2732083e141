"""Ingress objects as RouteRules, whatever controller serves them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from grpcdoctor.cluster.fields import FieldPath, items_at, mapping_at, mappings_at, number_at, text_at, texts_at
from grpcdoctor.cluster.hops import Decision, Spoken
from grpcdoctor.cluster.ingress.controller import Controller, Place
from grpcdoctor.cluster.ingress.installed import fronts_of, pods_of
from grpcdoctor.cluster.ingress.table import class_of, controller_of
from grpcdoctor.cluster.kinds import INGRESS, INGRESS_CLASS, Kind
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, Entrance, Match, PathKind, RouteRule
from grpcdoctor.cluster.services import find_service
from grpcdoctor.cluster.snapshot import Cluster

KINDS: Final[tuple[Kind, ...]] = (INGRESS, INGRESS_CLASS)
_REGEX: Final = re.compile(r"[\\^$|()\[\]{}+?*]")


def ingress_rules(cluster: Cluster) -> Iterator[RouteRule]:
    for item in cluster.all(INGRESS):
        controller = controller_of(cluster, item)
        for index, rule in mappings_at(item.spec, "rules"):
            yield from _rules_of(cluster, item, controller, rule, ("spec", "rules", index))
        path: FieldPath = ("spec", "defaultBackend")
        if mapping_at(item.spec, "defaultBackend"):
            yield _rule(cluster, item, controller, "", (), path, path, entrance_of(cluster, controller, item, ""))


def tls_path(item: Object, host: str) -> FieldPath | None:
    """The entry of `spec.tls` that is for this host; one without hosts is for every host."""
    for index, entry in mappings_at(item.spec, "tls"):
        hosts = texts_at(entry, "hosts")
        if not items_at(entry, "hosts") or any(_covers(each.lower(), host.lower()) for each in hosts):
            return ("spec", "tls", index)
    return None


def entrance_of(
    cluster: Cluster, controller: Controller, item: Object, host: str, tls: FieldPath | None = None
) -> Entrance:
    """Where this host comes in. A controller listens on 443 for hosts with TLS, else 80 is what clients use."""
    path = tls if tls is not None else tls_path(item, host)
    listening = controller.listening(cluster, item)
    pods = pods_of(cluster, controller)
    name = class_of(cluster, item).name if item.kind is INGRESS else ""
    return Entrance(
        platform=controller.platform,
        object=item,
        path=path or ("spec",),
        port=443 if path is not None or listening.passes_tls else 80,
        hosts=(host,) if host else (),
        terminates_tls=path is not None and not listening.passes_tls,
        passes_tls=listening.passes_tls,
        downstream=listening.downstream,
        workloads=pods,
        services=fronts_of(cluster, controller),
        name=f"{controller.title} (class {name})" if name and name != controller.platform else controller.title,
    )


def backend_of(
    cluster: Cluster, controller: Controller, place: Place, number: int | None, space: str, weight: int | None = None
) -> Backend:
    """The backend with what the controller speaks to it."""
    upstream = controller.upstream(cluster, place)
    port_number = place.port.number if place.port is not None else number
    own = upstream.spoken is Spoken.H2 and upstream.decision.path[-1:] != ("appProtocol",)
    return Backend(
        host=f"{space}/{place.name}",
        port_number=port_number,
        path=place.path,
        upstream=upstream,
        service=place.service,
        port=place.port,
        weight=weight,
        takes_h2_only=own and _says_grpc(upstream.decision),
    )


def place_of(
    cluster: Cluster, item: Object, path: FieldPath, namespace: str, name: str, port: int | str | None,
    host: str = "", match: str = "",
) -> Place:  # fmt: skip
    """Looks up the Service and its port; without a port the only one."""
    service = find_service(cluster, namespace, name)
    found = None
    if service is not None:
        only = service.ports[0] if len(service.ports) == 1 else None
        found = service.port(port) if port is not None and port != "" else only
    return Place(item, path, service, found, name, host, match)


def _says_grpc(decision: Decision) -> bool:
    """The field means gRPC, or HTTP/2 in plaintext, which nobody else uses; not an HTTP/2 that browsers use, too."""
    last = str(decision.path[-1]) if decision.path else ""
    named = last == "grpc" or last.endswith(("/grpc-services", "upstream-protocol.h2c"))
    return named or decision.value.lower() in ("grpc", "grpcs", "h2c")


def _rules_of(
    cluster: Cluster, item: Object, controller: Controller, rule: dict[str, Any], base: FieldPath
) -> Iterator[RouteRule]:
    host = text_at(rule, "host")
    entrance = entrance_of(cluster, controller, item, host)
    for index, raw in mappings_at(rule, "http", "paths"):
        path = (*base, "http", "paths", index)
        match = _match(controller.regex(item), raw, path)
        yield _rule(cluster, item, controller, host, (match,), path, (*path, "backend"), entrance)


def _rule(
    cluster: Cluster,
    item: Object,
    controller: Controller,
    host: str,
    matches: tuple[Match, ...],
    path: FieldPath,
    place_path: FieldPath,
    entrance: Entrance,
) -> RouteRule:
    raw = mapping_at(item.raw, *place_path, "service")
    written = text_at(item.raw, *path, "path") if matches else "/"
    number = number_at(raw, "port", "number")
    which = number if number is not None else text_at(raw, "port", "name")
    place = place_of(cluster, item, place_path, item.namespace, text_at(raw, "name"), which or "?", host, written)
    backend = backend_of(cluster, controller, place, number, item.namespace)
    return RouteRule(
        platform=controller.platform,
        object=item,
        path=path,
        hosts=(host,) if host else (),
        entrances=(entrance,),
        backends=(backend,) if place.name else (),
        matches=matches,
        is_http=not entrance.passes_tls,
    )


def _match(regex: bool, raw: dict[str, Any], path: FieldPath) -> Match:
    value = text_at(raw, "path") or "/"
    where = (*path, "path")
    kind = text_at(raw, "pathType")
    if kind == "Exact" and not regex:
        return Match(PathKind.EXACT, value, where)
    if kind == "Prefix" and not regex:
        return Match(PathKind.SEGMENTS, value, where)
    if value.endswith("/*") and not _REGEX.search(value[:-1]):
        return Match(PathKind.PREFIX, value[:-1], where)
    if _REGEX.search(value):
        return Match(PathKind.REGEX, value if value.endswith(("$", ".*")) else f"{value}.*", where)
    return Match(PathKind.PREFIX, value, where)


def _covers(pattern: str, host: str) -> bool:
    """A wildcard stands for one label, as in certificates."""
    if pattern.startswith("*."):
        return host == pattern or (host.partition(".")[2] == pattern[2:] and bool(host))
    return pattern == host
