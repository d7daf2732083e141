"""The table's rows on the real Envoy again, with its own word beside the wire's: look-alikes are told apart."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from grpcdoctor.diagnosis.saved import replay_run, save_run
from grpcdoctor.model.options import ProbeOptions
from tests.lab.envoy import running_envoy
from tests.table.diagnose import HELLO, SLOW, assert_first_cause, assert_healthy, diagnose, names, told
from tests.table.test_envoy import HEALTHY
from tests.table.with_envoy import diagnose_with_envoy, envoy_says, facts_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.backends import Backends
    from tests.lab.envoy import Envoy

# scenario -> (first cause, verdict, words of the title, words of Envoy's evidence)
FAULTS: dict[str, tuple[str, str | None, str, str]] = {
    "alpn-http1-only": ("alpn-not-h2", "broken", "", "alpn_protocols = [http/1.1]"),
    "alpn-none": ("alpn-missing", "broken", "", "alpn_protocols = []"),
    "alpn-h2-codec-http1": ("alpn-h2-but-http1", "broken", "", "codec_type = HTTP1"),
    "codec-http1": ("http2-not-spoken", "broken", "", "codec_type = HTTP1"),
    "mtls": ("client-certificate-required", None, "", "require_client_certificate = true"),
    "no-route-host": ("route-not-found", "broken", "no virtual host", "other.example.test"),
    "no-route-path": ("route-not-found", "inconclusive", "it routes prefix /lab.Nothing/", "no_route +5"),
    "greeter-only": ("route-not-found", "inconclusive", "it routes prefix /lab.Greeter/", "virtual host lab"),
    "greeter-only-tls": ("route-not-found", "inconclusive", "it routes prefix /lab.Greeter/", "virtual host lab"),
    "cluster-missing": ("cluster-not-found", "broken", "cluster nowhere, which this Envoy does not have", "no cluster"),
    "http1-to-grpc": ("upstream-protocol-mismatch", "broken", "Envoy speaks HTTP/1.1 to", "upstream_cx_http1_total"),
    "h2-to-http1": ("upstream-protocol-mismatch", "broken", "Envoy speaks HTTP/2 to", "upstream_cx_http2_total"),
    "upstream-refused": ("upstream-unreachable", "broken", "nothing listens there", "upstream_cx_connect_fail"),
    "tls-to-plaintext": ("upstream-tls-mismatch", "broken", "not TLS", "ssl.connection_error"),
    "tls-untrusted": ("upstream-tls-mismatch", "broken", "does not trust the certificate of", "ssl.fail_verify_error"),
    "tls-other-name": ("upstream-tls-mismatch", "broken", "finds another name", "ssl.fail_verify_san"),
    "unhealthy": ("no-healthy-upstream", "broken", "its health check fails", "upstream_cx_none_healthy +5"),
    "no-endpoints": ("no-healthy-upstream", "broken", "cluster empty has no endpoint", "lists no host"),
    "circuit-open": ("upstream-overloaded", "broken", "max_requests of cluster circuit (0)", "overflow +"),
    "circuit-open-connections": ("upstream-overloaded", "broken", "max_pending_requests of cluster", "overflow +5"),
    "upstream-silent": ("upstream-timeout", "broken", "route timeout of 1 s ended", "upstream_rq_timeout"),
    "upstream-closes": ("upstream-connection-terminated", "broken", "closes them without a byte", "destroy_remote"),
    "fault-abort-grpc": ("fault-injected", "broken", "aborts calls on purpose", "aborts_injected"),
    "fault-abort-http": ("fault-injected", "broken", "aborts calls on purpose", "aborts_injected"),
    "fault-abort-http-500": ("fault-injected", "broken", "aborts calls on purpose", "aborts_injected"),
    "fault-delay": ("fault-injected", "degraded", "delays calls on purpose", "delays_injected"),
    "rbac-deny-all": ("rbac-denied", "inconclusive", "", "rbac.denied"),
    "jwt-required": ("authentication-required", "inconclusive", "jwt_authn filter", "jwt_authn.denied"),
    "rate-limited": ("rate-limited", "broken", "(local) rate limit", "http_local_rate_limit.enforced"),
    "rate-limited-grpc": ("rate-limited", "broken", "(local) rate limit", "http_local_rate_limit.enforced"),
    "https-redirect": ("http-redirect", "broken", "", "require_tls = ALL"),
    "html-200": ("not-grpc", "broken", "", "Envoy answers itself"),
    "http1-to-http1": ("not-grpc", "broken", "", "plaintext http/1.1 to"),
    "direct-404": ("route-not-found", "inconclusive", "", "direct_response 404"),
    "direct-503": ("call-failed", "inconclusive", "", "direct_response 503"),
    "max-concurrent-streams-1": ("max-concurrent-streams-low", "degraded", "", "max_concurrent_streams = 1"),
    "not-serving": ("not-serving", "broken", "", "passed the calls on to"),
    "backend-unauthenticated": ("authentication-required", "inconclusive", "", "passed the calls on to"),
    "upstream-saturated": ("server-overloaded", "broken", "", "passed the calls on to"),
}
TIMERS = {
    "route-timeout": ("route timeout of 1 s ended", "upstream_rq_timeout +1"),
    "per-try-timeout": ("timeout of one try of 1 s ended", "upstream_rq_per_try_timeout +"),
    "stream-idle-timeout": ("stream idle timeout of 1 s ended", "downstream_rq_idle_timeout +1"),
    "max-stream-duration": ("max_stream_duration of 1 s ended", "downstream_rq_max_duration_reached +1"),
}


@pytest.mark.parametrize("scenario", HEALTHY)
def test_a_healthy_envoy_stays_healthy(envoy: Envoy, scenario: str) -> None:
    report = diagnose_with_envoy(envoy, scenario)
    assert_healthy(report)
    assert facts_of(report).took == facts_of(report).calls
    assert not report.blind_spots, told(report)


@pytest.mark.parametrize("scenario", FAULTS)
def test_envoys_word_names_the_exact_cause(envoy: Envoy, scenario: str) -> None:
    name, verdict, title, evidence = FAULTS[scenario]
    report = diagnose_with_envoy(envoy, scenario)
    assert_first_cause(report, name, verdict)
    assert names(report) == [name], told(report)
    cause = report.causes[0]
    assert title in cause.title, told(report)
    assert evidence in envoy_says(cause), envoy_says(cause)
    assert cause.fixes


@pytest.mark.parametrize("scenario", TIMERS)
def test_the_timer_that_cut_the_call_is_named(envoy: Envoy, scenario: str) -> None:
    title, evidence = TIMERS[scenario]
    report = diagnose_with_envoy(envoy, scenario, call=SLOW)
    assert_first_cause(report, "upstream-timeout", "broken")
    assert title in report.causes[0].title, told(report)
    assert evidence in envoy_says(report.causes[0]), envoy_says(report.causes[0])


@pytest.mark.parametrize(("scenario", "pause"), [("route-timeout", 0.2), ("stream-idle-timeout", 3),
                                                 ("max-stream-duration", 0.2)])  # fmt: skip
def test_the_timer_that_cut_a_stream_after_its_first_message_is_named(
    envoy: Envoy, scenario: str, pause: float
) -> None:
    data = f'{{"limit": 40, "interval": {pause}}}'
    report = diagnose_with_envoy(envoy, scenario, call="lab.Greeter/Count", data=data)
    assert_first_cause(report, "rst-stream", "broken")
    title, evidence = TIMERS[scenario]
    assert title in report.causes[0].title, told(report)
    assert evidence in envoy_says(report.causes[0])


def test_the_endpoint_that_was_ejected_is_named(envoy: Envoy) -> None:
    first = diagnose_with_envoy(envoy, "ejected")
    report = first if names(first) == ["no-healthy-upstream"] else diagnose_with_envoy(envoy, "ejected")
    assert_first_cause(report, "no-healthy-upstream", "broken")
    assert "ejected by outlier detection" in report.causes[0].title, told(report)
    assert facts_of(report).backends[0].endpoints[0].address in envoy_says(report.causes[0])


def test_plaintext_to_a_tls_port_is_named_where_another_cluster_speaks_tls_to_it(envoy: Envoy) -> None:
    assert_healthy(diagnose(envoy.port("tls-upstream")))
    report = diagnose_with_envoy(envoy, "plaintext-to-tls")
    assert_first_cause(report, "upstream-tls-mismatch", "broken")
    assert "speaks plaintext to" in report.causes[0].title
    assert "cluster grpc-tls has completed TLS handshakes" in envoy_says(report.causes[0])


def test_a_call_that_is_routed_while_reflection_is_not_is_a_warning(envoy: Envoy) -> None:
    report = diagnose_with_envoy(envoy, "greeter-only", call=HELLO)
    assert_first_cause(report, "reflection-not-routed", "degraded")
    assert "virtual host lab" in envoy_says(report.causes[0])


def test_a_call_that_has_no_route_itself_names_its_path(envoy: Envoy) -> None:
    report = diagnose_with_envoy(envoy, "no-route-path", call=HELLO)
    assert_first_cause(report, "route-not-found", "broken")
    assert "has no route for /lab.Greeter/SayHello" in report.causes[0].title


def test_a_fault_that_hits_some_calls_is_a_warning(envoy: Envoy) -> None:
    report = diagnose_with_envoy(envoy, "fault-abort-half", count=8)
    assert_first_cause(report, "fault-injected")
    assert "aborts_injected" in envoy_says(report.causes[0]), told(report)


@pytest.fixture
def noise(envoy: Envoy) -> Iterator[None]:
    """Others' traffic meanwhile: healthy calls and broken ones, to other listeners and to the same clusters."""
    stop = Event()

    def call(scenario: str) -> None:
        while not stop.is_set():
            diagnose(envoy.port(scenario), call=SLOW if scenario == "route-timeout" else None, timeout=3.0)

    threads = [Thread(target=call, args=(name,)) for name in ("healthy-h2c", "route-timeout", "tls-to-plaintext")]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join(timeout=20)


