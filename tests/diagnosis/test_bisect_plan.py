"""Which hops a bisection asks, and how: of given addresses, and of the objects of a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.diagnosis.bisect_plan import MOST_PODS, Plan, PlannedHop, cluster_hops, given_hops
from grpcdoctor.model.target import parse_target
from tests.table.bisected_cluster import app_pod, gateway_pod, objects
from tests.table.cluster_behind import HOST, policy

TARGET = parse_target(f"grpc://{HOST}:80")
PODS = (gateway_pod("gw-0"), gateway_pod("gw-1", ready=False), app_pod("greeter-0"), app_pod("greeter-1", ready=False))


def planned(
    *pods: Any,
    changes: dict[str, Any] | None = None,
    call: str | None = None,
    gateway: str | None = None,
    inside: bool = False,
) -> Plan:
    cluster = cluster_of(objects(*(pods or PODS), cluster_ip="10.96.0.7", changes=changes), complete=True)
    return cluster_hops(cluster, HOST, TARGET, call, gateway, inside)


def named(plan: Plan) -> list[str]:
    return [f"{hop.role} {hop.name}" for hop in plan.hops]


def the(plan: Plan, role: str) -> PlannedHop:
    return next(hop for hop in plan.hops if hop.role == role)


def test_the_way_goes_over_services_and_their_ready_pods() -> None:
    plan = planned()
    assert named(plan) == [
        "gateway Service istio-system/istio-ingressgateway:80",
        "gateway pod istio-system/gw-0:8080",
        "backend Service lab/greeter:50051",
        "backend pod lab/greeter-0:50051",
    ]
    assert [hop.target.connect_to for hop in plan.hops if hop.target] == [
        ("10.96.0.7", 80), None, ("10.96.0.7", 50051), None,
    ]  # fmt: skip
    assert [hop.pod for hop in plan.hops][1] == ("istio-system", "gw-0", 8080)
    assert plan.namespaces == ("istio-system", "lab")


def test_every_hop_is_asked_in_the_name_of_the_target() -> None:
    asked = [hop.target for hop in planned().hops]
    assert {(target.authority_header, target.tls) for target in asked if target} == {(f"{HOST}:80", False)}


def test_a_cluster_ip_that_does_not_answer_proves_nothing_outside_of_the_cluster() -> None:
    assert "10.96.0.7 does not answer from here" in the(planned(), "gateway Service").unreachable
    assert "may be another" in the(planned(), "gateway Service").refused
    assert the(planned(inside=True), "gateway Service").unreachable == ""


def test_a_service_whose_pods_take_mtls_is_not_judged_by_a_request_without_it() -> None:
    meshed = app_pod("greeter-0")
    meshed["metadata"]["annotations"] = {}
    meshed["spec"]["containers"].append({"name": "istio-proxy", "args": ["proxy", "sidecar"]})
    assert "mTLS" in the(planned(gateway_pod("gw-0"), meshed), "backend Service").refused
    assert the(planned(inside=True), "backend Service").refused == ""


@pytest.mark.parametrize(
    ("mode", "tls", "known"), [("SIMPLE", True, True), ("DISABLE", False, True), ("ISTIO_MUTUAL", False, True)]
)
def test_what_is_spoken_to_the_pods_is_what_the_objects_say(mode: str, tls: bool, known: bool) -> None:
    hop = the(planned(changes={"rule": policy(tls={"mode": mode})}), "backend pod")
    assert hop.target is not None
    assert (hop.target.tls, hop.tls_known, hop.verify) == (tls, known, False)


def test_without_ready_pods_the_level_is_there_and_unseen() -> None:
    plan = planned(gateway_pod("gw-0"), app_pod("greeter-0", ready=False))
    assert (the(plan, "backend pod").unseen, the(plan, "backend pod").target) == ("none of its pods is ready", None)
    assert the(planned(gateway_pod("gw-0")), "backend pod").unseen == "no pod of it was shown"


def test_a_headless_service_is_no_hop_of_its_own() -> None:
    assert "backend Service" not in [hop.role for hop in planned(changes={"service.spec.clusterIP": "None"}).hops]


def test_a_target_port_with_a_name_is_looked_up_in_each_pod() -> None:
    ports = {"service.spec.ports.0.targetPort": "app"}
    with_name = app_pod("greeter-0")
    with_name["spec"]["containers"][0]["ports"][0]["name"] = "app"
    plan = planned(gateway_pod("gw-0"), with_name, app_pod("greeter-1"), changes=ports)
    first, second = (hop for hop in plan.hops if hop.role == "backend pod")
    assert first.pod == ("lab", "greeter-0", 50051)
    assert "no container port of the name" in second.unseen


def test_more_pods_than_are_asked_are_told() -> None:
    plan = planned(gateway_pod("gw-0"), *(app_pod(f"greeter-{number}") for number in range(MOST_PODS + 5)))
    assert sum(hop.role == "backend pod" for hop in plan.hops) == MOST_PODS
    assert plan.notes == (f"of the backend pods only the first {MOST_PODS} were asked",)


def test_the_call_chooses_the_route_and_the_others_are_told() -> None:
    destination = {"route": [{"destination": {"host": "nobody", "port": {"number": 1}}}]}
    match = {"match": [{"uri": {"prefix": "/other.Service/"}}]}
    good = {"route": [{"destination": {"host": "greeter", "port": {"number": 50051}}}]}
    changes = {"route.spec.http": [{**match, **destination}, good]}
    other = planned(call="other.Service/Get", changes=changes)
    assert the(other, "backend").unseen.startswith("it is no Service with such a port")
    own = planned(call="lab.Greeter/SayHello", changes=changes)
    assert the(own, "backend pod").name == "lab/greeter-0:50051"
    (note,) = own.notes
    assert note.startswith("only the way by VirtualService lab/greeter spec.http[1] was followed, and not by 1 other")


def test_another_gateway_than_the_one_that_was_named_leads_nowhere() -> None:
    assert planned(gateway="istio-system/istio-ingressgateway").hops
    assert planned(gateway="istio-system/another").hops == ()


def test_a_host_that_no_route_has_has_no_hops() -> None:
    cluster = cluster_of(objects(*PODS), complete=True)
    assert cluster_hops(cluster, "other.example.test", TARGET, None, None, False).hops == ()


def test_given_addresses_are_asked_in_the_name_of_the_target() -> None:
    target = parse_target("grpc.example.test")
    words = ["10.0.0.7", "10.0.0.8:8443", "grpc://10.1.2.3:50051", "grpcs://10.1.2.3:50052", "unix:/run/app.sock"]
    plan = given_hops(target, [parse_target(word) for word in words])
    asked = [hop.target for hop in plan.hops if hop.target is not None]
    assert [hop.name for hop in plan.hops] == [
        "10.0.0.7:443", "10.0.0.8:8443", "10.1.2.3:50051", "10.1.2.3:50052", "unix:/run/app.sock",
    ]  # fmt: skip
    assert [one.tls for one in asked][:4] == [True, True, False, True]
    assert {(one.authority_header, one.verify_name) for one in asked} == {("grpc.example.test", "grpc.example.test")}
    assert [hop.tls_known for hop in plan.hops][:4] == [False, False, True, True]
