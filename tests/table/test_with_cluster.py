"""Two witnesses, one cause: a real Envoy that has a fault, and the objects that would have made it so."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.diagnosis.engine import diagnose
from grpcdoctor.diagnosis.hearing import AskedCluster
from grpcdoctor.diagnosis.with_cluster import Witness
from grpcdoctor.model.finding import Source
from grpcdoctor.model.options import ProbeOptions
from grpcdoctor.model.report import Report, Scope
from grpcdoctor.model.target import parse_target
from tests.lab.certificates import lab_certificates
from tests.patience import AT_ONCE
from tests.table.cluster_behind import HOST, authorization, behind, policy
from tests.table.diagnose import names, told

if TYPE_CHECKING:
    from tests.lab.envoy import Envoy

_TLS_PROBE = {"exec": {"command": ["grpc_health_probe", "-tls", "-addr=:50051"]}}
_ALWAYS = {"percentage": {"value": 100}}
_APP = "deployment.spec.template.spec.containers.0"

# scenario of Envoy, what differs in the objects, the cause
ROWS: list[tuple[str, dict[str, Any], str]] = [
    ("http1-to-grpc", {"service.spec.ports.0.name": "http-main"}, "service-port-not-http2"),
    ("http1-to-grpc", {"service.spec.ports.0.name": "api"}, "service-port-undeclared"),
    ("no-route-host", {"route.spec.hosts": ["www.example.test"]}, "route-host-not-on-gateway"),
    ("cluster-missing", {"route.spec.http.0.route.0.destination.port.number": 50052}, "route-port-missing"),
    ("cluster-missing", {"route.spec.http.0.route.0.destination.host": "greter"}, "route-destination-missing"),
    ("no-endpoints", {"service.spec.selector": {"app": "greeters"}}, "service-selector-empty"),
    ("plaintext-to-tls", {f"{_APP}.ports.0.name": "grpcs", f"{_APP}.readinessProbe": _TLS_PROBE},
     "service-app-terminates-tls"),
    ("tls-to-plaintext", {"policy": policy(tls={"mode": "SIMPLE"})}, "destination-tls-mismatch"),
    ("upstream-refused", {f"{_APP}.args": ["--listen=127.0.0.1:50051"]}, "server-bound-to-loopback"),
    ("fault-abort-grpc", {"route.spec.http.0.fault": {"abort": {**_ALWAYS, "grpcStatus": "UNAVAILABLE"}}},
     "fault-left-active"),
    ("fault-delay", {"route.spec.http.0.fault": {"delay": {**_ALWAYS, "fixedDelay": "3s"}}}, "fault-left-active"),
    ("rbac-deny-all", {"authorization": authorization()}, "authorization-denies-all"),
    ("https-redirect", {"gateway.spec.servers.0.tls": {"httpsRedirect": True}}, "gateway-https-redirect"),
    ("circuit-open", {"policy": policy(connectionPool={"http": {"http2MaxRequests": 1}})}, "connection-pool-too-small"),
]  # fmt: skip


def ask(envoy: Envoy, scenario: str, documents: list[dict[str, Any]], **options: Any) -> Report:
    """A probe of the host at the lab's Envoy, with these objects behind it."""
    tls = envoy.tls(scenario)
    target = parse_target(f"{'grpcs' if tls else 'grpc'}://{HOST}")
    target = replace(target, connect_to=("127.0.0.1", envoy.port(scenario)))
    wanted = ProbeOptions(
        timeout=8.0, second_opinion=False, cacert=str(lab_certificates().ca) if tls else None, **options
    )
    cluster = cluster_of(documents, complete=True)
    asked = AskedCluster(lambda: Witness(cluster, Scope("manifests"), HOST))
    return asyncio.run(diagnose(target, wanted, cluster=asked))


@pytest.mark.parametrize(("scenario", "changes", "cause"), ROWS, ids=[f"{row[0]}-{row[2]}" for row in ROWS])
def test_symptom_and_configuration_are_one_cause_with_a_patch(
    envoy: Envoy, scenario: str, changes: dict[str, Any], cause: str
) -> None:
    report = ask(envoy, scenario, behind(changes, envoy.tls(scenario)))
    assert names(report) == [cause], told(report)
    first = report.causes[0]
    assert Source.WIRE in {item.source for item in first.evidence}
    assert first.fixes[0].changes, first.fixes


@pytest.mark.parametrize("scenario", ["healthy-tls", "healthy-h2c"])
def test_a_healthy_endpoint_with_healthy_objects_is_healthy(envoy: Envoy, scenario: str) -> None:
    report = ask(envoy, scenario, behind({}, envoy.tls(scenario)))
    assert (names(report), report.verdict.value) == ([], "healthy"), told(report)
    [path] = report.paths
    assert [hop.protocol for hop in path.hops] == ["h2", "h2", "h2"]


def test_services_that_reflection_lists_are_matched_with_the_routes(envoy: Envoy) -> None:
    changes = {"route.spec.http.0.match": [{"uri": {"prefix": "/lab.Greeter/"}}, {"uri": {"prefix": "/grpc."}}]}
    report = ask(envoy, "healthy-h2c", behind(changes))
    reached = {item.service: item.route for item in report.service_routes}
    assert reached["lab.Greeter"] == "VirtualService lab/greeter"
    assert None in reached.values() or len(reached) <= 2


def test_errors_of_the_objects_that_the_wire_does_not_show_are_warnings(envoy: Envoy) -> None:
    report = ask(envoy, "healthy-h2c", behind({"service.spec.ports.0.name": "http-main"}))
    assert names(report) == ["service-port-not-http2"]
    assert report.verdict.value == "degraded"


def test_a_fault_that_the_objects_do_not_explain_keeps_its_name(envoy: Envoy) -> None:
    report = ask(envoy, "jwt-required", behind({}))
    assert names(report)[:1] == ["authentication-required"], told(report)


def test_a_cluster_that_says_nothing_in_time_is_a_blind_spot_and_costs_no_verdict(envoy: Envoy) -> None:
    def look() -> None:
        time.sleep(30)

    target = replace(parse_target(f"grpc://{HOST}"), connect_to=("127.0.0.1", envoy.port("healthy-h2c")))
    started = time.monotonic()
    wanted = ProbeOptions(timeout=2.0, second_opinion=False)
    report = asyncio.run(diagnose(target, wanted, cluster=AskedCluster(look)))
    assert time.monotonic() - started < AT_ONCE
    assert report.verdict.value == "healthy"
    assert any("cluster" in spot.what for spot in report.blind_spots)
