"""app-protocol-unsupported: the Gateway's implementation does not know the port's appProtocol and drops the backend."""

from __future__ import annotations

from collections.abc import Iterator

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import declare_h2c, first_of_each_port, service_hops
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.gateway_api.controllers import CONTOUR, TITLES
from grpcdoctor.cluster.gateway_api.implementations import Hop, refuses
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD580",
    name="app-protocol-unsupported",
    severity=Severity.ERROR,
    title="the Gateway refuses a gRPC backend, because it does not know its appProtocol",
)
READS = ROUTE_KINDS


def check(cluster: Cluster) -> Iterator[Conclusion]:
    refused = (
        (rule, backend, port)
        for rule, backend, port in service_hops(cluster)
        if refuses(rule.implementation, Hop(cluster, None, rule.object, port, False))
        and (rule.looks_like_grpc or intent_of(cluster, port).may_be_grpc)
    )
    for port, hops in first_of_each_port(refused):
        yield from _judge(cluster, port, hops)


def _judge(cluster: Cluster, port: ServicePort, hops: list[tuple[RouteRule, Backend]]) -> Iterator[Conclusion]:
    rule, backend = hops[0]
    who = TITLES[rule.implementation]
    yield about(
        RULE,
        port.service.object,
        (*port.path, "appProtocol"),
        f'{who} does not support appProtocol "{port.app_protocol}" of {port.service.title} port {port.number}, '
        f"so {rule.object.title} has no backend",
        symptom=f"{who} sets ResolvedRefs=False with reason UnsupportedProtocol on the route and sends nothing to the "
        "pods. Clients get UNAVAILABLE, or UNKNOWN with HTTP status 500.",
        evidence=(seen(rule.object, backend.path),),
        fixes=(_fix(cluster, port, rule.implementation),),
        related=tuple(each.object for each, _ in hops),
    )


def _fix(cluster: Cluster, port: ServicePort, platform: str) -> Fix:
    path = (*port.path, "appProtocol")
    if not intent_of(cluster, port).serves_tls:
        return declare_h2c(port)
    edit = Edit(port.service.object)
    if platform == CONTOUR:
        annotation = ("metadata", "annotations", "projectcontour.io/upstream-protocol.h2")
        edit = edit.remove(path).set(annotation, str(port.number))
        return edit.fix("Say HTTP/2 over TLS with Contour's annotation, which counts only without appProtocol")
    return edit.set(path, "https").fix("Declare TLS, over which Traefik agrees on HTTP/2 by ALPN")
