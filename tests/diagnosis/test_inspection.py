"""inspect: judge, filter, count what is hidden; a rule that fails is a blind spot, and nothing is raised."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from grpcdoctor.cluster.build import cluster_of
from grpcdoctor.cluster.snapshot import Cluster
from grpcdoctor.cluster.undisturbed import undisturbed
from grpcdoctor.diagnosis import inspection
from grpcdoctor.diagnosis.inspection import InspectOptions, inspect_cluster, judge_cluster
from grpcdoctor.diagnosis.registry import ClusterCheck, rules
from grpcdoctor.diagnosis.suppression import read_suppression
from grpcdoctor.model.finding import BlindSpot, Conclusion, Evidence, Finding, Subject, Verdict
from grpcdoctor.model.report import Report, Scope
from tests.table.cluster_behind import HOST, behind

SCOPE = Scope("shop.yaml")
HTTP_PORT = {"service.spec.ports.0.name": "http-main"}
RULE = "service-port-not-http2"


def shop(changes: dict[str, Any] | None = None) -> Cluster:
    return cluster_of(behind(changes or {}), complete=True)


def inspected(cluster: Cluster, **options: Any) -> Report:
    return inspect_cluster(cluster, SCOPE, InspectOptions(**options))


def names(report: Report) -> list[str]:
    return [cause.name for cause in report.causes]


def finding(rule: str, namespace: str = "lab", name: str = "greeter", *related: str) -> Finding:
    subject = Subject(kind="Service", namespace=namespace, name=name)
    return Finding(rules()[rule], f"{rule} on {name}", (Evidence("seen"),), subject=subject, related=related)


def only_check(monkeypatch: pytest.MonkeyPatch, *functions: Any) -> None:
    """These in place of the real checks, under the rule's name."""
    found = tuple(ClusterCheck(rules()[RULE], (), function, "test") for function in functions)
    monkeypatch.setattr(inspection, "cluster_checks", lambda: found)


def test_a_healthy_cluster_is_healthy() -> None:
    report = inspected(shop())
    assert (names(report), report.verdict, report.command) == ([], Verdict.HEALTHY, "inspect")
    assert report.scope is not None
    assert (report.scope.input, report.scope.objects) == ("shop.yaml", len(behind({})))
    assert [len(path.hops) for path in report.paths] == [3]


def test_a_fault_is_a_cause_with_its_path() -> None:
    report = inspected(shop(HTTP_PORT))
    assert (names(report), report.verdict) == ([RULE], Verdict.BROKEN)
    assert [path.problem for path in report.paths] == [RULE]
    assert report.hops == report.paths[0].hops


@pytest.mark.parametrize(("namespaces", "expected"), [((), [RULE]), (("lab",), [RULE]), (("a", "lab"), [RULE]),
                                                      (("other",), [])])
def test_findings_of_other_namespaces_are_left_out(namespaces: tuple[str, ...], expected: list[str]) -> None:
    report = inspected(shop(HTTP_PORT), namespaces=namespaces)
    assert names(report) == expected
    assert bool(report.paths) is bool(expected)
    assert report.suppressed == ()


@pytest.mark.parametrize(("asked", "hint"), [("labb", "; did you mean lab?"), ("nowhere-at-all", "")])
def test_a_namespace_of_which_nothing_was_read_is_no_clean_bill_of_health(asked: str, hint: str) -> None:
    report = inspected(shop(), namespaces=(asked, "lab"))
    [spot] = report.blind_spots
    assert (spot.what, spot.why) == (f"namespace {asked}", f"no object that was read is in it{hint}")
    assert report.verdict is Verdict.INCONCLUSIVE


def test_a_finding_is_of_every_namespace_that_it_concerns(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(_cluster: Cluster) -> Iterator[Conclusion]:
        yield finding(RULE, "lab", "greeter", "VirtualService edge/public", "Namespace other")

    only_check(monkeypatch, check)
    shown = {space: names(inspected(shop(), namespaces=(space,))) for space in ("lab", "edge", "other", "public")}
    assert shown == {"lab": [RULE], "edge": [RULE], "other": [], "public": []}


def test_a_host_shows_what_its_requests_meet_and_nothing_else() -> None:
    other = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart", "namespace": "lab"},
             "spec": {"ports": [{"name": "http-grpc", "port": 50051}], "selector": {"app": "cart"}}}  # fmt: skip
    every = inspected(shop({**HTTP_PORT, "cart": other}))
    about = inspected(shop({**HTTP_PORT, "cart": other}), host=HOST)
    assert len(every.findings) > len(about.findings)
    assert {f.subject.name for f in about.findings if f.subject is not None} == {"greeter"}
    assert names(about) == [RULE]
    assert about.target.host == HOST


