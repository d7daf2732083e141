"""VirtualServices: their hosts, Gateways, routes and destinations, and what catches all."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.fields import at
from grpcdoctor.cluster.istio.routes import entrances_of, match_of, routes_of
from grpcdoctor.cluster.istio.virtual_services import VirtualService, delegates_of, virtual_services
from grpcdoctor.cluster.routes import PathKind, RouteRule
from grpcdoctor.cluster.snapshot import Cluster
from tests.cluster.istio.test_gateways import gateway

Raw = dict[str, Any]
HOST = "api.example.com"
TLS = {"port": {"number": 443, "protocol": "HTTPS"}, "hosts": ["infra/" + HOST], "tls": {"mode": "SIMPLE"}}


def virtual(name: str = "greeter", namespace: str = "infra", **spec: Any) -> Raw:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata, "spec": spec}


def view(**spec: Any) -> VirtualService:
    [found] = virtual_services(cluster_of([virtual(**spec)]))
    return found


def to(host: str = "greeter", **more: Any) -> Raw:
    return {"destination": {"host": host, "port": {"number": 1}}, **more}


@pytest.mark.parametrize(
    ("spec", "names", "in_mesh", "keys"),
    [
        ({"hosts": [HOST]}, ("mesh",), True, ()),
        ({"hosts": [HOST], "gateways": []}, ("mesh",), True, ()),
        ({"hosts": [HOST], "gateways": ["public"]}, ("infra/public",), False, (("infra", "public"),)),
        ({"hosts": [HOST], "gateways": ["edge/public", "mesh"]}, ("edge/public", "mesh"), True, (("edge", "public"),)),
        ({"hosts": [HOST], "gateways": [None, 7, "a"]}, ("infra/a",), False, (("infra", "a"),)),
        ({}, (), False, ()),
    ],
)
def test_who_uses_it(spec: Raw, names: tuple[str, ...], in_mesh: bool, keys: tuple[tuple[str, str], ...]) -> None:
    found = view(**spec)
    assert (found.gateway_names, found.in_mesh, found.gateway_keys) == (names, in_mesh, keys)


def test_short_hosts_are_those_of_its_own_namespace() -> None:
    assert view(hosts=["greeter", "a.b", HOST, "*"]).hosts == ("greeter.infra.svc.cluster.local", "a.b", HOST, "*")
    assert view(hosts=[]).is_delegate


def test_routes_of_all_sections_know_their_place() -> None:
    found = view(hosts=[HOST], tcp=[{}], tls=[{}], http=[None, {"name": "a"}, {}])
    assert [route.path[1:] for route in found.routes] == [("http", 1), ("http", 2), ("tls", 0), ("tcp", 0)]
    assert [route.name for route in found.http] == ["a", ""]


def test_destinations_are_completed_and_lead_back_to_their_field() -> None:
    subset = {"destination": {"host": "x", "subset": "v1"}}
    route = [to(weight=90), to("other.prod.svc.cluster.local", weight="10"), None, subset]
    found = view(hosts=[HOST], http=[{"route": route}])
    [one] = found.routes
    assert [(d.full, d.port, d.subset, d.weight) for d in one.destinations] == [
        ("greeter.infra.svc.cluster.local", 1, "", 90),
        ("other.prod.svc.cluster.local", 1, "", 10),
        ("x.infra.svc.cluster.local", None, "v1", None),
    ]
    assert [at(found.object.raw, *d.path, "host") for d in one.destinations] == [d.host for d in one.destinations]


def test_mirrors_old_and_new_are_destinations_too() -> None:
    route = {"mirror": {"host": "a"}, "mirrors": [{"destination": {"host": "b"}, "percentage": {"value": 1}}, None]}
    found = view(hosts=[HOST], http=[route])
    assert [(m.full.partition(".")[0], at(found.object.raw, *m.path, "host")) for m in found.routes[0].mirrors] == [
        ("a", "a"), ("b", "b")
    ]  # fmt: skip
    assert found.routes[0].destinations == ()


@pytest.mark.parametrize(
    ("match", "catches"),
    [
        (None, True),
        ([], True),
        ([{}], True),
        ([{"name": "all"}], True),
        ([{"gateways": ["mesh"]}], True),
        ([{"uri": {"prefix": "/"}}], True),
        ([{"uri": {"prefix": "/a"}}], False),
        ([{"uri": {"exact": "/"}}], False),
        ([{"uri": {"prefix": "/"}, "headers": {"a": {"exact": "b"}}}], False),
        ([{"uri": {"prefix": "/a"}}, {}], True),
        ([{"port": 443}], False),
    ],
)
def test_what_catches_all(match: Any, catches: bool) -> None:
    [route] = view(hosts=[HOST], http=[{"match": match}]).routes
    assert route.is_catch_all is catches


@pytest.mark.parametrize(
    ("raw", "kind", "value", "others"),
    [
        ({}, PathKind.ANY, "", False),
        ({"uri": {"exact": "/a"}}, PathKind.EXACT, "/a", False),
        ({"uri": {"prefix": "/a"}, "name": "n"}, PathKind.PREFIX, "/a", False),
        ({"uri": {"regex": "/a.*"}, "method": {"exact": "POST"}}, PathKind.REGEX, "/a.*", True),
        ({"headers": {}}, PathKind.ANY, "", True),
        ({"uri": None}, PathKind.ANY, "", False),
    ],
)
def test_a_match_in_the_common_form(raw: Raw, kind: str, value: str, others: bool) -> None:
    found = match_of(raw, ("m",))
    assert (found.kind, found.value, found.others) == (kind, value, others)
    assert at({"m": raw}, *found.path) == (value or raw)


def rules(*documents: Raw) -> list[RouteRule]:
    return list(routes_of(cluster_of(documents)))


def test_a_delegates_routes_take_the_place_of_the_route_that_names_it() -> None:
    root = virtual(hosts=[HOST], gateways=["public"],
                   http=[{"match": [{"uri": {"prefix": "/a/"}}], "delegate": {"name": "child", "namespace": "shop"}},
                         {"route": [to("last")]}])  # fmt: skip
    first = {"match": [{"uri": {"prefix": "/a/b"}}], "route": [to()]}
    child = virtual("child", "shop", http=[first, {"route": [to()]}])
    found = rules(root, child, gateway(TLS))
    assert [(rule.object.name, rule.path[-1], [m.value for m in rule.matches]) for rule in found] == [
        ("child", 0, ["/a/b"]), ("child", 1, ["/a/"]), ("greeter", 1, [])
    ]  # fmt: skip
    assert {rule.hosts for rule in found} == {(HOST,)}
    assert found[0].backends[0].host == "greeter"
    assert all(len(rule.entrances) == 1 for rule in found)


def test_a_delegate_that_is_missing_is_told() -> None:
    cluster = cluster_of([virtual(hosts=[HOST], http=[{"delegate": {"name": "gone"}}, {}])])
    [(route, delegate)] = delegates_of(cluster, virtual_services(cluster)[0])
    assert (route.index, delegate) == (0, None)
    assert rules(virtual("child", "shop", http=[{"route": [to()]}])) == []


def entrances(cluster: Cluster) -> list[tuple[int | None, tuple[str, ...]]]:
    return [(found.port, found.hosts) for found in entrances_of(cluster, virtual_services(cluster)[0])]


PLAIN = {"port": {"number": 80, "protocol": "HTTP"}, "hosts": ["*"]}


def test_the_entrances_are_the_servers_that_its_hosts_meet() -> None:
    spec: Raw = {"hosts": [HOST], "gateways": ["public"]}
    assert entrances(cluster_of([virtual(**spec), gateway(TLS, PLAIN)])) == [(443, (HOST,)), (80, (HOST,))]
    elsewhere = virtual(namespace="shop", hosts=[HOST], gateways=["infra/public"])
    assert entrances(cluster_of([elsewhere, gateway(TLS, PLAIN)])) == [(80, (HOST,))]
    assert entrances(cluster_of([virtual(**{**spec, "hosts": ["www.example.com"]}), gateway(TLS)])) == []
    assert entrances(cluster_of([virtual(**spec)])) == []


@pytest.mark.parametrize(("export", "seen"), [(["."], False), (["istio-system"], True), (["*"], True)])
def test_a_route_that_its_gateways_pods_do_not_see_has_no_entrance(export: list[str], seen: bool) -> None:
    spec = virtual(hosts=[HOST], gateways=["public"], exportTo=export)
    assert bool(entrances(cluster_of([spec, gateway(TLS)]))) is seen


@pytest.mark.parametrize(
    ("section", "server", "works"),
    [
        ("http", PLAIN, True),
        ("http", {**PLAIN, "tls": {"httpsRedirect": True}}, False),
        ("http", {**PLAIN, "port": {"number": 1, "protocol": "TLS"}, "tls": {"mode": "PASSTHROUGH"}}, False),
        ("tls", {**PLAIN, "port": {"number": 1, "protocol": "TLS"}, "tls": {"mode": "PASSTHROUGH"}}, True),
        ("tls", PLAIN, False),
        ("tcp", {**PLAIN, "port": {"number": 1, "protocol": "TCP"}}, True),
        ("tcp", {**PLAIN, "port": {"number": 1, "protocol": "TLS"}, "tls": {"mode": "SIMPLE"}}, True),
        ("tcp", PLAIN, False),
    ],
)
def test_a_section_works_at_a_server_of_its_kind(section: str, server: Raw, works: bool) -> None:
    spec: Raw = {"hosts": ["*"], "gateways": ["public"], section: [{"route": [to()]}]}
    [rule] = rules(virtual(**spec), gateway(server))
    assert bool(rule.entrances) is works
    assert rule.is_http is (section == "http")
