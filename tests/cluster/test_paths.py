"""Paths: from the client to the pods, what is spoken on each leg, and the leg at which gRPC breaks."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.hops import Spoken, Tls
from grpcdoctor.cluster.paths import Path, paths, paths_for
from tests.table.cluster_behind import HOST, behind, policy

H2, HTTP1 = Spoken.H2, Spoken.HTTP1
PORT = "service.spec.ports.0.name"
INTERNAL = "greeter.lab.svc.cluster.local"
PROXY = {"name": "istio-proxy", "args": ["proxy", "sidecar"]}
Changes = dict[str, Any]


def of(changes: Changes, tls: bool = False) -> tuple[Path, ...]:
    return paths(cluster_of(behind(changes, tls), complete=True))


def only(changes: Changes, tls: bool = False) -> Path:
    [path] = of(changes, tls)
    return path


def spoken(path: Path) -> list[Spoken]:
    return [leg.spoken for leg in path.legs]


def uninjected() -> Changes:
    return {"namespace.metadata.labels": {}}


def test_a_healthy_way_carries_http2_all_along() -> None:
    path = only({}, tls=True)
    assert (path.host, path.is_grpc, path.first_http1) == (HOST, True, None)
    assert spoken(path) == [H2, H2, H2]
    assert [leg.tls for leg in path.legs] == [Tls.SIMPLE, Tls.AUTO, Tls.NONE]
    kinds = [path.legs[0].source.kind, *(leg.destination.kind for leg in path.legs)]
    assert kinds == ["client", "gateway", "service", "workload"]
    assert [leg.destination.object for leg in path.legs] == [
        "Gateway lab/public", "Service lab/greeter", "Deployment lab/greeter"
    ]  # fmt: skip


def test_the_leg_that_breaks_is_the_first_with_http1_and_its_decision_names_the_field() -> None:
    path = only({PORT: "http-main"})
    assert (path.first_http1, spoken(path)) == (1, [H2, HTTP1, HTTP1])
    decision = path.legs[1].decision
    assert decision is not None
    assert decision.reason == 'Service lab/greeter ports[0].name = "http-main" selects HTTP/1.1'
    assert decision.decided_by.field == "spec.ports[0].name"


def test_an_undeclared_port_is_http1_from_a_gateway_and_the_sidecar_hands_it_on() -> None:
    path = only({PORT: "api"})
    assert spoken(path) == [H2, HTTP1, HTTP1]


def test_same_as_client_is_what_the_client_speaks() -> None:
    path = only({PORT: "http", "policy": policy(connectionPool={"http": {"useClientProtocol": True}})})
    assert spoken(path) == [H2, H2, H2]
    assert Spoken.SAME not in spoken(path)


def test_an_upgrade_ends_at_the_sidecar_of_the_pods() -> None:
    path = only({PORT: "http", "policy": policy(connectionPool={"http": {"h2UpgradePolicy": "UPGRADE"}})})
    assert (spoken(path), path.first_http1) == ([H2, H2, HTTP1], 2)


def test_without_a_sidecar_the_pods_get_what_the_gateway_sends() -> None:
    upgrade = policy(connectionPool={"http": {"h2UpgradePolicy": "UPGRADE"}})
    path = only({PORT: "http", "policy": upgrade, **uninjected()})
    assert spoken(path) == [H2, H2, H2]
    assert path.legs[2].decision is None
    assert path.legs[1].tls is Tls.NONE


def test_bytes_handed_on_unread_are_what_the_client_sent() -> None:
    changes = {
        "gateway.spec.servers.0.port.protocol": "TCP",
        "route.spec": {"hosts": ["*"], "gateways": ["public"], "tcp": [{"route": [TO]}]},
        "gateway.spec.servers.0.hosts": ["*"],
    }
    path = only(changes)
    assert spoken(path) == [H2, H2, H2]
    assert not path.rule.is_http


TO = {"destination": {"host": "greeter", "port": {"number": 50051}}}


def test_clients_in_the_mesh_have_a_way_of_their_own() -> None:
    inside, outside = sorted(
        of({"route.spec.gateways": ["mesh", "public"]}), key=lambda path: path.entrance is not None
    )
    assert inside.entrance is None
    assert [inside.legs[0].source.kind, *(leg.destination.kind for leg in inside.legs)] == [
        "mesh", "service", "workload"
    ]  # fmt: skip
    assert outside.entrance is not None
    assert [path.entrance for path in of({"route.spec.gateways": ["mesh"]})] == [None]


def test_sidecars_speak_http1_to_a_port_that_says_http() -> None:
    path = only({PORT: "http", "route.spec.gateways": ["mesh"]})
    assert (spoken(path), path.first_http1) == ([HTTP1, HTTP1], 0)
    sniffed = only({PORT: "api", "route.spec.gateways": ["mesh"]})
    assert spoken(sniffed) == [H2, H2]


@pytest.mark.parametrize(
    ("server", "route", "asked", "found"),
    [
        (HOST, HOST, HOST, [HOST]),
        ("*.example.test", HOST, HOST, [HOST]),
        (HOST, "*.example.test", HOST, [HOST]),
        ("*.example.test", "*.example.test", HOST, ["*.example.test"]),
        ("*.example.test", "*.example.test", "example.test", []),
        ("*", "*", HOST, ["*"]),
        (HOST, HOST, HOST.upper() + ".", [HOST]),
        (HOST, HOST, "other.example.test", []),
        ("*.other.test", HOST, HOST, []),
    ],
)
def test_the_ways_of_a_host_are_those_of_its_name_and_its_wildcards(
    server: str, route: str, asked: str, found: list[str]
) -> None:
    built = cluster_of(behind({"gateway.spec.servers.0.hosts": [server], "route.spec.hosts": [route]}), complete=True)
    assert [path.host for path in paths_for(built, asked)] == found


@pytest.mark.parametrize("asked", ["greeter", "greeter.lab", "greeter.lab.svc", INTERNAL, INTERNAL.upper() + "."])
def test_the_name_of_a_service_is_the_way_of_its_callers_inside(asked: str) -> None:
    [path] = paths_for(cluster_of(behind({PORT: "http"}), complete=True), asked)
    assert (path.entrance, path.backend.title, path.is_grpc) == (None, "lab/greeter:50051", True)
    assert (spoken(path), path.first_http1) == ([HTTP1, HTTP1], 0)
    kinds = [path.legs[0].source.kind, *(leg.destination.kind for leg in path.legs)]
    assert kinds == ["mesh", "service", "workload"]


def test_a_route_of_the_mesh_is_the_way_where_there_is_one() -> None:
    built = cluster_of(behind({"route.spec.gateways": ["mesh"], "route.spec.hosts": [INTERNAL]}), complete=True)
    [path] = paths_for(built, "greeter.lab")
    assert path.rule.object.title == "VirtualService lab/greeter"


def test_without_a_mesh_kube_proxy_hands_the_callers_connection_on() -> None:
    service = next(raw for raw in behind({}) if (raw["kind"], raw["metadata"]["name"]) == ("Service", "greeter"))
    [path] = paths_for(cluster_of([service], complete=True), INTERNAL)
    assert (path.rule.platform, path.legs[0].source.title) == ("kubernetes", "clients in the cluster")
    assert spoken(path) == [H2]


@pytest.mark.parametrize("asked", ["other", "greeter.shop", "other.lab.svc.cluster.local", "greeter.lab.pod"])
def test_a_name_that_no_service_has_leads_nowhere(asked: str) -> None:
    assert paths_for(cluster_of(behind({}), complete=True), asked) == ()


def test_a_name_that_services_share_is_nobodys() -> None:
    twin = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "greeter", "namespace": "shop"},
            "spec": {"ports": [{"name": "grpc", "port": 50051}]}}  # fmt: skip
    built = cluster_of([*behind({}), twin], complete=True)
    assert paths_for(built, "greeter") == ()
    assert len(paths_for(built, "greeter.shop")) == 1


def test_a_server_that_redirects_to_https_leads_nowhere() -> None:
    assert of({"gateway.spec.servers.0.tls": {"httpsRedirect": True}}) == ()
    assert len(of({"gateway.spec.servers.0.tls": {"httpsRedirect": False}})) == 1


def test_every_destination_is_a_way() -> None:
    canary = {"destination": {"host": "canary.example.com", "port": {"number": 443}}, "weight": 10}
    found = of({"route.spec.http.0.route": [TO, canary]})
    assert [path.backend.title for path in found] == ["lab/greeter:50051", "canary.example.com:443"]
    beyond = found[1].legs[-1]
    assert (beyond.destination.kind, beyond.spoken, beyond.destination.object) == ("external", Spoken.UNKNOWN, "")


def test_a_way_is_for_grpc_by_its_route_or_by_the_application() -> None:
    plain = {
        PORT: "api",
        "route.spec.hosts": ["api.example.test"],
        "gateway.spec.servers.0.hosts": ["api.example.test"],
        "service.spec.ports.0.port": 80,
        "route.spec.http.0.route.0.destination.port.number": 80,
        "deployment.spec.template.spec.containers": [{"name": "app", "image": "web"}],
    }
    assert not only(plain).is_grpc
    assert only({**plain, "route.spec.http.0.match": [{"uri": {"prefix": "/shop.Greeter/"}}]}).is_grpc
    assert only({**plain, PORT: "grpc"}).is_grpc


def test_pods_are_counted_and_the_gateways_address_is_named() -> None:
    pods = {
        name: {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "lab", "labels": {"app": "greeter"}},
            "spec": {"containers": [{"name": "app"}, PROXY]},
        }
        for name in ("greeter-1", "greeter-2")
    }
    front = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "ingress", "namespace": "lab"},
        "spec": {"selector": {"istio": "ingressgateway"}, "ports": [{"port": 80}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}},
    }
    router = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "router", "namespace": "lab", "labels": {"istio": "ingressgateway"}},
        "spec": {"containers": [{"name": "istio-proxy", "args": ["proxy", "router"]}]},
    }
    path = only({**pods, "front": front, "router": router})
    assert path.legs[-1].destination.title == "2 pods"
    assert path.legs[0].destination.title == "ingress 203.0.113.7:80"
    assert only({**pods, "greeter-2": front}).legs[-1].destination.title == "1 pod"


@pytest.mark.parametrize("junk", [None, "x", 7, [], {}, [None], [{"route": None}], [{"route": [{"destination": 1}]}]])
def test_junk_in_a_route_is_no_way_or_one_to_the_unknown(junk: Any) -> None:
    found = of({"route.spec.http": junk})
    assert all(path.backend.service is None and path.legs[-1].spoken is Spoken.UNKNOWN for path in found)
