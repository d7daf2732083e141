"""NGINX Ingress Controller of F5: listed Services, types of upstreams, and HTTP/2 in the ConfigMap."""

from __future__ import annotations

from grpcdoctor.cluster.hops import Spoken, Tls
from tests.cluster.ingress.samples import cluster, config_map, ingress, rule, spoken

GRPC = {"nginx.org/grpc-services": "other, greeter"}


def test_a_listed_service_is_spoken_to_in_http2() -> None:
    assert spoken(ingress("nginx", **GRPC)) == (Spoken.H2, Tls.NONE)
    assert spoken(ingress("nginx", **GRPC, **{"nginx.org/ssl-services": "greeter"})) == (Spoken.H2, Tls.SIMPLE)
    assert spoken(ingress("nginx", **{"nginx.org/grpc-services": "greeter2"}))[0] is Spoken.HTTP1


def test_a_config_map_without_http2_drops_the_annotation() -> None:
    item = ingress("nginx", **GRPC)
    off, on = config_map("nginx-ingress", "nginx-config"), config_map("nginx-ingress", "nginx-config", http2="True")
    assert spoken(item, off)[0] is Spoken.HTTP1
    assert rule(item, off).entrances[0].downstream is Spoken.HTTP1
    assert spoken(item, on)[0] is Spoken.H2


def test_a_virtual_server_routes_by_its_upstreams_types() -> None:
    from grpcdoctor.cluster.ingress.routes import ingress_rules

    found = ingress_rules(cluster("""
        apiVersion: k8s.nginx.org/v1
        kind: VirtualServer
        metadata: {name: g, namespace: prod}
        spec:
          host: g.example.com
          tls: {secret: tls}
          upstreams:
          - {name: g, service: greeter, port: 50051, type: grpc, tls: {enable: true}}
          - {name: w, service: web, port: 80}
          routes:
          - {path: /, splits: [{weight: 90, action: {pass: w}}, {weight: 10, action: {pass: g}}]}
          - {path: =/shop.Greeter/Hello, action: {pass: g}}
    """))  # fmt: skip
    matches = [(r.matches[0].kind, r.matches[0].value) for r in found]
    assert matches == [("exact", "/shop.Greeter/Hello"), ("prefix", "/")]
    assert [(b.host, b.upstream.spoken, b.upstream.tls) for b in found[1].backends] == [
        ("prod/web", Spoken.HTTP1, Tls.NONE),
        ("prod/greeter", Spoken.H2, Tls.SIMPLE),
    ]
    assert found[0].entrances[0].terminates_tls
