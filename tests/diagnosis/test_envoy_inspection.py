"""From what an Envoy says to a report: rules run where their endpoint answered, and what is missing is said once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from grpcdoctor.diagnosis import envoy_inspection
from grpcdoctor.diagnosis.envoy_inspection import AskedRequest, EnvoyOptions, inspect_envoy
from grpcdoctor.diagnosis.registry import EnvoyCheck, rules
from grpcdoctor.envoy.answers import Answers
from grpcdoctor.envoy.snapshot import Proxy
from grpcdoctor.model.finding import BlindSpot, Conclusion, Evidence, Finding, Source, Subject, Verdict
from grpcdoctor.model.rule import Severity
from tests.envoy.shapes import proxy_of

REJECTED, EXPIRING = "envoy-update-rejected", "envoy-certificate-expiring"
Function = Callable[[Proxy], Iterator[Conclusion]]


def finding(severity: Severity = Severity.ERROR) -> Finding:
    subject = Subject(kind="cluster", name="a")
    return Finding(rules()[REJECTED], "it is so", (Evidence("seen", Source.ENVOY),), severity=severity, subject=subject)


def with_checks(patch: pytest.MonkeyPatch, *found: tuple[str, tuple[str, ...], Function]) -> None:
    checks = tuple(EnvoyCheck(rules()[name], asks, function, "test") for name, asks, function in found)
    monkey: Callable[[], tuple[EnvoyCheck, ...]] = lambda: checks  # noqa: E731
    patch.setattr(envoy_inspection, "envoy_checks", monkey)


def test_a_healthy_envoy_is_healthy() -> None:
    report = inspect_envoy(proxy_of({}))
    assert report.verdict is Verdict.HEALTHY
    assert report.blind_spots == ()
    assert report.command == "envoy"
    assert report.name == "test"


def test_a_rule_whose_endpoint_did_not_answer_does_not_run_and_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(proxy: Proxy) -> Iterator[Conclusion]:
        raise AssertionError

    with_checks(monkeypatch, (REJECTED, ("stats",), never), (EXPIRING, ("config_dump", "stats"), never))
    report = inspect_envoy(proxy_of({"missing": ["stats"]}))
    (spot,) = report.blind_spots
    assert "/stats" in spot.why
    assert REJECTED in spot.why
    assert EXPIRING in spot.why
    assert not spot.blocks_verdict
    assert spot.decide is not None


@pytest.mark.parametrize(
    ("missing", "verdict"),
    [
        ("config_dump", Verdict.INCONCLUSIVE),
        ("clusters", Verdict.INCONCLUSIVE),
        ("stats", Verdict.HEALTHY),
        ("certs", Verdict.HEALTHY),
    ],
)
def test_without_configuration_or_endpoints_the_verdict_is_open(missing: str, verdict: Verdict) -> None:
    assert inspect_envoy(proxy_of({"missing": [missing]})).verdict is verdict


def test_what_the_reader_has_said_to_be_missing_is_not_said_again() -> None:
    said = BlindSpot("the counters (http://x)", "/stats: HTTP 403", blocks_verdict=True)
    whole = proxy_of({"missing": ["stats"]})
    report = inspect_envoy(Proxy(whole.answers, "x", (said,)))
    assert report.blind_spots == (said,)
    assert report.verdict is Verdict.INCONCLUSIVE


def test_a_rule_that_fails_is_a_blind_spot(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(proxy: Proxy) -> Iterator[Conclusion]:
        yield finding(Severity.WARNING)
        raise KeyError("x")

    with_checks(monkeypatch, (REJECTED, ("config_dump",), broken))
    report = inspect_envoy(proxy_of({}))
    assert len(report.findings) == 1
    assert any(REJECTED in spot.what for spot in report.blind_spots)
    assert report.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [
        (Severity.ERROR, Verdict.BROKEN),
        (Severity.WARNING, Verdict.DEGRADED),
        (Severity.INFO, Verdict.HEALTHY),
    ],
)
def test_the_worst_finding_decides(monkeypatch: pytest.MonkeyPatch, severity: Severity, verdict: Verdict) -> None:
    with_checks(monkeypatch, (REJECTED, ("config_dump",), lambda proxy: iter((finding(severity),))))
    assert inspect_envoy(proxy_of({})).verdict is verdict


def test_a_request_that_goes_nowhere_is_broken_though_no_rule_says_so() -> None:
    options = EnvoyOptions(request=AskedRequest("x/y", "x", "/y"))
    report = inspect_envoy(proxy_of({"listeners": [{"name": "web", "http": {"routes": []}}]}), options)
    assert report.verdict is Verdict.BROKEN
    assert report.envoy is not None
    assert report.envoy.request is not None
    assert report.envoy.request.outcome == "no route"


def test_a_request_on_its_way_leaves_its_hops() -> None:
    data = {
        "listeners": [{"name": "web", "http": {"routes": [{"match": {"prefix": "/"}, "route": {"cluster": "a"}}]}}],
        "clusters": [{"name": "a", "http": "http/1.1", "tls": True, "endpoints": ["10.0.0.1:80"]}],
    }
    report = inspect_envoy(proxy_of(data), EnvoyOptions(request=AskedRequest("x/y", "x", "/y")))
    assert [(hop.source, hop.destination, hop.protocol, hop.tls) for hop in report.hops] == [
        ("client", "web", "h2", None),
        ("web", "a", "http/1.1", "TLS"),
    ]
    decided = report.hops[1].decided_by
    assert decided is not None
    assert decided.field == "HttpProtocolOptions.explicit_http_config.http_protocol_options"


def test_nothing_at_all_is_no_crash() -> None:
    report = inspect_envoy(Proxy(Answers(), "nothing"))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert len(report.blind_spots) == 5


def test_counters_are_words_and_the_better_one_counts() -> None:
    stats = {
        "cluster.a.upstream_cx_connect_fail": 3,
        "cluster.a.ssl.connection_error": 3,
        "cluster.a.upstream_rq_pending_overflow": 2,
    }
    report = inspect_envoy(proxy_of({"clusters": [{"name": "a"}], "stats": stats}))
    assert report.envoy is not None
    (cluster,) = report.envoy.clusters
    assert [(item.name, item.value) for item in cluster.counted] == [
        ("upstream_rq_pending_overflow", 2),
        ("ssl.connection_error", 3),
    ]