@pytest.mark.usefixtures("noise")
def test_others_traffic_misleads_nobody(envoy: Envoy) -> None:
    for scenario in ("healthy-h2c", "route-timeout-0", "tls-upstream"):
        assert_healthy(diagnose_with_envoy(envoy, scenario))
    for scenario in ("upstream-refused", "h2-to-http1", "circuit-open", "no-endpoints", "fault-abort-http"):
        name, verdict, title, evidence = FAULTS[scenario]
        report = diagnose_with_envoy(envoy, scenario)
        assert_first_cause(report, name, verdict)
        assert title in report.causes[0].title
        assert evidence in envoy_says(report.causes[0])
    report = diagnose_with_envoy(envoy, "stream-idle-timeout", call=SLOW)
    assert TIMERS["stream-idle-timeout"][0] in report.causes[0].title, told(report)


@pytest.mark.usefixtures("noise")
def test_traffic_on_the_same_listener_leaves_a_doubt(envoy: Envoy) -> None:
    report = diagnose_with_envoy(envoy, "tls-to-plaintext")
    assert_first_cause(report, "upstream-tls-mismatch", "broken")
    facts = facts_of(report)
    assert facts.took is not None
    assert facts.took >= facts.calls
    if facts.others > facts.calls:
        assert "requests of others among them" in envoy_says(report.causes[0])


