"""cors-policy-missing: gRPC-Web is translated at a gateway, and no route there answers a browser's preflight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.grpc_web._browsers import BrowserRoute, browser_routes, siblings
from grpcdoctor.checks.grpc_web._translation import insertions, is_translated, translated_at
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.kinds import ENVOY_FILTER
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Evidence, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD772",
    name="cors-policy-missing",
    severity=Severity.ERROR,
    title="a route for gRPC-Web has no corsPolicy, so browsers of other origins are refused",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    if _configured_otherwise(cluster):
        return
    browsers = _gateways_of_browsers(cluster)
    told: set[int] = set()
    for route in browser_routes(cluster):
        if id(route.object) in told or route.has_cors or not route.rule.entrances:
            continue
        if not route.is_grpc(cluster) or not is_translated(cluster, route.rule):
            continue
        if route.because is None and (_answers(cluster, route) or _same_origin(cluster, route, browsers)):
            continue
        told.add(id(route.object))
        yield about(
            RULE,
            route.object,
            (*route.path, "corsPolicy"),
            f"{route.title} leads gRPC-Web to a gRPC server and has no corsPolicy",
            symptom="Before a call to another origin a browser asks with OPTIONS. Without a corsPolicy that request "
            "reaches "
            "the gRPC server, its answer allows nothing, and the browser drops the call: Failed to fetch, or Http "
            "response at 400 or 500 level.",
            evidence=_evidence(cluster, route),
            fixes=(_fix(cluster, route),),
            related=tuple(b.service.object for b in route.rule.backends if b.service is not None),
            confidence=0.9 if route.because is not None else 0.75,
        )


def _answers(cluster: Cluster, route: BrowserRoute) -> bool:
    """Its VirtualService has a corsPolicy on another route: what browsers use is taken care of."""
    return any(other.has_cors for other in siblings(cluster, route))


def _same_origin(cluster: Cluster, route: BrowserRoute, browsers: frozenset[int]) -> bool:
    """The web application comes from this very host, or the gateway's browsers use another one."""
    if any(id(entrance.object) in browsers for entrance in route.rule.entrances):
        return True
    return not cluster.once(_web_hosts).isdisjoint(route.hosts)


def _gateways_of_browsers(cluster: Cluster) -> frozenset[int]:
    """Gateways with some corsPolicy for a gRPC server: that host is the one for browsers."""
    return frozenset(
        id(entrance.object)
        for route in browser_routes(cluster)
        if route.has_cors and (route.because is not None or route.is_grpc(cluster))
        for entrance in route.rule.entrances
    )


def _web_hosts(cluster: Cluster) -> frozenset[str]:
    """Hosts with a route to something that is no gRPC server."""
    return frozenset(
        host
        for route in browser_routes(cluster)
        if route.rule.backends and not route.is_grpc(cluster)
        for host in route.hosts
    )


def _configured_otherwise(cluster: Cluster) -> bool:
    """An EnvoyFilter brings a CORS policy of its own."""
    return any("allow_origin" in str(item.raw) or "allowOrigin" in str(item.raw) for item in cluster.all(ENVOY_FILTER))


def _evidence(cluster: Cluster, route: BrowserRoute) -> tuple[Evidence, ...]:
    if route.because is not None:
        path, clause = route.because
        return (seen(route.object, path, clause),)
    gateway = route.rule.entrances[0].object
    found = translated_at(cluster, gateway) or insertions(cluster)
    return tuple(seen(one.object, one.path, f"{one.object.title} translates gRPC-Web there") for one in found[:1])


def policy_for(route: BrowserRoute) -> dict[str, Any]:
    """Complete, for the origin that this host's own domain suggests."""
    host = next((host for host in route.hosts if "." in host), "example.com")
    parts = host.lstrip("*.").split(".")
    domain = ".".join(parts[-2:] if len(parts) > 2 else parts)
    return {
        "allowOrigins": [{"exact": f"https://{domain}"}],
        "allowMethods": ["POST"],
        "allowHeaders": ["content-type", "x-grpc-web", "x-user-agent", "grpc-timeout", "authorization"],
        "exposeHeaders": ["grpc-status", "grpc-message", "grpc-status-details-bin"],
        "maxAge": "24h",
    }


def _fix(cluster: Cluster, route: BrowserRoute) -> Fix:
    edit = Edit(route.object)
    asked = [each for each in siblings(cluster, route) if not each.has_cors and each.rule.backends]
    for each in asked if route.because is None else [route]:
        edit.set(each.cors_path, policy_for(route))
    return edit.fix("Answer preflights at the gateway; put the origins of your web applications into allowOrigins")
