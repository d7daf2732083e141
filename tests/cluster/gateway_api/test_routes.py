"""Gateway API routes as RouteRules."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.paths import paths_for
from grpcdoctor.cluster.routes import PathKind, routes
from tests.cluster.gateway_api.setups import cluster, gateway, route, service

TO = [{"name": "greeter", "port": 50051}]


@pytest.mark.parametrize(
    ("method", "kind", "value"),
    [
        ({"service": "shop.Greeter", "method": "Hello"}, PathKind.EXACT, "/shop.Greeter/Hello"),
        ({"service": "shop.Greeter"}, PathKind.PREFIX, "/shop.Greeter/"),
        ({"method": "Hello"}, PathKind.REGEX, "/[^/]+/Hello"),
        ({"type": "RegularExpression", "service": "shop.*"}, PathKind.REGEX, "/shop.*/.+"),
        ({}, PathKind.ANY, ""),
    ],
)
def test_a_grpc_method_is_a_path(method: dict[str, str], kind: str, value: str) -> None:
    (rule,) = routes(cluster(route(rules=[{"matches": [{"method": method}], "backendRefs": TO}])))
    assert rule.declares_grpc
    assert [(match.kind, match.value) for match in rule.matches] == [(kind, value)]


def test_the_more_specific_rule_is_tried_first() -> None:
    def match(**method: str) -> dict[str, Any]:
        return {"matches": [{"method": method}], "backendRefs": TO}

    rules = [{"backendRefs": TO}, match(service="a.B"), match(service="a.B", method="C"), match(service="a.Longer")]
    found = routes(cluster(route(rules=rules)))
    assert [rule.path[2] for rule in found] == [2, 3, 1, 0]


def test_a_path_leads_from_the_listener_to_the_pods() -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: g, namespace: prod, labels: {app: greeter}}, spec: {}}"
    port = "{name: grpc, port: 50051, appProtocol: kubernetes.io/h2c}"
    built = cluster(gateway("contour"), route(), service(port), pod)
    (path,) = paths_for(built, "api.example.com")
    assert path.is_grpc
    assert path.first_http1 is None
    assert [leg.spoken for leg in path.legs] == [Spoken.H2] * 3


def test_a_tls_route_hands_tls_on() -> None:
    listeners = (
        "[{name: tls, port: 443, protocol: TLS, tls: {mode: Passthrough}, allowedRoutes: {namespaces: {from: All}}}]"
    )
    (rule,) = routes(cluster(gateway("istio", listeners), route("TLSRoute"), service()))
    assert not rule.is_http
    assert rule.backends[0].upstream.spoken is Spoken.TLS


def test_contour_has_a_rule_for_each_kind_of_listener() -> None:
    listeners = (
        "[{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}},"
        " {name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}]"
    )
    found = routes(cluster(gateway("contour", listeners), route(), service("{name: api, port: 50051}")))
    assert [(r.entrances[0].port, r.backends[0].upstream.tls.is_on) for r in found] == [(80, False), (443, True)]


def test_nonsense_is_no_error() -> None:
    wrong: tuple[Any, ...] = (None, 7, "x", [], {}, [None], [{"name": []}])
    for value in wrong:
        for field in ("parentRefs", "hostnames", "rules"):
            spec: dict[str, Any] = {field: value}
            assert routes(cluster(gateway(), route("GRPCRoute", **spec), service())) is not None