def test_an_envoy_that_took_none_of_the_calls_is_a_blind_spot(envoy: Envoy, backends: Backends) -> None:
    with running_envoy(backends) as another:
        elsewhere = diagnose_with_envoy(another, "tls-to-plaintext", port=envoy.port("tls-to-plaintext"))
    assert_first_cause(elsewhere, "upstream-unreachable", "broken")
    assert not envoy_says(elsewhere.causes[0])
    assert [spot.blocks_verdict for spot in elsewhere.blind_spots] == [False]


def test_an_admin_port_that_is_closed_is_a_blind_spot_and_costs_no_verdict(envoy: Envoy, backends: Backends) -> None:
    nobody = replace(envoy, admin_port=backends.closed)
    report = diagnose_with_envoy(nobody, "tls-to-plaintext")
    assert_first_cause(report, "upstream-unreachable", "broken")
    assert "connection refused" in report.blind_spots[0].why
    assert not report.blind_spots[0].blocks_verdict


def test_a_port_that_is_no_admin_port_is_a_blind_spot(envoy: Envoy) -> None:
    report = diagnose_with_envoy(replace(envoy, admin_port=envoy.port("html-200")), "healthy-h2c")
    assert report.verdict.value == "healthy"
    assert report.blind_spots, told(report)


def test_a_saved_run_keeps_envoys_word(envoy: Envoy, tmp_path: Path) -> None:
    report = diagnose_with_envoy(envoy, "tls-to-plaintext")
    path = str(tmp_path / "run.json")
    save_run(path, report, ProbeOptions(second_opinion=False))
    again = replay_run(path)
    assert names(again) == names(report) == ["upstream-tls-mismatch"]
    assert again.causes[0].title == report.causes[0].title


def test_the_hop_behind_envoy_is_what_envoy_says(envoy: Envoy) -> None:
    report = diagnose_with_envoy(envoy, "http1-to-grpc")
    assert [hop.protocol for hop in report.hops] == ["h2", "http/1.1"]
    assert report.hops[1].destination == "cluster grpc-http1"
    assert "http_protocol_options" in str(report.hops[1].decided_by)
