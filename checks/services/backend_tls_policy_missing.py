"""backend-tls-policy-missing: pods serve TLS themselves, and the Gateway speaks plaintext to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import first_of_each_port, service_hops
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.gateway_api.controllers import (
    CILIUM,
    CONTOUR,
    ENVOY_GATEWAY,
    GKE,
    ISTIO,
    KONG,
    NGINX_GATEWAY,
    TITLES,
    TRAEFIK,
)  # fmt: skip
from grpcdoctor.cluster.gateway_api.implementations import KONG_PROTOCOL
from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import TLS_ROUTE
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import Backend, RouteRule
from grpcdoctor.cluster.services import ServicePort
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD583",
    name="backend-tls-policy-missing",
    severity=Severity.ERROR,
    title="a Gateway speaks plaintext to a gRPC server that serves TLS",
    explains=("service-app-terminates-tls",),
)
READS = ROUTE_KINDS
_JUDGED: Final = (ISTIO, TRAEFIK, ENVOY_GATEWAY, CONTOUR, CILIUM, NGINX_GATEWAY, KONG, GKE)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    hops = (
        (rule, backend, port)
        for rule, backend, port in service_hops(cluster)
        if rule.implementation in _JUDGED
        and rule.object.kind != TLS_ROUTE
        and backend.upstream.tls is Tls.NONE
        and backend.upstream.spoken is not Spoken.UNKNOWN
        and intent_of(cluster, port).serves_tls
        and intent_of(cluster, port).is_grpc
    )
    for port, found in first_of_each_port(hops):
        yield from _judge(cluster, port, found)


def _judge(cluster: Cluster, port: ServicePort, hops: list[tuple[RouteRule, Backend]]) -> Iterator[Conclusion]:
    rule, backend = hops[0]
    hints, who = intent_of(cluster, port).tls, TITLES[rule.implementation]
    yield about(
        RULE,
        port.service.object,
        port.path,
        f"{who} speaks plaintext to {port.service.title} port {port.number}, whose pods serve TLS",
        symptom="The pods wait for a TLS handshake and hang up. Clients get UNAVAILABLE (upstream connect error … "
        "connection termination, or HTTP status 502), or wait until DEADLINE_EXCEEDED.",
        evidence=(*(seen(h.object, h.path, h.text) for h in hints[:2]), seen(rule.object, backend.path)),
        fixes=(_fix(port, rule.implementation),),
        related=tuple(each.object for each, _ in hops),
        confidence=0.8,
    )


def _fix(port: ServicePort, platform: str) -> Fix:
    item, annotation = port.service.object, ("metadata", "annotations")
    if platform == KONG:
        edit = Edit(item).set((*annotation, KONG_PROTOCOL), "grpcs")
        return edit.fix("Tell Kong that the Service speaks gRPC over TLS")
    if platform == GKE:
        return Edit(item).set((*port.path, "appProtocol"), "HTTP2").fix("Declare HTTP/2 over TLS")
    if platform == CONTOUR:
        edit = Edit(item).remove((*port.path, "appProtocol"))
        for word in ("h2c", "tls"):
            edit = edit.remove((*annotation, f"projectcontour.io/upstream-protocol.{word}"))
        edit = edit.set((*annotation, "projectcontour.io/upstream-protocol.h2"), str(port.number))
        return edit.fix("Say HTTP/2 over TLS with Contour's annotation, which counts only without appProtocol")
    summary = f"Have TLS spoken to it (put its CA under ca.crt into the ConfigMap {port.service.name}-ca)"
    return create(policy_manifest(port), summary)


def policy_manifest(port: ServicePort) -> dict[str, object]:
    name, namespace = port.service.name, port.service.namespace
    target = {"group": "", "kind": "Service", "name": name}
    if port.name:
        target["sectionName"] = port.name
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "BackendTLSPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "targetRefs": [target],
            "validation": {
                "hostname": f"{name}.{namespace}.svc",
                "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": f"{name}-ca"}],
            },
        },
    }
