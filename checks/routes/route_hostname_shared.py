"""route-hostname-shared: a GRPCRoute and an HTTPRoute have one hostname on one listener."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.fields import items_at, mappings_at, text_at
from grpcdoctor.cluster.gateway_api.controllers import ALB, ISTIO, TITLES, TRAEFIK, implementation_of
from grpcdoctor.cluster.gateway_api.listeners import Listener
from grpcdoctor.cluster.gateway_api.parents import attachments
from grpcdoctor.cluster.kinds import GRPC_ROUTE, HTTP_ROUTE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD665",
    name="route-hostname-shared",
    severity=Severity.WARNING,
    title="a GRPCRoute and an HTTPRoute share a hostname on one listener",
)
READS = ROUTE_KINDS

_SEVERITIES: Final = {ALB: Severity.ERROR, TRAEFIK: Severity.WARNING, ISTIO: Severity.WARNING}

Place = tuple[int, int, str]
"""(id of the Gateway, index of the listener, host)."""


def check(cluster: Cluster) -> Iterator[Conclusion]:
    others = {place: (route, listener) for route, listener, place in _places(cluster, cluster.all(HTTP_ROUTE))}
    done: set[tuple[int, int]] = set()
    for route, listener, place in _places(cluster, cluster.all(GRPC_ROUTE)):
        other = others.get(place)
        if other is not None and (id(route), id(other[0])) not in done:
            done.add((id(route), id(other[0])))
            yield _judge(cluster, route, other[0], listener, place[2])


def _places(cluster: Cluster, routes: tuple[Object, ...]) -> Iterator[tuple[Object, Listener, Place]]:
    for route in routes:
        for attachment in attachments(cluster, route):
            for taken in attachment.taken:
                for host in taken.hosts or ("",):
                    yield route, taken.listener, (id(attachment.gateway), taken.listener.index, host)


def _judge(cluster: Cluster, route: Object, other: Object, listener: Listener, host: str) -> Conclusion:
    platform = implementation_of(cluster, listener.gateway)
    refused = _is_refused(route) or _is_refused(other)
    severity = Severity.ERROR if refused else _SEVERITIES.get(platform, Severity.INFO)
    if severity is not Severity.ERROR and platform != ISTIO and _is_accepted(route) and _is_accepted(other):
        severity = Severity.INFO
    return about(
        RULE,
        route,
        ("spec", "hostnames"),
        f"{route.title} and {other.title} share {f'the host {host}' if host else 'all hosts'} of {listener.title}",
        symptom="The Gateway API lets an implementation reject one of the two: the newer one. "
        f"{TITLES[platform][:1].upper()}{TITLES[platform][1:]} {_EFFECTS.get(platform, _MAY)}",
        evidence=(seen(other, ("spec", "hostnames")),),
        fixes=_fixes(route, other, host),
        related=(other, listener.gateway),
        severity=severity,
        confidence=1.0 if refused else 0.7,
    )


_MAY: Final = "may do so; then clients get UNIMPLEMENTED (404)."
_EFFECTS: Final = {
    ALB: "does so (NotAllowedByListeners). Clients of it get UNKNOWN with HTTP status 464.",
    TRAEFIK: "does so since 2026; earlier releases take both. Clients of the rejected one get UNIMPLEMENTED (404).",
    ISTIO: "1.26 dropped one without a word (istio#57172). Clients of it get UNIMPLEMENTED (404).",
}


def _fixes(route: Object, other: Object, host: str) -> tuple[Fix, ...]:
    """Another hostname for gRPC; or the GRPCRoute's rules as an HTTPRoute, which cannot be one change."""
    words = Fix(f"Put the gRPC rules into {other.title} as path matches (/package.Service), and delete {route.title}")
    if not host or host.startswith("*"):
        return (Fix(f"Give {route.title} a hostname of its own, such as grpc.example.com"), words)
    own = f"grpc-{host}"
    names = items_at(route.raw, "spec", "hostnames")
    place = next((index for index, name in enumerate(names) if str(name).lower() == host), None)
    path = ("spec", "hostnames", place if place is not None else len(names))
    return (Edit(route).set(path, own).fix(f"Give gRPC a hostname of its own, {own} (with DNS and certificate)"), words)


def _is_refused(route: Object) -> bool:
    return "False" in _accepted(route)


def _is_accepted(route: Object) -> bool:
    return set(_accepted(route)) == {"True"}


def _accepted(route: Object) -> tuple[str, ...]:
    return tuple(
        text_at(condition, "status")
        for _, parent in mappings_at(route.raw, "status", "parents")
        for _, condition in mappings_at(parent, "conditions")
        if text_at(condition, "type") == "Accepted"
    )
