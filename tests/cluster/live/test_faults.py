"""Faults while reading: retried where that helps, else a blind spot that says what is missing and what to do."""

from __future__ import annotations

import time

import pytest

from grpcdoctor.cluster.kinds import POD, SERVICE
from grpcdoctor.cluster.live.answers import LONGEST_PAUSE
from grpcdoctor.model.finding import BlindSpot
from tests.cluster.live.conftest import Read
from tests.cluster.live.things import istio_gateway, namespace, pod, service
from tests.lab.kube_api import TOKEN, Fault, KubeApi
from tests.patience import AT_ONCE

ME = "system:serviceaccount:lab:reader"
GRANT = (
    "kubectl create clusterrole grpcdoctor-reader --verb=get,list --resource={0} && "
    "kubectl create clusterrolebinding grpcdoctor-reader --clusterrole=grpcdoctor-reader --serviceaccount=lab:reader"
)


def only_spot(spots: tuple[BlindSpot, ...]) -> BlindSpot:
    [spot] = spots
    assert TOKEN not in f"{spot}"
    return spot


def test_a_list_that_is_forbidden_names_the_missing_right_and_how_to_grant_it(api: KubeApi, read: Read) -> None:
    api.add(service())
    api.fail("pods", Fault(403))
    cluster = read(api)
    assert only_spot(cluster.blind_spots) == BlindSpot(
        "pods in all namespaces",
        f"HTTP 403: {ME} may not list pods; grant it: {GRANT.format('pods')}",
        "kubectl auth can-i list pods --all-namespaces",
    )
    assert not cluster.has_all(POD)
    assert cluster.has_all(SERVICE)


def test_several_kinds_that_are_forbidden_are_one_blind_spot_with_one_grant(api: KubeApi, read: Read) -> None:
    api.add(istio_gateway())
    for resource in ("pods", "services", "gateways"):
        api.fail(resource, Fault(403))
    spot = only_spot(read(api).blind_spots)
    assert spot.what == "pods, services and gateways.networking.istio.io in all namespaces"
    assert spot.why == (
        f"HTTP 403: {ME} may not list them; grant it: {GRANT.format('pods,services,gateways.networking.istio.io')}"
    )


def test_what_has_no_namespace_is_granted_apart(api: KubeApi, read: Read) -> None:
    for resource in ("pods", "nodes"):
        api.fail(resource, Fault(403))
    everywhere, nodes = sorted(read(api).blind_spots, key=lambda spot: spot.what, reverse=True)
    assert (everywhere.what, nodes.what) == ("pods in all namespaces", "nodes")
    assert "clusterrole grpcdoctor-reader-cluster --verb=get,list --resource=nodes &&" in nodes.why
    assert nodes.decide == "kubectl auth can-i list nodes"


def test_who_may_read_only_one_namespace_reads_that_one(api: KubeApi, read: Read) -> None:
    api.add(pod("here", "prod"), pod("there", "edge"))
    api.fail("pods", Fault(403, namespace=""))
    cluster = read(api, "prod")
    assert [item.name for item in cluster.all(POD)] == ["here"]
    assert cluster.has_all(POD, "prod")
    assert not cluster.has_all(POD)
    assert only_spot(cluster.blind_spots).what == "pods outside prod"
    assert only_spot(cluster.blind_spots).blocks_verdict


def test_a_snapshot_that_the_server_forgot_is_read_from_its_beginning(api: KubeApi, read: Read) -> None:
    api.add(*(service(f"s{number}") for number in range(1200)))
    api.fail("services", Fault(410, page=3, times=2))
    cluster = read(api)
    assert len(cluster.all(SERVICE)) == 1200
    assert cluster.blind_spots == ()
    assert len(api.asked("/services?limit=500")) == 9


