"""Services: ports and where they lead, selected workloads, endpoints shown, not shown, and known to be none."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.services import Service, find_service, services, services_selecting
from grpcdoctor.cluster.workloads import workloads
from tests.cluster.test_workloads import deployment, pod

Raw = dict[str, Any]


def service(*ports: Any, name: str = "greeter", **spec: Any) -> Raw:
    metadata = {"name": name, "namespace": "prod"}
    whole = {"selector": {"app": "greeter"}, "ports": list(ports), **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": whole}


def slice_of(*endpoints: Any, name: str = "greeter-x") -> Raw:
    metadata = {"name": name, "namespace": "prod", "labels": {"kubernetes.io/service-name": "greeter"}}
    kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
    return {**kind, "metadata": metadata, "endpoints": [*endpoints]}


def view(*documents: Raw, complete: bool = False) -> Service:
    found = find_service(cluster_of(documents, complete), "prod", "greeter")
    assert found is not None
    return found


def app(*ports: Any, name: str = "app") -> Raw:
    return {"name": name, "ports": list(ports)}


GRPC = {"name": "grpc", "containerPort": 50051}


@pytest.mark.parametrize(
    ("target", "expected", "numbers"),
    [
        (None, 80, (80,)),
        (8080, 8080, (8080,)),
        ("8080", 8080, (8080,)),
        ("grpc", "grpc", (50051,)),
        ("metrics", "metrics", ()),
        (0, 80, (80,)),
        ("", 80, (80,)),
        ([1], 80, (80,)),
    ],
)
def test_a_target_is_a_number_or_the_name_of_a_containers_port(
    target: Any, expected: int | str, numbers: tuple[int, ...]
) -> None:
    raw = {"port": 80, "targetPort": target}
    [port] = view(service(raw), deployment(containers=[app(GRPC)])).ports
    assert (port.target, port.target_numbers) == (expected, numbers)
    assert port.title == "prod/greeter:80"


def test_one_name_may_be_another_number_in_other_pods() -> None:
    old = pod("old", containers=[app({"name": "grpc", "containerPort": 9000})])
    new = pod("new", containers=[app(GRPC)])
    found = view(service({"port": 80, "targetPort": "grpc"}), old, new)
    [port] = found.ports
    assert sorted(port.target_numbers) == [9000, 50051]
    assert sorted(number for _, _, number in port.containers()) == [9000, 50051]


def test_a_port_is_served_by_one_replica_of_each_owner() -> None:
    owner = ("ReplicaSet", "greeter-6d5f8c7b9")
    replicas = [pod(f"greeter-{i}", owner=owner, containers=[app(GRPC)]) for i in range(5)]
    found = view(service({"port": 80, "targetPort": "grpc"}), *replicas)
    assert (len(found.workloads), len(found.distinct_workloads)) == (5, 1)
    assert [(w.name, c.name, n) for w, c, n in found.ports[0].containers()] == [("greeter-0", "app", 50051)]


def test_ports_with_junk_are_left_out_and_the_rest_keeps_its_index() -> None:
    ports = [None, "junk", {}, {"port": None}, {"port": "http"}, {"port": "81", "protocol": "udp", "appProtocol": ""},
             {"port": 82, "name": 7, "appProtocol": "grpc"}]  # fmt: skip
    found = view(service(*ports)).ports
    assert [(p.index, p.number, p.name, p.app_protocol, p.protocol) for p in found] == [
        (5, 81, "", None, "UDP"), (6, 82, "7", "grpc", "TCP")
    ]  # fmt: skip
    assert found[1].path == ("spec", "ports", 6)


@pytest.mark.parametrize("ports", [None, "junk", {}, 7])
def test_no_list_of_ports_is_no_ports(ports: Any) -> None:
    assert view(service() | {"spec": {"ports": ports}}).ports == ()


def test_a_port_is_found_by_number_and_by_name() -> None:
    found = view(service({"port": 80, "name": "web"}, {"port": 81, "name": "grpc"}))
    assert found.port(81) is found.port("grpc") is found.ports[1]
    assert found.port(82) is None
    assert found.port("81") is None


def test_a_service_without_a_selector_selects_nothing() -> None:
    assert view(service(selector={}), deployment()).workloads == ()
    assert view(service(selector=None), deployment()).workloads == ()
    assert view(service(), deployment()).workloads != ()


def test_headless_and_external_names() -> None:
    plain = view(service())
    assert (plain.type, plain.is_headless, plain.external_name) == ("ClusterIP", False, "")
    assert view(service(clusterIP="None")).is_headless
    assert not view(service(clusterIP=None)).is_headless
    external = view(service(type="ExternalName", externalName="api.example.com"))
    assert external.external_name == "api.example.com"
    assert view(service(externalName="left.over")).external_name == ""


def test_endpoints_not_shown_are_not_known() -> None:
    assert view(service()).endpoints is None
    assert view(service()).has_ready_endpoint is None


def test_no_endpoints_in_a_whole_cluster_is_none() -> None:
    assert view(service(), complete=True).endpoints == ()
    assert view(service(), complete=True).has_ready_endpoint is False


def test_an_empty_slice_is_known_to_be_empty() -> None:
    assert view(service(), slice_of()).endpoints == ()
    assert view(service(), slice_of()).has_ready_endpoint is False


def test_endpoints_of_several_slices_come_together() -> None:
    one = {"addresses": ["10.0.0.1"], "nodeName": "n", "targetRef": {"kind": "Pod", "name": "greeter-1"}}
    two = {"addresses": ["10.0.0.2"], "targetRef": {"kind": "Node", "name": "x"}}
    found = view(service(), slice_of(one, None, "junk"), slice_of(two, name="greeter-y")).endpoints
    assert found is not None
    assert [(e.addresses, e.pod, e.node) for e in found] == [
        (("10.0.0.1",), "greeter-1", "n"), (("10.0.0.2",), "", "")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "ready", "serving"),
    [
        (None, True, True), ({}, True, True), ({"ready": None}, True, True), ({"ready": True}, True, True),
        ({"ready": False}, False, False), ({"ready": False, "serving": True}, False, True),
    ],
)  # fmt: skip
def test_an_endpoint_is_ready_unless_it_says_that_it_is_not(conditions: Any, ready: bool, serving: bool) -> None:
    found = view(service(), slice_of({"addresses": ["10.0.0.1"], "conditions": conditions}))
    assert found.endpoints is not None
    assert [(e.ready, e.serving) for e in found.endpoints] == [(ready, serving)]
    assert found.has_ready_endpoint is ready


def conditions(word: str) -> Raw:
    return {"phase": "Running", "conditions": [{"type": "Ready", "status": word}]}


@pytest.mark.parametrize(
    ("states", "ready"),
    [(["True"], True), (["False"], False), (["False", "True"], True), (["False", None], None), ([None], None)],
)
def test_without_slices_the_pods_tell(states: list[str | None], ready: bool | None) -> None:
    pods = [pod(f"p{i}", status=conditions(s) if s else None) for i, s in enumerate(states)]
    assert view(service(), *pods).has_ready_endpoint is ready


def test_which_services_select_a_workload() -> None:
    documents = [service(), service(name="canary", selector={"app": "greeter", "v": "2"}), service(name="all"),
                 service(name="none", selector={}), deployment()]  # fmt: skip
    cluster = cluster_of(documents)
    [workload] = workloads(cluster).items
    assert [found.name for found in services_selecting(cluster, workload)] == ["greeter", "all"]
    assert len(services(cluster)) == 4
