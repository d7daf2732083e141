"""Sidecar resources: which one a workload has, and what its listeners say about a port."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.fields import at
from grpcdoctor.cluster.hops import Spoken
from grpcdoctor.cluster.istio.protocol import Protocol
from grpcdoctor.cluster.istio.sidecars import ingress_listener_for, ingress_listeners, sidecar_for
from grpcdoctor.cluster.istio.upstream import inbound_of
from grpcdoctor.cluster.kinds import SIDECAR
from grpcdoctor.cluster.services import find_service
from grpcdoctor.cluster.workloads import workloads
from tests.cluster.test_services import service
from tests.cluster.test_workloads import pod

Raw = dict[str, Any]
OURS = {"labels": {"app": "greeter"}}


def sidecar(name: str = "s", namespace: str = "prod", created: str = "", **spec: Any) -> Raw:
    metadata = {"name": name, "namespace": namespace, **({"creationTimestamp": created} if created else {})}
    return {"apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": metadata, "spec": spec}


def chosen(*documents: Raw) -> str | None:
    """The name of the Sidecar of the pod prod/greeter-1."""
    cluster = cluster_of([*documents, pod()])
    found = sidecar_for(cluster, workloads(cluster).items[0])
    return found.full_name if found is not None else None


OWN = sidecar("own", workloadSelector=OURS)
WIDE = sidecar("wide")
ROOT = sidecar("root", "istio-system")


def test_the_workloads_own_comes_before_the_namespaces_and_the_meshs() -> None:
    assert chosen(ROOT, WIDE, OWN) == "prod/own"
    assert chosen(ROOT, WIDE) == "prod/wide"
    assert chosen(ROOT) == "istio-system/root"
    assert chosen() is None


@pytest.mark.parametrize(
    "other",
    [
        sidecar(workloadSelector={"labels": {"app": "cart"}}),
        sidecar(namespace="test"),
        sidecar(namespace="istio-system", workloadSelector=OURS),
    ],
)
def test_one_for_others_is_none_of_ours(other: Raw) -> None:
    assert chosen(other) is None


@pytest.mark.parametrize("selector", [None, OURS])
def test_of_two_the_oldest_counts(selector: Any) -> None:
    young = sidecar("a", created="2025-02-01T00:00:00Z", workloadSelector=selector)
    old = sidecar("z", created="2025-01-01T00:00:00Z", workloadSelector=selector)
    assert chosen(young, old) == chosen(old, young) == "prod/z"


@pytest.mark.parametrize("selector", [{}, {"labels": {}}, None, "junk"])
def test_an_empty_selector_is_for_the_namespace(selector: Any) -> None:
    assert chosen(sidecar(workloadSelector=selector)) == "prod/s"


def listener(number: Any, protocol: Any, **more: Any) -> Raw:
    return {"port": {"number": number, "protocol": protocol, "name": "grpc"}, "defaultEndpoint": "127.0.0.1:1", **more}


def test_a_listeners_protocol_counts_and_its_name_does_not() -> None:
    follows = {"connectionPool": {"http": {"useClientProtocol": True}}}
    raw = sidecar(ingress=[None, listener("x", "GRPC"), listener(1, "GRPC"), listener("2", "http", **follows),
                           listener(3, None)])  # fmt: skip
    [item] = cluster_of([raw]).all(SIDECAR)
    found = ingress_listeners(item)
    assert [(one.number, one.protocol, one.follows_client) for one in found] == [
        (1, Protocol.GRPC, False), (2, Protocol.HTTP, True), (3, Protocol.AUTO, False)
    ]  # fmt: skip
    assert [at(raw, *one.path) for one in found] == ["GRPC", "http", None]
    assert [one.word for one in found] == ["GRPC", "http", ""]


def test_a_listener_is_found_by_the_port_of_the_pod() -> None:
    cluster = cluster_of([sidecar(ingress=[listener(50051, "HTTP")]), pod()])
    workload = workloads(cluster).items[0]
    found = ingress_listener_for(cluster, workload, 50051)
    assert found is not None
    assert found.protocol is Protocol.HTTP
    assert ingress_listener_for(cluster, workload, 50052) is None


@pytest.mark.parametrize(
    ("name", "ingress", "spoken", "decides"),
    [
        ("grpc", [listener(50051, "HTTP")], Spoken.HTTP1, "Sidecar"),
        ("http", [listener(50051, "GRPC")], Spoken.H2, "Sidecar"),
        ("http", [listener(80, "GRPC")], Spoken.HTTP1, "Service"),
        ("grpc", [], Spoken.H2, "Service"),
        ("api", [], Spoken.SAME, "Service"),
        ("tcp", [], Spoken.TCP, "Service"),
        ("http", [listener(50051, "HTTP", connectionPool={"http": {"useClientProtocol": True}})],
         Spoken.SAME, "Sidecar"),
    ],
)  # fmt: skip
def test_a_sidecars_listener_decides_before_the_services_port(
    name: str, ingress: list[Raw], spoken: Spoken, decides: str
) -> None:
    raw = service({"port": 80, "targetPort": 50051, "name": name})
    cluster = cluster_of([sidecar(ingress=ingress), raw, pod()])
    greeter = find_service(cluster, "prod", "greeter")
    assert greeter is not None
    found, decision = inbound_of(cluster, greeter.ports[0], "greeter.prod.svc.cluster.local")
    assert found is spoken
    assert decision.object is not None
    assert decision.object.kind.name == decides


@pytest.mark.parametrize("spec", [None, "x", [], {"ingress": "x"}, {"ingress": [None, {"port": 7}]}])
def test_junk_in_a_sidecar_says_nothing(spec: Any) -> None:
    cluster = cluster_of([{**sidecar(), "spec": spec}, pod()])
    assert ingress_listener_for(cluster, workloads(cluster).items[0], 50051) is None
