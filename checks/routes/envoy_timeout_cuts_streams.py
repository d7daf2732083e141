"""envoy-timeout-cuts-streams: Envoy's 15 seconds for a response hold for a gRPC route at Contour or Envoy Gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grpcdoctor.checks._findings import about, seen
from grpcdoctor.checks._gateway_api import api_rules
from grpcdoctor.cluster.changes import Edit, create
from grpcdoctor.cluster.fields import at, mapping_at, mappings_at, number_at, text_at
from grpcdoctor.cluster.gateway_api.controllers import CONTOUR, ENVOY_GATEWAY, TITLES
from grpcdoctor.cluster.gateway_api.traffic_policies import selects_targets, traffic_policies_for
from grpcdoctor.cluster.intent import intent_of
from grpcdoctor.cluster.kinds import BACKEND_TRAFFIC_POLICY, CONTOUR_HTTP_PROXY, HTTP_ROUTE
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.paths import ROUTE_KINDS
from grpcdoctor.cluster.routes import RouteRule
from grpcdoctor.cluster.services import ServicePort, find_service
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.model.finding import Conclusion, Fix
from grpcdoctor.model.rule import Rule, Severity

RULE = Rule(
    code="GD669",
    name="envoy-timeout-cuts-streams",
    severity=Severity.WARNING,
    title="Envoy's default timeout of 15 seconds cuts gRPC streams on this route",
)
READS = (*ROUTE_KINDS, CONTOUR_HTTP_PROXY, BACKEND_TRAFFIC_POLICY)

# Words in a method's name that promise a stream.
_STREAMING: Final = re.compile(r"(?:Watch|Stream|Subscribe|Listen|Tail|Follow|Chat)(?![a-z])|(?<=[a-z])Stream")
_H2: Final = ("h2c", "h2")
_SYMPTOM: Final = (
    "No timeout is set, and Envoy's own is 15 seconds for the whole response. A longer stream ends with INTERNAL "
    "(RST_STREAM) after exactly 15 s, a longer unary call with UNAVAILABLE: upstream request timeout."
)


def check(cluster: Cluster) -> Iterator[Conclusion]:
    found: dict[int, list[RouteRule]] = {}
    for rule in api_rules(cluster):
        cut = rule.implementation in (CONTOUR, ENVOY_GATEWAY) and rule.entrances and _carries_grpc(cluster, rule)
        if cut and not _has_timeout(cluster, rule):
            found.setdefault(id(rule.object), []).append(rule)
    for rules in found.values():
        yield _of_route(rules)
    for proxy in cluster.all(CONTOUR_HTTP_PROXY):
        yield from _of_proxy(cluster, proxy)


def _carries_grpc(cluster: Cluster, rule: RouteRule) -> bool:
    ports = [backend.port for backend in rule.backends]
    return rule.looks_like_grpc or any(isinstance(p, ServicePort) and intent_of(cluster, p).is_grpc for p in ports)


def _has_timeout(cluster: Cluster, rule: RouteRule) -> bool:
    raw = mapping_at(rule.object.raw, *rule.path)
    if text_at(raw, "timeouts", "request") or text_at(raw, "timeouts", "backendRequest"):
        return True
    if rule.implementation != ENVOY_GATEWAY:
        return False
    if rule.object.namespace in cluster.once(_selecting):
        return True  # it may well be for this route
    policies = traffic_policies_for(cluster, rule.object, rule.entrances[0].object)
    return any(text_at(policy.raw, "spec", "timeout", "http", "requestTimeout") for policy in policies)


def _selecting(cluster: Cluster) -> frozenset[str]:
    """The namespaces with a policy that finds its routes by labels."""
    return frozenset(item.namespace for item in cluster.all(BACKEND_TRAFFIC_POLICY) if selects_targets(item))


def _of_route(rules: list[RouteRule]) -> Conclusion:
    rule, route = rules[0], rules[0].object
    streaming = [match for each in rules for match in each.matches if _STREAMING.search(match.value)]
    path = (*rule.path, "timeouts", "request") if route.kind == HTTP_ROUTE else rule.path
    return about(
        RULE,
        route,
        path,
        f"{TITLES[rule.implementation]} gives every call on {route.title} 15 seconds, streams as well",
        symptom=_SYMPTOM,
        evidence=tuple(seen(route, match.path) for match in streaming[:2]),
        fixes=(_fix(rules),),
        related=(rule.entrances[0].object,),
        severity=None if streaming else Severity.INFO,
        confidence=0.8 if streaming else 0.6,
    )


def _fix(rules: list[RouteRule]) -> Fix:
    rule, route = rules[0], rules[0].object
    if route.kind == HTTP_ROUTE:
        edit = Edit(route)
        for path in dict.fromkeys(each.path for each in rules):
            edit = edit.set((*path, "timeouts", "request"), "0s")
        return edit.fix("Turn the timeout off for gRPC")
    if rule.implementation == CONTOUR:
        return Fix("Use an HTTPProxy, or an HTTPRoute with `timeouts: {request: 0s}`: Contour's GRPCRoutes have none")
    manifest = {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "BackendTrafficPolicy",
        "metadata": {"name": f"{route.name}-streams", "namespace": route.namespace},
        "spec": {
            "targetRefs": [{"group": route.kind.group, "kind": route.kind.name, "name": route.name}],
            "timeout": {"http": {"requestTimeout": "0s"}},
        },
    }
    return create(manifest, "Turn the timeout off for this route")


def _of_proxy(cluster: Cluster, proxy: Object) -> Iterator[Conclusion]:
    for index, raw in mappings_at(proxy.raw, "spec", "routes"):
        if text_at(raw, "timeoutPolicy", "response") or not _proxies_grpc(cluster, proxy, raw):
            continue
        path = ("spec", "routes", index, "timeoutPolicy")
        conditions = (item for _, item in mappings_at(raw, "conditions"))
        paths = " ".join(text_at(item, "prefix") or text_at(item, "exact") for item in conditions)
        streaming = _STREAMING.search(paths) is not None
        edit = Edit(proxy).set((*path, "response"), "infinity")
        if at(raw, "timeoutPolicy", "idle") is None:
            edit = edit.set((*path, "idle"), "infinity")
        yield about(
            RULE,
            proxy,
            (*path, "response"),
            f"Contour gives every call on spec.routes[{index}] of {proxy.title} 15 seconds, streams as well",
            symptom=_SYMPTOM,
            fixes=(edit.fix("Turn the timeouts off for this route"),),
            severity=None if streaming else Severity.INFO,
            confidence=0.8 if streaming else 0.6,
        )


def _proxies_grpc(cluster: Cluster, proxy: Object, raw: dict[str, object]) -> bool:
    for _, item in mappings_at(raw, "services"):
        if text_at(item, "protocol") in _H2:
            return True
        service = find_service(cluster, proxy.namespace, text_at(item, "name"))
        port = service.port(number_at(item, "port") or 0) if service is not None else None
        if port is not None and intent_of(cluster, port).is_grpc:
            return True
    return False
