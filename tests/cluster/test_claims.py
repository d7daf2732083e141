"""Which objects name a host, whether or not its requests get through, and which namespaces stand behind."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.claims import claiming, namespaces_concerned
from tests.cluster.gateway_api.setups import cluster, gateway, route
from tests.table.cluster_behind import HOST, behind

HOSTS = "gateway.spec.servers.0.hosts"


def titles(changes: dict[str, Any], host: str = HOST) -> set[str]:
    return {item.title for item in claiming(cluster_of(behind(changes)), host)}


BOTH = {"Gateway lab/public", "VirtualService lab/greeter"}


@pytest.mark.parametrize(
    ("changes", "host", "claim"),
    [
        ({}, HOST, BOTH),
        ({}, HOST.upper(), BOTH),
        ({}, "other.example.test", set()),
        ({HOSTS: ["*.example.test"]}, HOST, BOTH),
        ({HOSTS: ["*.example.test"]}, "other.example.test", {"Gateway lab/public"}),
        ({HOSTS: ["lab/*.example.test"]}, "other.example.test", {"Gateway lab/public"}),
        ({HOSTS: ["*"]}, "other.example.test", set()),
        ({HOSTS: ["*"]}, HOST, BOTH),
        ({HOSTS: ["other.test"]}, HOST, {"VirtualService lab/greeter"}),
        ({"route.spec.gateways": ["missing"]}, HOST, BOTH),
        ({"route.spec.hosts": ["*"], HOSTS: ["*"]}, HOST, BOTH),
    ],
)
def test_who_names_a_host(changes: dict[str, Any], host: str, claim: set[str]) -> None:
    assert titles(changes, host) == claim


def test_a_route_that_leads_nowhere_claims_its_host_all_the_same() -> None:
    assert titles({"route.spec.http": [], HOSTS: []}) == {"VirtualService lab/greeter"}


def test_gateway_api_routes_claim_their_hosts_with_their_gateways() -> None:
    built = cluster(gateway(), route(hostnames=["*.example.com"]))
    assert {item.title for item in claiming(built, "api.example.com")} == {
        "GRPCRoute prod/greeter", "Gateway infra/public"
    }  # fmt: skip
    assert claiming(built, "example.com") == ()


@pytest.mark.parametrize("host", ["greeter.lab.svc", "greeter.lab.svc.cluster.local", "greeter.lab.svc.cluster.local."])
def test_a_service_claims_its_own_name_and_no_other_does(host: str) -> None:
    assert titles({"route.spec.gateways": ["mesh"]}, host) == {"Service lab/greeter"}
    assert titles({}, host.replace("greeter", "cart")) == set()


def test_a_route_of_an_api_version_that_nobody_serves_claims_its_host() -> None:
    mistyped = {"route.apiVersion": "networking.istio.oi/v1"}
    assert "VirtualService lab/greeter" in titles(mistyped)
    assert titles(mistyped, "other.example.test") == set()


def test_each_object_is_named_once() -> None:
    found = claiming(cluster_of(behind({"route.spec.http": [{}, {}, {}]})), HOST)
    assert len(found) == len({id(item) for item in found}) == 2


def test_the_namespaces_of_the_backends_are_concerned() -> None:
    to = [{"destination": {"host": host}} for host in ("greeter", "a.shop.svc.cluster.local", "api.example.com")]
    changes: dict[str, Any] = {"route.spec.http.0.route": to,
                               "route.spec.http.0.mirror": {"host": "b.mirror.svc.corp.internal"}}  # fmt: skip
    assert set(namespaces_concerned(cluster_of(behind(changes)), HOST)) == {"lab", "shop", "mirror"}
    assert namespaces_concerned(cluster_of(behind(changes)), "other.example.test") == ()


def test_references_to_other_namespaces_are_concerned() -> None:
    rules = [{"backendRefs": [{"name": "a", "namespace": "shop"}, {"name": "b"}]}]
    built = cluster(gateway(), route(rules=rules))
    assert set(namespaces_concerned(built, "api.example.com")) == {"prod", "infra", "shop"}


@pytest.mark.parametrize("junk", [None, 7, "x", [None], [[]], {"a": 1}, [{"port": None}]])
def test_junk_names_no_host(junk: Any) -> None:
    assert titles({"gateway.spec.servers": junk}, "other.example.test") == set()
    assert titles({"route.spec.hosts": junk, "gateway.spec.servers": []}) == set()
