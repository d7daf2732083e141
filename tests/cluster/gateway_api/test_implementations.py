"""What each implementation speaks to a Service port: the table of ports and routes."""

from __future__ import annotations

import pytest

from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.routes import routes
from tests.cluster.gateway_api.setups import cluster, gateway, route, service

HTTP = "[{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]"
PLAIN = "{name: api, port: 50051}"
H2C = "{name: api, port: 50051, appProtocol: kubernetes.io/h2c}"
GRPC = "{name: api, port: 50051, appProtocol: grpc}"
POLICY = """
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: greeter, namespace: prod}
spec: {targetRefs: [{group: "", kind: Service, name: greeter}], validation: {hostname: greeter}}
"""


def spoken(class_name: str, kind: str, port: str, *more: str, listeners: str = "", annotations: str = "{}") -> str:
    """`h2 plaintext`."""
    built = cluster(gateway(class_name, listeners), route(kind), service(port, annotations), *more)
    upstreams = {backend.upstream for rule in routes(built) for backend in rule.backends}
    assert len(upstreams) == 1
    found = upstreams.pop()
    assert found.decision.reason
    return f"{found.spoken.value} {found.tls.value}"


@pytest.mark.parametrize(
    ("class_name", "kind", "port", "expected"),
    [
        ("istio", "GRPCRoute", PLAIN, "http/1.1"),
        ("istio", "HTTPRoute", GRPC, "h2"),
        ("contour", "GRPCRoute", PLAIN, "h2 TLS"),
        ("contour", "GRPCRoute", H2C, "h2 plaintext"),
        ("contour", "GRPCRoute", GRPC, "unknown"),
        ("contour", "HTTPRoute", PLAIN, "http/1.1 plaintext"),
        ("traefik", "GRPCRoute", PLAIN, "h2 plaintext"),
        ("traefik", "GRPCRoute", GRPC, "unknown"),
        ("traefik", "HTTPRoute", PLAIN, "http/1.1 plaintext"),
        ("traefik", "HTTPRoute", H2C, "h2 plaintext"),
        ("eg", "GRPCRoute", PLAIN, "h2 plaintext"),
        ("eg", "HTTPRoute", PLAIN, "http/1.1 plaintext"),
        ("eg", "HTTPRoute", H2C, "h2 plaintext"),
        ("cilium", "HTTPRoute", PLAIN, "same-as-client plaintext"),
        ("cilium", "GRPCRoute", PLAIN, "h2 plaintext"),
        ("nginx", "HTTPRoute", PLAIN, "http/1.1 plaintext"),
        ("nginx", "GRPCRoute", PLAIN, "h2 plaintext"),
        ("kong", "GRPCRoute", PLAIN, "h2 TLS"),
        ("gke-l7-global-external-managed", "HTTPRoute", H2C, "h2 plaintext"),
        ("aws-alb-gateway-class", "GRPCRoute", PLAIN, "h2 plaintext"),
        ("unheard-of", "GRPCRoute", PLAIN, "h2 unknown"),
        ("unheard-of", "HTTPRoute", PLAIN, "unknown"),
    ],
)
def test_the_implementation_kind_and_port_decide(class_name: str, kind: str, port: str, expected: str) -> None:
    assert spoken(class_name, kind, port).startswith(expected)


def test_on_an_http_listener_contour_and_kong_speak_plaintext_and_an_alb_http1() -> None:
    assert spoken("contour", "GRPCRoute", PLAIN, listeners=HTTP) == "h2 plaintext"
    assert spoken("kong", "GRPCRoute", PLAIN, listeners=HTTP) == "h2 plaintext"
    assert spoken("aws-alb-gateway-class", "GRPCRoute", PLAIN, listeners=HTTP).startswith("http/1.1")


def test_annotations_of_the_service_count_for_contour_and_kong() -> None:
    h2c = '{projectcontour.io/upstream-protocol.h2c: "50051"}'
    assert spoken("contour", "HTTPRoute", PLAIN, annotations=h2c) == "h2 plaintext"
    assert spoken("kong", "GRPCRoute", PLAIN, annotations="{konghq.com/protocol: grpc}") == "h2 plaintext"


def test_a_backend_tls_policy_turns_tls_on() -> None:
    assert spoken("eg", "HTTPRoute", PLAIN, POLICY) == "h2 TLS"
    assert spoken("traefik", "GRPCRoute", GRPC, POLICY) == "h2 TLS"
    assert spoken("istio", "GRPCRoute", GRPC, POLICY) == "h2 TLS"


def test_a_traffic_policy_may_have_envoy_gateway_use_the_clients_protocol() -> None:
    policy = """
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: p, namespace: prod}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: greeter}]
  useClientProtocol: true
"""
    assert spoken("eg", "HTTPRoute", PLAIN, policy) == "same-as-client plaintext"


def test_cilium_goes_by_app_protocol_where_it_is_told_to() -> None:
    config = """
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {enable-gateway-api-app-protocol: "true"}
"""
    assert spoken("cilium", "HTTPRoute", PLAIN, config) == "http/1.1 plaintext"
    assert spoken("cilium", "HTTPRoute", H2C, config) == "h2 plaintext"


def test_the_controllers_name_counts_before_the_classs() -> None:
    built = cluster(gateway("fancy", controller="projectcontour.io/gateway-controller"), route(), service(PLAIN))
    assert [(rule.platform, rule.implementation) for rule in routes(built)] == [("gateway-api", "contour")]


def test_a_route_for_the_mesh_is_no_entrance() -> None:
    meshed = route(parentRefs=[{"group": "", "kind": "Service", "name": "greeter"}])
    pod = """
apiVersion: v1
kind: Pod
metadata: {name: greeter-1, namespace: prod, labels: {app: greeter}}
spec: {containers: [{name: app}, {name: istio-proxy}]}
"""
    (rule,) = routes(cluster(meshed, service(), pod))
    assert rule.in_mesh
    assert not rule.entrances
    assert rule.hosts == ("greeter.prod.svc.cluster.local",)
    assert rule.backends[0].upstream.spoken is Spoken.H2
    assert rule.backends[0].upstream.tls is Tls.AUTO
