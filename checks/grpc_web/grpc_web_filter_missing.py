"""grpc-web-filter-missing: browsers call a gRPC server with gRPC-Web, and nothing on the way translates it."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks.grpc_web._browsers import BrowserRoute, browser_routes
from grpcdoctor.checks.grpc_web._translation import insertion_for, is_translated, mentioned, translated_at
from grpcdoctor.cluster.changes import create
from grpcdoctor.cluster.istio.gateways import namespaces_of, selector_of
from grpcdoctor.cluster.istio.mesh import mesh_config
from grpcdoctor.cluster.istio.protocol import Protocol, protocol_of
from grpcdoctor.cluster.kinds import ENVOY_FILTER, ISTIO_GATEWAY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD770",
    name="grpc-web-filter-missing",
    severity=Severity.ERROR,
    title="browsers call with gRPC-Web, and nothing translates it into gRPC",
)
READS = ROUTE_KINDS
# Servers and proxies that speak gRPC-Web themselves.
_OWN_TRANSLATORS = ("grpcweb", "grpc-web", "grpc_web", "connect", "envoy", "tonic", "improbable")


def check(cluster: Cluster) -> Iterator[Conclusion]:
    told: set[int] = set()
    for route in browser_routes(cluster):
        because = route.because
        if because is None or id(route.object) in told or not _lacks_it(cluster, route):
            continue
        told.add(id(route.object))
        gateway = route.rule.entrances[0].object
        path, clause = because
        yield about(
            RULE,
            route.object,
            path,
            f"{route.title} is for gRPC-Web clients ({clause}), and no proxy on the way translates gRPC-Web",
            symptom="A gRPC server does not understand application/grpc-web and resets the stream. The browser gets "
            "HTTP 503 "
            "(reset reason: remote reset) or 415, which grpc-web reports as UNAVAILABLE or UNKNOWN.",
            evidence=(seen(gateway, ("spec", "selector"), f"no EnvoyFilter inserts grpc_web at {gateway.title}"),),
            fixes=_fixes(cluster, gateway),
            related=(gateway, *(b.service.object for b in route.rule.backends if b.service is not None)),
            confidence=0.85,  # a server may speak gRPC-Web itself
        )


def _lacks_it(cluster: Cluster, route: BrowserRoute) -> bool:
    if not route.rule.entrances or is_translated(cluster, route.rule) or _speaks_it(route):
        return False
    gateways = [entrance.object for entrance in route.rule.entrances]
    root = mesh_config(cluster).root_namespace
    spaces = {root, *(space for gateway in gateways for space in namespaces_of(cluster, gateway))}
    if not all(cluster.has_all(ENVOY_FILTER, space) for space in spaces) or not route.is_grpc(cluster):
        return False
    # One that is there and does nothing is the matter of grpc-web-filter-misplaced.
    return not mentioned(cluster) or _elsewhere(cluster, gateways)


def _elsewhere(cluster: Cluster, gateways: list[Object]) -> bool:
    """gRPC-Web is translated at other gateways, and the filter there is in order."""
    others = [gateway for gateway in cluster.all(ISTIO_GATEWAY) if gateway not in gateways]
    return any(translated_at(cluster, gateway) for gateway in others)


def _speaks_it(route: BrowserRoute) -> bool:
    """The backend is something that takes gRPC-Web itself, or at least HTTP/1.1."""
    for backend in route.rule.backends:
        if isinstance(backend.port, ServicePort) and protocol_of(backend.port).protocol is Protocol.HTTP:
            return True
        for workload in backend.service.workloads if backend.service is not None else ():
            for container in workload.containers:
                words = " ".join((container.name, container.image, *container.words, *container.environment)).lower()
                if any(word in words for word in _OWN_TRANSLATORS):
                    return True
    return False


def _fixes(cluster: Cluster, gateway: Object) -> tuple[Fix, ...]:
    if not selector_of(gateway):
        return (Fix("Insert envoy.filters.http.grpc_web before the router with an EnvoyFilter for its pods"),)
    namespace = namespaces_of(cluster, gateway)[0]
    summary = f"Translate at the gateway, with an EnvoyFilter in the namespace of its pods, {namespace}"
    return (create(insertion_for(gateway, namespace), summary),)
