"""gateway-tls-to-plaintext-port: a GRPCRoute on an HTTPS listener has the gateway speak TLS to a plaintext server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import declare_h2c, first_of_each_port, service_hops
from grpcdoctor.cluster.changes import Edit
from grpcdoctor.cluster.gateway_api.backend_tls import policy_for
from grpcdoctor.cluster.gateway_api.controllers import CONTOUR, KONG, TITLES
from grpcdoctor.cluster.gateway_api.implementations import KONG_PROTOCOL
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Alternative, Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD582",
    name="gateway-tls-to-plaintext-port",
    severity=Severity.ERROR,
    title="a Gateway speaks TLS to a plaintext gRPC server, because its listener is HTTPS",
)
READS = ROUTE_KINDS
_GUESSING: Final = (CONTOUR, KONG)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    hops = (
        (rule, backend, port)
        for rule, backend, port in service_hops(cluster)
        if rule.implementation in _GUESSING
        and backend.upstream.tls.is_on
        and backend.upstream.decision.object is rule.object
        and not intent_of(cluster, port).tls
        and policy_for(cluster, port) is None  # a BackendTLSPolicy says that the pods serve TLS
        and port.number != 443
    )
    for port, found in first_of_each_port(hops):
        yield from _judge(port, found)


def _judge(port: ServicePort, hops: list[tuple[RouteRule, Backend]]) -> Iterator[Conclusion]:
    rule, backend = hops[0]
    who = TITLES[rule.implementation]
    shown = bool(port.service.workloads)
    yield about(
        RULE,
        port.service.object,
        (*port.path, "appProtocol"),
        f"{who} speaks TLS to {port.service.title} port {port.number}, and nothing says that its pods do",
        symptom=f"With nothing declared, {who} takes the listener's protocol for the backend's. TLS to a plaintext "
        "server fails at once: clients get UNAVAILABLE (upstream connect error … remote connection failure, or 502).",
        evidence=(
            seen(rule.object, backend.path),
            *(seen(entrance.object, (*entrance.path, "protocol")) for entrance in rule.entrances[:1]),
        ),
        fixes=(_fix(port, rule.implementation),),
        related=tuple(each.object for each, _ in hops),
        confidence=0.85 if shown else 0.7,
        alternatives=(
            Alternative(
                "backend-tls-policy-missing",
                "the pods serve TLS themselves, and then this is as it should be",
                f"openssl s_client -connect localhost:{port.number} -alpn h2, through kubectl port-forward",
            ),
        ),
    )


def _fix(port: ServicePort, platform: str) -> Fix:
    if platform == KONG:
        edit = Edit(port.service.object).set(("metadata", "annotations", KONG_PROTOCOL), "grpc")
        return edit.fix("Tell Kong that the Service speaks gRPC in plaintext")
    return declare_h2c(port)