@pytest.mark.parametrize(("host", "hint"), [("grcp.example.test", f": {HOST}"), ("nothing.like.it", "")])
def test_a_host_that_nothing_takes_is_inconclusive(host: str, hint: str) -> None:
    report = inspected(shop(), host=host)
    assert report.verdict is Verdict.INCONCLUSIVE
    [spot] = [spot for spot in report.blind_spots if spot.what == f"the way of {host}"]
    assert spot.why.endswith(hint or "takes this host")
    assert report.paths == ()


def test_what_is_suppressed_is_counted_and_no_cause() -> None:
    report = inspected(shop(HTTP_PORT), suppression=read_suppression(ignore=(RULE,)))
    assert (names(report), report.suppressed, report.verdict) == ([], ((RULE, 1),), Verdict.HEALTHY)
    assert report.paths[0].hops[1].protocol == "http/1.1"


def test_only_what_the_filters_leave_is_counted_as_suppressed() -> None:
    report = inspected(shop(HTTP_PORT), suppression=read_suppression(ignore=(RULE,)), namespaces=("other",))
    assert report.suppressed == ()


def test_a_rule_that_raises_is_a_blind_spot_and_keeps_what_it_had_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_cluster: Cluster) -> Iterator[Conclusion]:
        yield finding(RULE)
        raise KeyError("a bug")

    def works(_cluster: Cluster) -> Iterator[Conclusion]:
        yield finding("certificate-expired")

    only_check(monkeypatch, breaks, works)
    report = inspected(shop())
    assert sorted(names(report)) == ["certificate-expired", RULE]
    [spot] = report.blind_spots
    assert RULE in f"{spot.what} {spot.why}"
    assert "a bug" in spot.why


def test_a_rule_that_raises_alone_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_cluster: Cluster) -> Iterator[Conclusion]:
        raise RecursionError
        yield finding(RULE)  # type: ignore[unreachable]

    only_check(monkeypatch, breaks)
    assert inspected(shop()).verdict is Verdict.INCONCLUSIVE


def test_findings_come_by_code_and_causes_by_rank() -> None:
    changes = {**HTTP_PORT, "route.spec.http.0.timeout": "1s",
               "route.spec.http.0.fault": {"abort": {"percentage": {"value": 100}, "httpStatus": 503}}}  # fmt: skip
    report = inspected(shop(changes))
    codes = [f.rule.code for f in report.findings]
    assert len(set(codes)) > 1
    assert codes == sorted(codes)
    ranks = [cause.severity.rank for cause in report.causes]
    assert ranks == sorted(ranks)


def test_blind_spots_of_the_reader_and_the_rules_come_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    spot = BlindSpot("secrets", "forbidden")

    def check(_cluster: Cluster) -> Iterator[Conclusion]:
        yield spot

    only_check(monkeypatch, check, check)
    cluster = Cluster(shop().objects, blind_spots=[spot, BlindSpot("pods", "forbidden")])
    assert judge_cluster(cluster) == ((), (spot, BlindSpot("pods", "forbidden")))


def test_an_empty_cluster_is_judged() -> None:
    report = inspected(cluster_of([]))
    assert (report.causes, report.paths) == ((), ())


def breaks_undisturbed() -> None:
    with undisturbed():
        assert not gc.isenabled()
        raise KeyError("a bug")


@pytest.mark.parametrize("running", [True, False])
def test_the_collector_is_left_as_it_was_found(running: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if running else gc.disable)()
        with pytest.raises(KeyError, match="a bug"):
            breaks_undisturbed()
        assert gc.isenabled() is running
    finally:
        (gc.enable if was else gc.disable)()


def test_a_host_shows_the_policy_that_refuses_its_calls() -> None:
    policy = {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
              "metadata": {"name": "greeter", "namespace": "lab"},
              "spec": {"rules": [{"to": [{"operation": {"methods": ["GET"], "paths": ["/demo.Greeter/*"]}}]}]}}
    assert "authorization-method-not-post" in names(inspected(shop({"policy": policy}), host=HOST))


def test_the_name_of_a_service_shows_what_is_wrong_with_it() -> None:
    assert names(inspected(shop(HTTP_PORT), host="greeter.lab.svc.cluster.local")) == [RULE]
    assert names(inspected(shop(HTTP_PORT), host="greeter.other.svc.cluster.local")) == []


def test_a_host_shows_the_route_that_no_cluster_takes() -> None:
    stray = {"apiVersion": "networking.istio.com/v1", "kind": "VirtualService",
             "metadata": {"name": "stray", "namespace": "lab"}, "spec": {"hosts": ["stray.example.test"]}}  # fmt: skip
    found = inspected(shop({"stray": stray}), host="stray.example.test")
    assert names(found) == ["unknown-api-group"]
