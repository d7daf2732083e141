"""What the rules about the Gateway API share: which routes carry gRPC, and a few fixes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from grpcdoctor.checks.services._near import slip_among
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import text_at
from grpcdoctor.cluster.gateway_api.parents import API_ROUTE_KINDS, ParentRef, api_routes, parents_of
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import GRPC_ROUTE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.routes import Backend, RouteRule, routes
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Fix

_NEAR: Final = 0.8
NOT_ROUTED: Final = "Clients get UNIMPLEMENTED (the gateway answers 404), or no connection where nothing listens."


def api_rules(cluster: Cluster) -> tuple[RouteRule, ...]:
    """The RouteRules of Gateway API routes."""
    return cluster.once(_api_rules)


def grpc_routes(cluster: Cluster) -> tuple[Object, ...]:
    """The Gateway API routes that carry gRPC, as far as the objects tell."""
    return cluster.once(_grpc_routes)


def service_hops(cluster: Cluster) -> Iterator[tuple[RouteRule, Backend, ServicePort]]:
    """Every backend of a Gateway API route that is a port of a Service that is shown."""
    for rule in api_rules(cluster):
        for backend in rule.backends:
            if isinstance(backend.port, ServicePort):
                yield rule, backend, backend.port


def gateway_parents(route: Object) -> tuple[ParentRef, ...]:
    return tuple(parent for parent in parents_of(route) if parent.is_gateway)


def nearest(name: str, names: Iterable[str], sure: bool) -> str | None:
    """The name that this one is a typing error of: a clear one where, not `sure`, this one may exist unseen."""
    if not sure:
        return slip_among(name, names)
    return next(iter(get_close_matches(name, sorted(set(names) - {name}), 1, _NEAR)), None)


def says_namespace(*objects: Object) -> bool:
    """Whether each has its namespace written: the others go wherever `kubectl -n` says."""
    return all(text_at(item.raw, "metadata", "namespace") for item in objects)


def together(summary: str, *fixes: Fix) -> Fix:
    """Several changes that cure only together."""
    text = "\n---\n".join(fix.patch or f"# {fix.command}" for fix in fixes)
    return Fix(summary, patch=text, changes=tuple(change for fix in fixes for change in fix.changes))


def declare_h2c(port: ServicePort, summary: str = "") -> Fix:
    path = (*port.path, "appProtocol")
    edit = Edit(port.service.object).set(path, "kubernetes.io/h2c")
    return edit.fix(summary or "Declare HTTP/2 in plaintext with an appProtocol that every gateway understands")


def first_of_each_port(
    hops: Iterable[tuple[RouteRule, Backend, ServicePort]],
) -> Iterator[tuple[ServicePort, list[tuple[RouteRule, Backend]]]]:
    """Grouped by port, in the order of the first hop to each."""
    found: dict[int, tuple[ServicePort, list[tuple[RouteRule, Backend]]]] = {}
    for rule, backend, port in hops:
        found.setdefault(id(port), (port, []))[1].append((rule, backend))
    yield from found.values()


def _api_rules(cluster: Cluster) -> tuple[RouteRule, ...]:
    return tuple(rule for rule in routes(cluster) if rule.object.kind in API_ROUTE_KINDS)


def _grpc_routes(cluster: Cluster) -> tuple[Object, ...]:
    carrying = {
        id(rule.object)
        for rule in api_rules(cluster)
        if rule.looks_like_grpc
        or any(isinstance(b.port, ServicePort) and intent_of(cluster, b.port).is_grpc for b in rule.backends)
    }
    return tuple(route for route in api_routes(cluster) if route.kind == GRPC_ROUTE or id(route) in carrying)
