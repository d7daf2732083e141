"""The table's rows on what no sane server does."""

from __future__ import annotations

import pytest

from tests.lab import fakes
from tests.lab.certificates import lab_certificates
from tests.table.diagnose import assert_first_cause, assert_healthy, diagnose, names


def test_stripped_trailers() -> None:
    for fake in (fakes.trailers_stripped(), fakes.headers_only()):
        with fake as server:
            report = diagnose(server.port)
        assert_first_cause(report, "trailers-missing", "broken")
        assert names(report) == ["trailers-missing"]


@pytest.mark.parametrize("code", [0, 2, 11, 13, 0x77])
def test_goaway_at_once(code: int) -> None:
    with fakes.goaway(code, debug=b"go away") as server:
        report = diagnose(server.port)
    assert_first_cause(report, "goaway-on-connect", "broken")
    assert names(report) == ["goaway-on-connect"]


@pytest.mark.parametrize("code", [*range(14), 0x77])
def test_rst_stream_on_every_call(code: int) -> None:
    with fakes.rst_stream(code) as server:
        report = diagnose(server.port)
    assert_first_cause(report, "rst-stream", "broken")
    assert names(report) == ["rst-stream"]


def test_rst_stream_after_headers() -> None:
    with fakes.rst_stream_after_headers(2) as server:
        assert_first_cause(diagnose(server.port), "rst-stream", "broken")


def test_max_concurrent_streams() -> None:
    with fakes.max_concurrent_streams(0) as server:
        report = diagnose(server.port)
    assert_first_cause(report, "max-concurrent-streams-zero", "broken")
    assert names(report) == ["max-concurrent-streams-zero"]
    with fakes.max_concurrent_streams(1) as server:
        assert_first_cause(diagnose(server.port), "max-concurrent-streams-low", "degraded")


def test_a_header_limit_that_no_call_fits() -> None:
    with fakes.header_limit(64) as server:
        report = diagnose(server.port)
    assert_first_cause(report, "header-limit-exceeded", "broken")
    assert names(report) == ["header-limit-exceeded"]


def test_a_healthy_fake_is_healthy() -> None:
    with fakes.healthy() as server:
        assert_healthy(diagnose(server.port))


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plaintext"])
def test_garbage_and_an_ssh_banner(tls: bool) -> None:
    for fake in (fakes.garbage(), fakes.ssh_banner()):
        with fake as server:
            report = diagnose(server.port, tls)
        assert_first_cause(report, "http2-not-spoken", "broken")
        assert names(report) == ["http2-not-spoken"]


def test_http1_only_in_clear() -> None:
    with fakes.http1() as server:
        report = diagnose(server.port)
    assert_first_cause(report, "http2-not-spoken", "broken")
    assert names(report) == ["http2-not-spoken"]


def test_http1_behind_alpn_h2() -> None:
    with fakes.alpn_h2_but_http1(lab_certificates()) as server:
        report = diagnose(server.port, tls=True)
    assert_first_cause(report, "alpn-h2-but-http1", "broken")
    assert names(report) == ["alpn-h2-but-http1"]


def test_redirects() -> None:
    for fake in (fakes.https_redirect(), fakes.http2_redirect()):
        with fake as server:
            report = diagnose(server.port)
        assert_first_cause(report, "http-redirect", "broken")
        assert names(report) == ["http-redirect"]


def test_a_tcp_reset_once_spoken_to() -> None:
    with fakes.resets() as server:
        report = diagnose(server.port)
    assert report.verdict.value == "broken"
    assert names(report) == ["connection-closed-silently"]


def test_answers_that_differ_between_connections_are_mixed_and_counted() -> None:
    with fakes.flaky(every=3) as server:
        report = diagnose(server.port, count=9)
    assert_first_cause(report, "rst-stream", "degraded")
    mix = next(o.facts for o in report.observations if o.probe == "repeat")
    assert dict(getattr(mix, "mix", ())) == {"healthy": 6, "rst-stream": 3}


def test_a_slow_server_is_a_warning() -> None:
    with fakes.slow(1.5) as server:
        assert_first_cause(diagnose(server.port, timeout=12), "slow-response", "degraded")


def test_credentials_that_a_peer_echoes_reach_no_output() -> None:
    secret = "Bearer s3cr3t-t0ken-value"
    with fakes.echo_authorization() as server:
        report = diagnose(server.port, headers=(("authorization", secret),))
    assert "s3cr3t" not in repr(report)
    assert_first_cause(report, "authentication-required", "broken")
