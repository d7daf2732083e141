"""Contour: appProtocol alone where it is set, else the Service's annotation; HTTPProxies with includes."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.ingress.routes import ingress_rules
from tests.cluster.ingress.samples import cluster, ingress, service, spoken, upstream

H2C = "projectcontour.io/upstream-protocol.h2c"


@pytest.mark.parametrize(
    ("app_protocol", "expected"),
    [
        ("kubernetes.io/h2c", (Spoken.H2, Tls.NONE)),
        ("grpc", (Spoken.HTTP1, Tls.NONE)),
        ("http2", (Spoken.HTTP1, Tls.NONE)),
        ("https", (Spoken.HTTP1, Tls.SIMPLE)),
    ],
)
def test_app_protocol_rules_the_annotation_out(app_protocol: str, expected: tuple[Spoken, Tls]) -> None:
    assert spoken(ingress("contour"), service({H2C: "50051"}, appProtocol=app_protocol)) == expected


@pytest.mark.parametrize("listed", ["50051", "main", "80, main"])
def test_the_annotation_names_ports_by_number_or_name(listed: str) -> None:
    assert spoken(ingress("contour"), service({H2C: listed})) == (Spoken.H2, Tls.NONE)
    assert spoken(ingress("contour"), service({H2C: "80"}))[0] is Spoken.HTTP1
    tls = service({"projectcontour.io/upstream-protocol.tls": listed})
    assert spoken(ingress("contour"), tls) == (Spoken.HTTP1, Tls.SIMPLE), "Contour's tls offers no h2"


def test_by_default_it_speaks_http1() -> None:
    assert upstream(ingress("contour"), service()).decision.object is None


def test_an_http_proxy_includes_others_under_a_prefix() -> None:
    rules = ingress_rules(cluster("""
        apiVersion: projectcontour.io/v1
        kind: HTTPProxy
        metadata: {name: root, namespace: prod}
        spec:
          virtualhost: {fqdn: a.example.com, tls: {secretName: tls}}
          includes: [{name: child, namespace: team, conditions: [{prefix: /shop.}]}, {name: root, namespace: prod}]
          routes: [{services: [{name: web, port: 80}]}]
        ---
        apiVersion: projectcontour.io/v1
        kind: HTTPProxy
        metadata: {name: child, namespace: team}
        spec: {routes: [{services: [{name: greeter, port: 50051, protocol: h2c, weight: 9}]}]}
        ---
        apiVersion: projectcontour.io/v1
        kind: HTTPProxy
        metadata: {name: orphan, namespace: team}
        spec: {routes: [{services: [{name: greeter, port: 50051}]}]}
    """))  # fmt: skip
    assert [(r.object.name, r.hosts, [m.value for m in r.matches]) for r in rules] == [
        ("child", ("a.example.com",), ["/shop."]),
        ("root", ("a.example.com",), []),
    ]
    (backend,) = rules[0].backends
    assert (backend.host, backend.upstream.spoken, backend.weight) == ("team/greeter", Spoken.H2, 9)


def test_a_protocol_that_contour_does_not_know_breaks_the_proxy() -> None:
    (rule,) = ingress_rules(cluster("""
        apiVersion: projectcontour.io/v1
        kind: HTTPProxy
        metadata: {name: root, namespace: prod}
        spec: {virtualhost: {fqdn: a.example.com}, routes: [{services: [{name: greeter, port: 1, protocol: grpc}]}]}
    """))  # fmt: skip
    assert rule.backends[0].upstream.spoken is Spoken.UNKNOWN