def test_a_snapshot_that_is_forgotten_each_time_is_a_blind_spot(api: KubeApi, read: Read) -> None:
    api.add(*(service(f"s{number}") for number in range(1200)))
    api.fail("services", Fault(410, page=3))
    cluster = read(api)
    assert len(cluster.all(SERVICE)) == 1000  # they are there, if not all
    assert not cluster.has_all(SERVICE)
    assert only_spot(cluster.blind_spots) == BlindSpot(
        "services in all namespaces", "HTTP 410: the lab says 410", "kubectl get services --all-namespaces"
    )


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, times=3),
        Fault(503, times=1),
        Fault(504, times=1),
        Fault(429, times=2),
        Fault(way="truncated", times=2),
        Fault(way="dropped", times=3),
    ],
    ids=lambda fault: f"{fault.status or fault.way} x{fault.times}",
)
def test_what_passes_is_waited_for(api: KubeApi, read: Read, fault: Fault) -> None:
    api.add(*(service(f"s{number}") for number in range(600)))
    api.fail("services", fault)
    cluster = read(api)
    assert len(cluster.all(SERVICE)) == 600
    assert cluster.blind_spots == ()
    assert len(api.asked("/services?")) > 2


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault(500), "HTTP 500: the lab says 500 (4 attempts)"),
        (Fault(429), "HTTP 429: the lab says 429 (4 attempts)"),
        (Fault(405), "HTTP 405: the lab says 405"),
        (Fault(way="truncated"), "the connection to {address} broke off in the middle of an answer (4 attempts)"),
        (Fault(way="dropped"), "the connection to {address} broke off before an answer (4 attempts)"),
        (
            Fault(way="html"),
            "HTTP 200 with text/html instead of JSON: no Kubernetes API server, or a login page or a proxy stands "
            "before it",
        ),
        (
            Fault(way="not-json"),
            "HTTP 200 with text/plain instead of JSON: no Kubernetes API server, or a login page or a proxy stands "
            "before it",
        ),
    ],
    ids=lambda value: f"{value.status or value.way}" if isinstance(value, Fault) else "",
)
def test_what_does_not_pass_is_a_blind_spot(api: KubeApi, read: Read, fault: Fault, why: str) -> None:
    api.add(pod("greeter-0"))
    api.fail("services", fault)
    cluster = read(api)
    spot = only_spot(cluster.blind_spots)
    assert (spot.what, spot.why) == ("services in all namespaces", why.format(address=f"127.0.0.1:{api.port}"))
    assert spot.decide == "kubectl get services --all-namespaces"
    assert spot.blocks_verdict
    assert cluster.counts() == {"pods": 1}


def test_a_server_that_asks_for_patience_is_given_it(api: KubeApi, read: Read) -> None:
    api.fail("services", Fault(429, times=1, headers={"Retry-After": "1"}))
    started = time.monotonic()
    assert read(api).blind_spots == ()
    assert time.monotonic() - started >= 1


def test_a_server_that_asks_for_more_patience_than_there_is_time_is_not_waited_for(api: KubeApi, read: Read) -> None:
    api.fail("services", Fault(503, headers={"Retry-After": "3600"}))
    started = time.monotonic()
    deadline = LONGEST_PAUSE - 0.1
    spot = only_spot(read(api, deadline_seconds=deadline).blind_spots)
    assert time.monotonic() - started < deadline
    assert spot.why == "HTTP 503: the lab says 503"


@pytest.mark.parametrize("way", ["slow", "dripping"])
def test_the_deadline_holds_whatever_the_server_does(api: KubeApi, read: Read, way: str) -> None:
    api.add(*(service(f"s{number}") for number in range(1200)), pod("greeter-0"))
    api.fail("services", Fault(way=way, page=2))
    started = time.monotonic()
    cluster = read(api, deadline_seconds=1.5)
    assert time.monotonic() - started < AT_ONCE
    assert len(cluster.all(SERVICE)) == 500
    assert not cluster.has_all(SERVICE)
    assert cluster.has_all(POD)
    assert only_spot(cluster.blind_spots).why == "the time for reading the cluster (1.5 s) was over"


def test_a_server_that_does_not_answer_at_all_costs_the_deadline_and_one_blind_spot(api: KubeApi, read: Read) -> None:
    api.add(namespace("prod"), service())
    api.fail("discovery", Fault(way="slow"))
    started = time.monotonic()
    spot = only_spot(read(api, deadline_seconds=1).blind_spots)
    assert time.monotonic() - started < AT_ONCE
    assert spot.what.startswith("pods, endpointslices.discovery.k8s.io, ")
    assert spot.what.endswith("more kinds in all namespaces")
    assert spot.decide == "kubectl get pods --all-namespaces"


def test_a_silent_attempt_is_given_up_for_another_one(
    api: KubeApi, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grpcdoctor.cluster.live.connection.READ_SECONDS", 0.3)
    api.add(service())
    api.fail("services", Fault(way="slow", times=1))
    cluster = read(api)
    assert cluster.blind_spots == ()
    assert len(cluster.all(SERVICE)) == 1
