"""Istio's Gateways: what a server reads and terminates, which hosts meet it, and which pods carry it out."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.istio.gateways import Server, namespaces_of, pods_of, selector_of, servers_of, services_of
from grpcdoctor.cluster.kinds import ISTIO_GATEWAY
from grpcdoctor.cluster.objects import Object
from grpcdoctor.cluster.snapshot import Cluster
from tests.cluster.test_services import service
from tests.cluster.test_workloads import pod

Raw = dict[str, Any]
USUAL = {"istio": "ingressgateway"}


def gateway(*servers: Any, selector: Any = None, namespace: str = "infra") -> Raw:
    spec = {"selector": USUAL if selector is None else selector, "servers": [*servers]}
    metadata = {"name": "public", "namespace": namespace}
    return {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata, "spec": spec}


def with_gateway(*documents: Raw) -> tuple[Cluster, Object]:
    cluster = cluster_of(documents)
    [item] = cluster.all(ISTIO_GATEWAY)
    return cluster, item


def server(protocol: str = "HTTPS", tls: Any = None, *hosts: Any) -> Server:
    raw: Raw = {"port": {"number": 443, "name": "x", "protocol": protocol}, "hosts": list(hosts) or ["*"]}
    if tls is not None:
        raw["tls"] = tls
    [found] = servers_of(with_gateway(gateway(raw))[1])
    return found


@pytest.mark.parametrize(
    ("protocol", "tls", "mode", "terminates", "passes", "is_http"),
    [
        ("HTTP", None, "", False, False, True),
        ("HTTP2", None, "", False, False, True),
        ("GRPC", None, "", False, False, True),
        ("grpc-web", None, "", False, False, True),
        ("TCP", None, "", False, False, False),
        ("HTTPS", {"mode": "SIMPLE", "credentialName": "c"}, "SIMPLE", True, False, True),
        ("HTTPS", {"mode": "MUTUAL"}, "MUTUAL", True, False, True),
        ("HTTPS", {"mode": "PASSTHROUGH"}, "PASSTHROUGH", False, True, False),
        ("TLS", {"mode": "PASSTHROUGH"}, "PASSTHROUGH", False, True, False),
        ("TLS", {"mode": "AUTO_PASSTHROUGH"}, "AUTO_PASSTHROUGH", False, True, False),
        ("TLS", {"mode": "SIMPLE"}, "SIMPLE", True, False, False),
        ("HTTPS", {"credentialName": "c"}, "PASSTHROUGH", False, True, False),
        ("HTTP", {"httpsRedirect": True}, "", False, False, True),
        ("HTTPS", {"mode": "SIMPLE", "httpsRedirect": False}, "SIMPLE", True, False, True),
        ("HTTPS", {}, "", False, False, True),
    ],
)
def test_what_a_server_does_with_tls(
    protocol: str, tls: Any, mode: str, terminates: bool, passes: bool, is_http: bool
) -> None:
    found = server(protocol, tls)
    assert (found.tls_mode, found.terminates_tls, found.is_passthrough, found.is_http) == (
        mode, terminates, passes, is_http
    )  # fmt: skip


@pytest.mark.parametrize(("value", "redirects"), [(True, True), ("true", True), (False, False), (None, False)])
def test_a_server_redirects_where_it_says_so(value: Any, redirects: bool) -> None:
    assert server("HTTP", {"httpsRedirect": value}).redirects_to_https is redirects


@pytest.mark.parametrize(
    ("own", "host", "namespace", "met"),
    [
        ("api.example.com", "api.example.com", "prod", "api.example.com"),
        ("*.example.com", "api.example.com", "prod", "api.example.com"),
        ("api.example.com", "*.example.com", "prod", "api.example.com"),
        ("*.example.com", "*.example.com", "prod", "*.example.com"),
        ("*", "api.example.com", "prod", "api.example.com"),
        ("api.example.com", "*", "prod", "api.example.com"),
        ("API.example.com", "api.example.com", "prod", "api.example.com"),
        ("*.example.com", "example.com", "prod", None),
        ("www.example.com", "api.example.com", "prod", None),
        ("prod/*.example.com", "api.example.com", "prod", "api.example.com"),
        ("prod/*.example.com", "api.example.com", "test", None),
        ("*/api.example.com", "api.example.com", "test", "api.example.com"),
        ("./api.example.com", "api.example.com", "infra", "api.example.com"),
        ("./api.example.com", "api.example.com", "prod", None),
    ],
)
def test_the_narrower_host_of_the_two_is_met(own: str, host: str, namespace: str, met: str | None) -> None:
    assert server("HTTPS", None, own).host_for(host, namespace) == met


def test_the_first_host_that_fits_is_met() -> None:
    found = server("HTTPS", None, None, "www.example.com", "*.example.com", "*")
    assert found.host_for("api.example.com", "prod") == "api.example.com"
    assert found.host_for("*", "prod") == "www.example.com"
    assert found.hosts == (("*", "www.example.com"), ("*", "*.example.com"), ("*", "*"))


def test_servers_keep_their_index_beside_junk() -> None:
    found = servers_of(with_gateway(gateway(None, "x", {}, {"port": {"number": "443"}, "bind": "10.0.0.1"}))[1])
    assert [(one.path, one.port, one.bind, one.hosts, one.tls_mode) for one in found] == [
        (("spec", "servers", 2), None, "", (), ""), (("spec", "servers", 3), 443, "10.0.0.1", (), "")
    ]  # fmt: skip


def router(name: str = "router", namespace: str = "istio-system", **labels: str) -> Raw:
    found = pod(name, labels=labels or USUAL, containers=[{"name": "istio-proxy", "args": ["proxy", "router"]}])
    found["metadata"]["namespace"] = namespace
    return found


def test_a_gateway_selects_pods_in_any_namespace() -> None:
    cluster, item = with_gateway(gateway(), router("a", "edge"), router("b", "infra"), router("c", "x", other="1"))
    assert [found.name for found in pods_of(cluster, item)] == ["a", "b"]
    assert namespaces_of(cluster, item) == ("edge", "infra")


@pytest.mark.parametrize("selector", [{}, "junk", {"istio": "none"}])
def test_a_selector_that_fits_nothing_selects_nothing(selector: Any) -> None:
    cluster, item = with_gateway(gateway(selector=selector), router())
    assert pods_of(cluster, item) == ()


@pytest.mark.parametrize(
    ("selector", "namespace"),
    [(USUAL, "istio-system"), ({"istio": "egressgateway"}, "istio-system"), ({"istio": "edge"}, "infra"),
     ({**USUAL, "zone": "a"}, "infra")],
)  # fmt: skip
def test_without_pods_a_gateway_runs_where_istio_would_put_it(selector: Raw, namespace: str) -> None:
    cluster, item = with_gateway(gateway(selector=selector))
    assert namespaces_of(cluster, item) == (namespace,)
    assert selector_of(item) == selector


def test_the_services_in_front_are_those_of_its_pods_each_once() -> None:
    front, other = service({"port": 443}, name="front", selector=USUAL), service({"port": 443}, name="other")
    here = front["metadata"]["namespace"]
    pods = [router(name, here) for name in ("a", "b")]
    for one in pods:
        del one["metadata"]["labels"]["app"]
    cluster, item = with_gateway(gateway(), front, other, *pods)
    assert [found.name for found in services_of(cluster, item)] == ["front"]
