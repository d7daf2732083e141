"""The cluster heard beside the wire: whatever becomes of it, the probe keeps its answer."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.live.errors import ClusterError
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.diagnosis.hearing import AskedCluster, Hearing, Look
from grpcdoctor.diagnosis.with_cluster import Witness
from grpcdoctor.model.facts.reach import DnsFacts, IngressFacts
from grpcdoctor.model.finding import BlindSpot, Verdict
from grpcdoctor.model.observation import Observations, Outcome
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report, Scope
from grpcdoctor.model.target import parse_target
from tests.patience import AT_ONCE
from tests.table.cluster_behind import HOST, behind
from tests.table.diagnose import names, told

if TYPE_CHECKING:
    from tests.lab.grpc_server import GrpcServer

UNKNOWN = "grpc.example.invalid"
WHAT = "what the cluster behind this endpoint says"
BROKEN = {"service.spec.ports.0.name": "http-main"}


def witness(changes: dict[str, Any] | None = None, host: str = HOST) -> Witness:
    return Witness(cluster_of(behind(changes or {}), complete=True), Scope("shop.yaml"), host)


def front(port: int, address: str = "127.0.0.1", name: str = "istio-ingressgateway") -> dict[str, Any]:
    """A load balancer in front of the Gateway, at a server of the lab's."""
    ports = [{"port": port, "targetPort": 80}]
    spec = {"type": "LoadBalancer", "selector": {"istio": "ingressgateway"}, "ports": ports}
    metadata = {"name": name, "namespace": "istio-system"}
    status = {"loadBalancer": {"ingress": [{"ip": address}]}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": status}


def router() -> dict[str, Any]:
    template = {"metadata": {"labels": {"istio": "ingressgateway"}}, "spec": {"containers": [{"name": "istio-proxy"}]}}
    metadata = {"name": "istio-ingressgateway", "namespace": "istio-system"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


def at_front(port: int, host: str, **more: Any) -> Witness:
    """A cluster in which the Gateway for this host has a load balancer at this port."""
    changes = {"gateway.spec.servers.0.hosts": [host], "route.spec.hosts": [host], **more}
    inside = [raw for raw in behind(changes) if raw["metadata"].get("namespace") != "istio-system"]
    return Witness(cluster_of([*inside, router(), front(port)], complete=True), Scope("shop.yaml"), host)


def probe(
    server: GrpcServer | None, look: Look, host: str = HOST, gateway: str | None = None, **more: Any
) -> Report:
    """A plaintext probe of a host, at this server where one is given."""
    target = parse_target(f"grpc://{host}")
    if server is not None:
        target = replace(target, connect_to=("127.0.0.1", server.port))
    options = ProbeOptions(**{"timeout": 8.0, "second_opinion": False, **more})
    return asyncio.run(diagnose(target, options, cluster=AskedCluster(look, gateway)))


def waiting(release: threading.Event) -> Look:
    """A reader that says nothing until it is released."""

    def look() -> Witness | None:
        release.wait(30)
        return None

    return look


def spots(report: Report) -> list[BlindSpot]:
    return [spot for spot in report.blind_spots if spot.what == WHAT]


def test_without_a_cluster_the_report_is_the_wires(grpcio_h2c: GrpcServer) -> None:
    report = probe(grpcio_h2c, lambda: None)
    assert (report.verdict, report.scope, report.paths, spots(report)) == (Verdict.HEALTHY, None, (), [])
    assert all(item.probe not in ("cluster", "ingress") for item in report.observations)


def test_a_cluster_that_cannot_be_read_costs_no_verdict(grpcio_h2c: GrpcServer) -> None:
    def look() -> Witness | None:
        raise ClusterError("the API server refuses the token")

    report = probe(grpcio_h2c, look)
    assert report.verdict is Verdict.HEALTHY, told(report)
    assert spots(report) == [BlindSpot(WHAT, "the API server refuses the token", blocks_verdict=False)]


@pytest.mark.parametrize("bug", [KeyError("spec"), RecursionError("too deep"), AssertionError()])
def test_a_bug_in_the_reader_is_told_and_costs_no_verdict(grpcio_h2c: GrpcServer, bug: Exception) -> None:
    def look() -> Witness | None:
        raise bug

    report = probe(grpcio_h2c, look)
    assert report.verdict is Verdict.HEALTHY, told(report)
    [spot] = spots(report)
    assert type(bug).__name__ in spot.why
    assert not spot.blocks_verdict


def test_a_cluster_that_takes_too_long_is_not_waited_for(grpcio_h2c: GrpcServer) -> None:
    release = threading.Event()
    try:
        began = time.monotonic()
        report = probe(grpcio_h2c, waiting(release), timeout=1.5)
        assert time.monotonic() - began < AT_ONCE
    finally:
        release.set()
    assert report.verdict is Verdict.HEALTHY, told(report)
    [spot] = spots(report)
    assert "--timeout" in spot.why


def test_the_cluster_is_read_beside_the_probe_in_a_thread_that_holds_nobody_up(grpcio_h2c: GrpcServer) -> None:
    seen: list[threading.Thread] = []

    def look() -> None:
        seen.append(threading.current_thread())

    probe(grpcio_h2c, look)
    [thread] = seen
    assert thread.daemon
    assert thread is not threading.main_thread()


def test_a_host_that_the_cluster_does_not_know_is_said_and_no_more(grpcio_h2c: GrpcServer) -> None:
    report = probe(grpcio_h2c, lambda: witness(host="other.example.test"), host="other.example.test")
    assert (report.verdict, report.scope, report.causes) == (Verdict.HEALTHY, None, ())
    [seen] = [item for item in report.observations if item.probe == "cluster"]
    assert (seen.outcome, seen.error) == (Outcome.SKIPPED, "nothing in shop.yaml claims other.example.test")


def test_what_was_not_shown_may_claim_the_host_and_is_said(grpcio_h2c: GrpcServer) -> None:
    unread = Cluster(blind_spots=[BlindSpot("ingresses", "HTTP 403", "kubectl auth can-i list ingresses")])
    report = probe(grpcio_h2c, lambda: Witness(unread, Scope("context lab"), HOST))
    [spot] = spots(report)
    assert spot.why.startswith(f"nothing in context lab claims {HOST}, as far as it was shown")
    assert spot.why.endswith("these were not: ingresses")
    assert (spot.decide, spot.blocks_verdict) == ("kubectl auth can-i list ingresses", False)
    assert report.verdict is Verdict.HEALTHY, told(report)


def test_what_the_cluster_says_is_in_the_report(grpcio_h2c: GrpcServer) -> None:
    report = probe(grpcio_h2c, lambda: witness(BROKEN))
    assert (names(report), report.verdict) == (["service-port-not-http2"], Verdict.DEGRADED), told(report)
    assert report.scope is not None
    assert (report.scope.input, report.scope.host) == ("shop.yaml", HOST)
    assert [hop.protocol for hop in report.paths[0].hops] == ["h2", "http/1.1", "http/1.1"]
    [seen] = [item for item in report.observations if item.probe == "cluster"]
    assert seen.outcome is Outcome.OK


def test_where_dns_knows_no_address_the_entrances_is_probed(grpcio_h2c: GrpcServer) -> None:
    report = probe(None, lambda: at_front(grpcio_h2c.port, UNKNOWN), host=UNKNOWN)
    dns = Observations(report.observations).get(DnsFacts)
    assert dns is not None
    assert dns.failure is not None
    assert [item.probe for item in report.observations].count("dns") == 1
    assert [o.outcome for o in report.observations if o.probe == "grpc"] == [Outcome.OK], told(report)
    assert names(report)[:1] == ["dns-failure"], told(report)
    assert report.target.connect_to is None


def test_where_dns_knows_no_address_and_the_cluster_none_either_dns_is_the_cause() -> None:
    report = probe(None, lambda: witness({}, UNKNOWN), host=UNKNOWN)
    assert (names(report)[:1], report.verdict) == (["dns-failure"], Verdict.BROKEN), told(report)


def test_the_way_in_is_observed(grpcio_h2c: GrpcServer) -> None:
    report = probe(grpcio_h2c, lambda: at_front(grpcio_h2c.port, HOST))
    seen = Observations(report.observations).get(IngressFacts)
    assert seen is not None
    assert (seen.object_kind, seen.name, seen.addresses, seen.pending) == (
        "Service", "istio-ingressgateway", ("127.0.0.1",), False
    )  # fmt: skip


@pytest.mark.parametrize("gateway", ["lab/public", "istio-system/istio-ingressgateway"])
def test_a_gateway_that_is_named_is_dialled(grpcio_h2c: GrpcServer, gateway: str) -> None:
    report = probe(None, lambda: at_front(grpcio_h2c.port, UNKNOWN), host=UNKNOWN, gateway=gateway)
    assert report.verdict is Verdict.HEALTHY, told(report)
    assert report.target.connect_to == ("127.0.0.1", grpcio_h2c.port)


def test_a_gateway_without_an_address_is_said(grpcio_h2c: GrpcServer) -> None:
    report = probe(None, lambda: at_front(grpcio_h2c.port, UNKNOWN), host=UNKNOWN, gateway="lab/none")
    [spot] = [spot for spot in report.blind_spots if spot.what == "the way in by lab/none"]
    assert (spot.why, spot.blocks_verdict) == (
        f"no address of it for {UNKNOWN} is known; what DNS says is probed instead", False
    )  # fmt: skip


def test_a_gateway_in_a_cluster_that_cannot_be_read_is_said(grpcio_h2c: GrpcServer) -> None:
    def look() -> Witness | None:
        raise ClusterError("no API server")

    report = probe(None, look, host=UNKNOWN, gateway="lab/public")
    whats = {spot.what: spot.why for spot in report.blind_spots}
    assert whats["the way in by lab/public"].startswith("no API server; what DNS says")
    assert whats[WHAT] == "no API server"


def test_an_address_that_the_user_gives_comes_before_the_gateways(grpcio_h2c: GrpcServer) -> None:
    report = probe(grpcio_h2c, lambda: at_front(1, HOST), gateway="lab/public")
    assert report.target.connect_to == ("127.0.0.1", grpcio_h2c.port)
    assert report.verdict is Verdict.HEALTHY, told(report)


def test_several_tries_keep_their_mix_and_hear_the_cluster_all_the_same(grpcio_h2c: GrpcServer) -> None:
    report = probe(grpcio_h2c, lambda: at_front(grpcio_h2c.port, HOST, **BROKEN), count=3)
    assert names(report) == ["service-port-not-http2"], told(report)
    assert Observations(report.observations).get(IngressFacts) is not None


def test_a_cluster_heard_after_the_end_disturbs_nobody() -> None:
    release = threading.Event()

    async def ask() -> Hearing:
        return Hearing(AskedCluster(waiting(release)), 0.1)

    asyncio.run(ask())
    before = threading.active_count()
    release.set()
    for _ in range(100):
        if threading.active_count() < before:
            break
        time.sleep(0.02)
    assert threading.active_count() < before
