"""What an application speaks, by hints: each kind of hint fires, and its near miss does not."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.fields import at
from grpcdoctor.cluster.intent import LIKELY, MEDIUM, STRONG, WEAK, Intent, intent_of, says_grpc
from grpcdoctor.cluster.services import find_service
from tests.cluster.test_services import service
from tests.cluster.test_workloads import deployment

Raw = dict[str, Any]
NUMBER = 7000


def intent(*documents: Raw) -> Intent:
    """Of the first port of prod/greeter."""
    cluster = cluster_of(documents)
    found = find_service(cluster, "prod", "greeter")
    assert found is not None
    return intent_of(cluster, found.ports[0])


def of_port(**port: Any) -> Intent:
    return intent(service({"port": NUMBER, **port}))


def of_app(**container: Any) -> Intent:
    """Of a port that says nothing, with this container behind it."""
    whole = {"name": "app", "image": "registry.example.com/app:1", **container}
    return intent(service({"port": NUMBER}), deployment(containers=[whole]))


def of_route(*routes: Raw, host: str = "api.example.com") -> Intent:
    route = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
             "metadata": {"name": "greeter", "namespace": "prod"},
             "spec": {"hosts": [host], "http": [{**one, "route": [TO]} for one in routes]}}  # fmt: skip
    return intent(service({"port": NUMBER}), route)


TO = {"destination": {"host": "greeter", "port": {"number": NUMBER}}}


def weights(found: Intent) -> list[int]:
    return [hint.weight for hint in found.grpc]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("grpc", True), ("my-grpc", True), ("grpcs", True), ("GRPC_PORT", True), ("grpc1", True), ("x.grpc.y", True),
        ("mygrpcish", False), ("grpcui", False), ("grpc-gateway", False), ("grpc_web", False), ("grpc-webapp", True),
        ("grpc-gw", False), ("grpc-json", False), ("", False), ("grcp", False),
    ],
)  # fmt: skip
def test_grpc_is_heard_as_a_word_of_its_own(text: str, says: bool) -> None:
    assert says_grpc(text) is says


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"appProtocol": "grpc"}, [STRONG]),
        ({"appProtocol": "kubernetes.io/h2c"}, [MEDIUM]),
        ({"appProtocol": "http"}, []),
        ({"name": "grpc"}, [STRONG]),
        ({"name": "http-grpc"}, [STRONG]),
        ({"name": "grpc-web"}, []),
        ({"name": "http2"}, [WEAK]),
        ({"name": "http"}, []),
        ({"targetPort": "grpc"}, [STRONG]),
        ({"targetPort": "web"}, []),
        ({"port": 50051}, [WEAK]),
        ({"targetPort": 50060}, [WEAK]),
        ({"port": 50050}, []),
        ({"port": 50061}, []),
        ({"name": "grpc", "protocol": "UDP"}, []),
    ],
)
def test_hints_of_the_port_itself(port: Raw, expected: list[int]) -> None:
    assert weights(of_port(**port)) == expected


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"traefik.ingress.kubernetes.io/service.serversscheme": "h2c"}, [MEDIUM]),
        ({"traefik.ingress.kubernetes.io/service.serversscheme": "http"}, []),
        ({"konghq.com/protocol": "grpcs"}, [STRONG]),
        ({"konghq.com/protocol": "https"}, []),
        ({"projectcontour.io/upstream-protocol.h2c": f"80, {NUMBER}"}, [MEDIUM]),
        ({"projectcontour.io/upstream-protocol.h2c": "80"}, []),
    ],
)
def test_hints_of_the_services_annotations(annotations: Raw, expected: list[int]) -> None:
    raw = service({"port": NUMBER})
    raw["metadata"]["annotations"] = annotations
    assert weights(intent(raw)) == expected


def test_an_annotation_for_all_ports_is_none_for_one_of_two() -> None:
    raw = service({"port": NUMBER}, {"port": 1})
    raw["metadata"]["annotations"] = {"konghq.com/protocol": "grpc"}
    assert weights(intent(raw)) == []


def test_a_services_name_speaks_for_its_only_port() -> None:
    def named(*ports: Raw) -> list[int]:
        cluster = cluster_of([service(*ports, name="greeter-grpc")])
        found = find_service(cluster, "prod", "greeter-grpc")
        assert found is not None
        return weights(intent_of(cluster, found.ports[0]))

    assert named({"port": NUMBER}) == [MEDIUM]
    assert named({"port": NUMBER}, {"port": 1}) == []


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({"ports": [{"name": "grpc", "containerPort": NUMBER}]}, [STRONG]),
        ({"ports": [{"name": "grpc", "containerPort": 7001}, {"containerPort": NUMBER}]}, []),
        ({"readinessProbe": {"grpc": {"port": NUMBER}}}, [STRONG]),
        ({"readinessProbe": {"grpc": {"port": 7001}}}, []),
        ({"livenessProbe": {"exec": {"command": ["grpc_health_probe", f"-addr=:{NUMBER}"]}}}, [STRONG]),
        ({"livenessProbe": {"exec": {"command": ["grpc-health-probe", "-addr=:17000"]}}}, [MEDIUM]),
        ({"livenessProbe": {"exec": {"command": ["curl", f":{NUMBER}"]}}}, []),
        ({"env": [{"name": "GRPC_PORT", "value": "7000"}]}, [STRONG]),
        ({"env": [{"name": "GRPC_PORT", "value": "17000"}]}, []),
        ({"env": [{"name": "HTTP_PORT", "value": "7000"}]}, []),
        ({"args": ["--grpc-port=7000"]}, [STRONG]),
        ({"args": ["--grpc-port", "7000"]}, [STRONG]),
        ({"args": ["--grpc-port=70001"]}, []),
        ({"args": ["--grpc-port=7001", "--http-port=7000"]}, []),
        ({"image": "registry.example.com/grpc-greeter:1"}, [WEAK]),
        ({"image": "grpc.example.com/greeter:1"}, []),
        ({"image": "grpc-gateway:1"}, []),
    ],
)
def test_hints_of_the_container(container: Raw, expected: list[int]) -> None:
    assert weights(of_app(**container)) == expected


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"match": [{"uri": {"prefix": "/shop.Greeter/"}}]}, [STRONG]),
        ({"match": [{"uri": {"exact": "/Greeter/SayHello"}}]}, [MEDIUM]),
        ({"match": [{"uri": {"prefix": "/api.v1/"}}]}, []),
        ({"match": [{"headers": {"content-type": {"prefix": "application/grpc"}}}]}, [STRONG]),
        ({"match": [{"headers": {"content-type": {"prefix": "application/json"}}}]}, []),
        ({"retries": {"attempts": 2, "retryOn": "5xx, unavailable"}}, [MEDIUM]),
        ({"retries": {"attempts": 2, "retryOn": "5xx,reset"}}, []),
        ({}, []),
    ],
)
def test_hints_of_the_routes_to_it(route: Raw, expected: list[int]) -> None:
    assert weights(of_route(route)) == expected


def test_the_host_of_a_route_is_a_hint_and_a_services_own_name_is_not() -> None:
    assert weights(of_route({}, host="grpc.example.com")) == [MEDIUM]
    assert weights(of_route({}, host="api.grpc.example.com")) == []
    assert weights(of_route({}, host="grpc.prod.svc.cluster.local")) == []


def test_a_grpc_route_declares_it() -> None:
    raw = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GRPCRoute",
           "metadata": {"name": "greeter", "namespace": "prod"},
           "spec": {"parentRefs": [{"name": "public"}],
                    "rules": [{"backendRefs": [{"name": "greeter", "port": NUMBER}]}]}}  # fmt: skip
    assert STRONG in weights(intent(service({"port": NUMBER}), raw))
    http = {**raw, "kind": "HTTPRoute"}
    assert weights(intent(service({"port": NUMBER}), http)) == []


def test_another_service_of_the_same_pods_tells() -> None:
    app = deployment(containers=[{"name": "app"}])
    plain = service({"port": 80, "targetPort": NUMBER})
    assert weights(intent(plain, service({"port": NUMBER, "name": "grpc"}, name="other"), app)) == [STRONG]
    assert weights(intent(plain, service({"port": 1, "name": "grpc"}, name="other"), app)) == []


@pytest.mark.parametrize(
    ("port", "is_http1"), [(NUMBER, True), (str(NUMBER), True), ("web", True), ("admin", False), (7001, False)]
)
def test_a_kubelets_get_on_the_port_is_http1(port: Any, is_http1: bool) -> None:
    ports = [{"name": "web", "containerPort": NUMBER}, {"name": "admin", "containerPort": 7001}]
    found = of_app(ports=ports, readinessProbe={"httpGet": {"path": "/", "port": port}})
    assert found.is_http1 is is_http1


def test_what_says_http1_as_strongly_leaves_grpc_open() -> None:
    ports = [{"name": "grpc", "containerPort": NUMBER}]
    both = of_app(ports=ports, readinessProbe={"httpGet": {"port": NUMBER}})
    assert (both.is_grpc, both.may_be_grpc, both.is_http1) == (False, False, True)
    assert of_app(ports=ports).is_grpc


@pytest.mark.parametrize(
    ("container", "serves"),
    [
        ({"ports": [{"name": "grpcs", "containerPort": NUMBER}]}, True),
        ({"ports": [{"name": "tls-grpc", "containerPort": NUMBER}]}, True),
        ({"ports": [{"name": "grpc", "containerPort": NUMBER}]}, False),
        ({"readinessProbe": {"httpGet": {"port": NUMBER, "scheme": "HTTPS"}}}, True),
        ({"readinessProbe": {"httpGet": {"port": 7001, "scheme": "HTTPS"}}}, False),
        ({"readinessProbe": {"exec": {"command": ["grpc_health_probe", "-tls"]}}}, True),
        ({"readinessProbe": {"exec": {"command": ["grpc_health_probe", "-addr=:7000"]}}}, False),
        ({"args": ["--tls-cert-file=/certs/tls.crt"], "env": [{"name": "TLS_KEY_FILE", "value": "/x"}]}, True),
        ({"args": ["--tls"], "env": [{"name": "TLS", "value": "true"}]}, True),
        ({"args": ["--tls-cert-file=/certs/tls.crt"]}, False),
        ({"args": ["--tls=false"], "env": [{"name": "TLS", "value": "off"}]}, False),
        ({"env": [{"name": "DB_SSL_CERT", "value": "/x"}, {"name": "DB_SSL_KEY", "value": "/y"}]}, False),
        ({"env": [{"name": "GRPC_TLS_CERT", "value": "/x"}, {"name": "GRPC_TLS_KEY", "value": "/y"}]}, True),
        ({"args": ["--tls-min-version=1.2"], "env": [{"name": "TLS_MIN_VERSION", "value": "1.2"}]}, False),
    ],
)
def test_an_application_that_terminates_tls(container: Raw, serves: bool) -> None:
    assert of_app(**container).serves_tls is serves


def test_one_medium_hint_is_a_guess_and_two_are_an_answer() -> None:
    one = of_route({"retries": {"retryOn": "unavailable"}})
    assert (one.is_grpc, one.may_be_grpc) == (False, True)
    two = of_route({"retries": {"retryOn": "unavailable"}}, host="grpc.example.com")
    assert (sum(weights(two)), two.is_grpc) == (2 * MEDIUM, True)
    assert not of_port(port=50051).may_be_grpc


def test_hints_of_one_weight_count_twice_at_most() -> None:
    weak = of_app(image="grpc-app", ports=[{"containerPort": NUMBER}])
    assert not weak.may_be_grpc
    assert LIKELY > 2 * WEAK
    env = [{"name": "GRPC_PORT", "value": "17000"}]
    assert not of_app(image="grpc-app", env=env).may_be_grpc


def test_the_best_two_hints_are_the_reason_and_each_names_its_field() -> None:
    raw = service({"port": NUMBER, "name": "http2", "appProtocol": "grpc", "targetPort": "grpc"})
    found = intent(raw)
    assert found.because == 'appProtocol of prod/greeter:7000 is "grpc"; targetPort of prod/greeter:7000 is "grpc"'
    assert [at(raw, *hint.path) for hint in found.grpc] == ["grpc", "grpc", "http2"]


def test_a_port_without_hints_is_nothing() -> None:
    found = of_port()
    assert (found.is_grpc, found.may_be_grpc, found.is_http1, found.serves_tls, found.because) == (
        False, False, False, False, ""
    )  # fmt: skip
