"""The paths of a cluster in the report: which are shown, and which rule marks which leg."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.paths import paths, paths_for
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.diagnosis.cluster_hops import hop_paths, objects_on
from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.model.finding import Evidence, Finding, Subject
from grpcdoctor.model.report import HopPath
from grpcdoctor.model.rule import Severity
from tests.table.cluster_behind import HOST, behind, policy

PORT = "service.spec.ports.0.name"
UPGRADE = policy(connectionPool={"http": {"h2UpgradePolicy": "UPGRADE"}})


def shop(changes: dict[str, Any] | None = None) -> Cluster:
    return cluster_of(behind(changes or {}), complete=True)


def finding(rule: str, kind: str = "Service", name: str = "greeter", severity: Severity | None = None) -> Finding:
    subject = Subject(kind=kind, namespace="lab", name=name)
    return Finding(rules()[rule], "m", (Evidence("e"),), subject=subject, severity=severity)


def problems(cluster: Cluster, *findings: Finding) -> list[str | None]:
    [path] = hop_paths(cluster, findings)
    return [hop.problem for hop in path.hops]


def only(*found: HopPath) -> HopPath:
    [path] = found
    return path


def test_a_path_says_what_is_spoken_and_who_decided() -> None:
    path = only(*hop_paths(shop({PORT: "http-main"}), ()))
    assert (path.host, path.route) == (HOST, "VirtualService lab/greeter spec.http[0]")
    assert (path.match, path.is_grpc) == ("", True)
    assert [hop.protocol for hop in path.hops] == ["h2", "http/1.1", "http/1.1"]
    second = path.hops[1]
    assert second.decided_by is not None
    assert (second.decided_by.kind, second.decided_by.field, second.decided_by.value) == (
        "Service", "spec.ports[0].name", "http-main"
    )  # fmt: skip
    assert second.reason == 'Service lab/greeter ports[0].name = "http-main" selects HTTP/1.1'
    assert [(hop.source_kind, hop.destination_kind) for hop in path.hops] == [
        ("client", "gateway"), ("gateway", "service"), ("service", "workload")
    ]  # fmt: skip
    assert path.hops[0].destination == path.hops[1].source


def test_plaintext_has_no_word_for_its_tls() -> None:
    path = only(*hop_paths(shop(), ()))
    assert [hop.tls for hop in path.hops] == [None, "auto mTLS", None]


def test_the_rule_about_the_version_marks_the_leg_where_it_changes() -> None:
    cluster = shop({PORT: "http-main"})
    assert problems(cluster, finding("service-port-not-http2")) == [None, "service-port-not-http2", None]
    marked = problems(cluster, finding("route-backend-protocol-unset", "VirtualService"))
    assert marked == [None, "route-backend-protocol-unset", None]


def test_where_no_finding_says_why_the_break_is_marked_all_the_same() -> None:
    assert problems(shop({PORT: "http-main"})) == [None, "upstream-protocol-mismatch", None]
    assert problems(shop({PORT: "http", "policy": UPGRADE})) == [None, None, "upstream-protocol-mismatch"]


def test_a_path_that_breaks_nothing_has_no_mark_of_a_version() -> None:
    assert problems(shop(), finding("service-port-not-http2")) == [None, None, None]


def test_any_other_error_marks_the_leg_of_its_object() -> None:
    ready = finding("service-no-ready-endpoints")
    assert problems(shop(), ready)[:2] == [None, "service-no-ready-endpoints"]
    credential = finding("gateway-credential-missing", "Gateway", "public")
    assert problems(shop(), credential)[0] == "gateway-credential-missing"
    probe = finding("grpc-probe-misconfigured", "Deployment")
    assert problems(shop(), probe)[2] == "grpc-probe-misconfigured"


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFO])
def test_milder_ones_mark_nothing(severity: Severity) -> None:
    assert problems(shop(), finding("service-no-ready-endpoints", severity=severity)) == [None, None, None]


def test_the_worst_finding_of_an_object_marks_it() -> None:
    mild = finding("service-selector-empty", severity=Severity.WARNING)
    worst = finding("service-no-ready-endpoints")
    for order in ((mild, worst), (worst, mild)):
        assert problems(shop(), *order)[:2] == [None, "service-no-ready-endpoints"]


def test_findings_about_other_objects_mark_nothing() -> None:
    assert problems(shop(), finding("service-no-ready-endpoints", name="cart")) == [None, None, None]


@pytest.mark.parametrize(("namespaces", "count"), [((), 1), (("lab",), 1), (("x", "lab"), 1), (("x",), 0)])
def test_paths_of_a_namespace_are_those_that_touch_it(namespaces: tuple[str, ...], count: int) -> None:
    assert len(hop_paths(shop(), (), None, namespaces)) == count


def test_a_wildcards_path_is_shown_with_the_host_that_was_asked_for() -> None:
    wide = shop({"gateway.spec.servers.0.hosts": ["*.example.test"], "route.spec.hosts": ["*.example.test"]})
    assert only(*hop_paths(wide, (), HOST)).host == HOST
    assert only(*hop_paths(wide, ())).host == "*.example.test"
    assert hop_paths(wide, (), "other.test") == ()


def test_the_conditions_of_a_route_are_shown() -> None:
    match = [{"uri": {"prefix": "/lab.Greeter/"}}, {"uri": {"exact": "/grpc.health.v1.Health/Check"}}, {"port": 80}]
    path = only(*hop_paths(shop({"route.spec.http.0.match": match}), ()))
    assert path.match == "/lab.Greeter/, /grpc.health.v1.Health/Check"


def test_what_a_request_meets_are_all_objects_on_its_way() -> None:
    cluster = shop({"policy": UPGRADE, PORT: "http"})
    met = objects_on(cluster, paths_for(cluster, HOST), HOST)
    assert met >= {
        "Gateway lab/public", "VirtualService lab/greeter", "Service lab/greeter", "Deployment lab/greeter",
        "DestinationRule lab/greeter",
    }  # fmt: skip
    assert "Namespace lab" not in met


def filter_in(namespace: str, selector: dict[str, str] | None) -> dict[str, Any]:
    labels = {"workloadSelector": {"labels": selector}} if selector else {}
    return {"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
            "metadata": {"name": "limits", "namespace": namespace}, "spec": labels}  # fmt: skip


@pytest.mark.parametrize(
    ("namespace", "selector", "is_met"),
    [
        ("istio-system", None, True),
        ("lab", None, True),
        ("lab", {"app": "greeter"}, True),
        ("istio-system", {"istio": "ingressgateway"}, True),
        ("lab", {"app": "other"}, False),
        ("shop", None, False),
    ],
)
def test_what_sets_up_the_proxies_on_the_way_is_met(
    namespace: str, selector: dict[str, str] | None, is_met: bool
) -> None:
    cluster = shop({"filter": filter_in(namespace, selector)})
    met = objects_on(cluster, paths_for(cluster, HOST), HOST)
    assert (f"EnvoyFilter {namespace}/limits" in met) is is_met


def test_a_filter_with_target_references_is_not_taken_for_one_of_all_proxies() -> None:
    aimed = {**filter_in("istio-system", None), "spec": {"targetRefs": [{"kind": "Gateway", "name": "other"}]}}
    cluster = shop({"filter": aimed})
    assert "EnvoyFilter istio-system/limits" not in objects_on(cluster, paths_for(cluster, HOST), HOST)


def test_who_claims_a_host_is_met_even_where_no_way_leads_on() -> None:
    cluster = shop({"route.spec.http": []})
    assert paths(cluster) == ()
    assert objects_on(cluster, (), HOST) == {"Gateway lab/public", "VirtualService lab/greeter"}
    assert objects_on(cluster, (), "other.test") == frozenset()
