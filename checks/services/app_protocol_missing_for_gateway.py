"""app-protocol-missing-for-gateway: a Gateway speaks HTTP/1.1 to a gRPC server, because nothing declares HTTP/2."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import declare_h2c, first_of_each_port, service_hops
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.gateway_api.controllers import ALB, CONTOUR, ISTIO, KONG, TITLES
from grpcdoctor.cluster.gateway_api.implementations import KONG_PROTOCOL
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule, rules_to
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD581",
    name="app-protocol-missing-for-gateway",
    severity=Severity.ERROR,
    title="a Gateway speaks HTTP/1.1 to a gRPC server, because nothing declares HTTP/2",
    explains=(
        "backend-traffic-policy-ineffective",
        "service-port-not-http2",
        "service-port-undeclared",
        "service-port-opaque",
    ),
)
READS = ROUTE_KINDS



def check(cluster: Cluster) -> Iterator[Conclusion]:
    hops = (
        (rule, backend, port)
        for rule, backend, port in service_hops(cluster)
        if rule.implementation != ALB  # alb-gateway-http-listener
        and not rule.in_mesh
        and backend.upstream.spoken is Spoken.HTTP1
        and _is_for_grpc(cluster, rule, port)
        and not (intent_of(cluster, port).serves_tls and not backend.upstream.tls.is_on)
    )
    for port, found in first_of_each_port(hops):
        yield from _judge(cluster, port, found)


def _is_for_grpc(cluster: Cluster, rule: RouteRule, port: ServicePort) -> bool:
    """Not the web half of a port that serves both, where a GRPCRoute carries the gRPC half."""
    if not intent_of(cluster, port).is_grpc:
        return False
    return rule.looks_like_grpc or not any(other.declares_grpc for other, _ in rules_to(cluster, port))


def _judge(cluster: Cluster, port: ServicePort, hops: list[tuple[RouteRule, Backend]]) -> Iterator[Conclusion]:
    rule, backend = hops[0]
    who, reason = TITLES[rule.implementation], backend.upstream.decision.reason
    intent = intent_of(cluster, port)
    yield about(
        RULE,
        port.service.object,
        (*port.path, "appProtocol"),
        f"{who} speaks HTTP/1.1 to {port.service.title} port {port.number}, which is a gRPC server",
        symptom=f"{reason[:1].upper()}{reason[1:]}. A gRPC server hangs up on HTTP/1.1: clients get UNAVAILABLE "
        "(upstream connect error … reset reason: protocol error, or HTTP status 502).",
        evidence=(seen(rule.object, backend.path), *(seen(h.object, h.path, h.text) for h in intent.grpc[:2])),
        fixes=(_fix(port, rule.implementation, backend),),
        related=tuple(each.object for each, _ in hops),
    )


def _fix(port: ServicePort, platform: str, backend: Backend) -> Fix:
    edit = Edit(port.service.object)
    if platform == KONG:
        word = "grpcs" if backend.upstream.tls.is_on else "grpc"
        return edit.set(("metadata", "annotations", KONG_PROTOCOL), word).fix("Tell Kong that the Service speaks gRPC")
    if platform == ISTIO or not backend.upstream.tls.is_on:
        return declare_h2c(port)
    decision = backend.upstream.decision
    if decision.path[:2] == ("metadata", "annotations"):
        edit = edit.remove(decision.path)
    annotation = ("metadata", "annotations", "projectcontour.io/upstream-protocol.h2")
    if platform == CONTOUR:
        edit = edit.remove((*port.path, "appProtocol")).set(annotation, str(port.number))
        return edit.fix("Say HTTP/2 over TLS with Contour's annotation, which counts only without appProtocol")
    return edit.set((*port.path, "appProtocol"), "HTTP2").fix("Declare HTTP/2 over TLS")
