"""What the pages of the HTTP/2 rules cannot say in one example: every code has its words, one fault one cause."""

from __future__ import annotations

from typing import Any

import pytest

from grpcdoctor.checks.http2.goaway_on_connect import check as goaway_on_connect
from grpcdoctor.checks.http2.http2_not_spoken import check as http2_not_spoken
from grpcdoctor.checks.http2.http_redirect import check as http_redirect
from grpcdoctor.checks.http2.rst_stream import check as rst_stream
from grpcdoctor.diagnosis.correlate import causes_of
from grpcdoctor.diagnosis.judge import judge
from grpcdoctor.model.finding import Finding
from tests.checks.pages import run_from

GRPC = [["content-type", "application/grpc"]]
FINE = {"http_status": 200, "grpc_status": 0, "messages": 1, "ended": True, "headers": GRPC}
H2 = {"first": {"spoken": "h2"}}


def causes(facts: dict[str, Any], **given: Any) -> list[str]:
    run = run_from({"target": "grpc.example.com:443", "facts": facts, **given})
    findings, _ = judge(run)
    return [cause.name for cause in causes_of(findings, run)]


def only(conclusions: Any) -> Finding:
    (found,) = [item for item in conclusions if isinstance(item, Finding)]
    return found


@pytest.mark.parametrize("code", [*range(14), 0x77, 0xFFFFFFFF])
def test_every_reset_code_has_a_meaning_a_fix_and_one_cause(code: int) -> None:
    facts = {"http2": H2, "health": {"check": {"reset_code": code}}, "grpc": {"reply": {"reset_code": code}}}
    finding = only(rst_stream(run_from({"target": "a:1", "facts": facts})))
    assert finding.explanation
    assert finding.fixes
    assert len(finding.message) <= 75
    assert causes(facts) == ["rst-stream"]


@pytest.mark.parametrize("code", [*range(14), 0x77, 0xFFFFFFFF])
def test_every_goaway_code_has_a_meaning_a_fix_and_one_cause(code: int) -> None:
    goaway = {"code": code, "before_any_answer": True, "debug": ""}
    facts = {"http2": {**H2, "goaways": [goaway], "closed_by_peer": True},
             "health": {"check": {"lost": "goaway"}}, "grpc": {"reply": {"reset_code": 7}}}
    finding = only(goaway_on_connect(run_from({"target": "a:1", "facts": facts})))
    assert finding.explanation
    assert finding.fixes
    assert len(finding.message) <= 75
    assert causes(facts) == ["goaway-on-connect"]


def test_the_debug_data_of_a_goaway_decides_what_is_advised() -> None:
    goaway = {"code": 11, "before_any_answer": True, "debug": "too_many_pings"}
    facts = {"http2": {**H2, "goaways": [goaway]}, "health": {"check": {"lost": "goaway"}}}
    finding = only(goaway_on_connect(run_from({"target": "a:1", "facts": facts})))
    assert "keepalive" in finding.fixes[0].summary
    assert finding.alternatives == ()


def test_a_goaway_that_kills_grpcio_is_one_cause_with_the_death_folded_under_it() -> None:
    facts = {
        "http2": {**H2, "goaways": [{"code": 13, "before_any_answer": True}]},
        "health": {"check": {"lost": "goaway"}},
        "second-opinion": {"client": "grpcio", "method": "/grpc.health.v1.Health/Check", "exit_signal": 6},
    }
    assert causes(facts) == ["goaway-on-connect"]


@pytest.mark.parametrize("streams", [100, 128, 250, 1024, 2147483647])
def test_the_stream_limits_of_the_field_are_healthy(streams: int) -> None:
    assert causes({"http2": {**H2, "settings": [[3, streams]]}, "health": {"check": FINE, "status": "SERVING"}}) == []


def test_a_reset_after_a_timeouts_length_names_the_timeout() -> None:
    facts = {"grpc": {"reply": {"reset_code": 2, "duration_ms": 15003.0}}}
    finding = only(rst_stream(run_from({"target": "a:1", "facts": facts})))
    assert any("Envoy's default route timeout" in item.detail for item in finding.evidence)


@pytest.mark.parametrize(
    ("location", "fires"),
    [
        ("https://grpc.example.com/", True),
        ("https://other.example.com:8443/x", True),
        ("http://other.example.com/", True),
        ("http://grpc.example.com/home", False),
        ("http://grpc.example.com:80/home", False),
        ("/login", False),
        ("", False),
        ("http://[bad", False),
        ("https://grpc.example.com:port/", False),
    ],
)
def test_a_port_without_http2_is_a_redirect_or_not_http2_and_never_both(location: str, fires: bool) -> None:
    facts = {
        "h2c": {"first": {"spoken": "http/1.1", "text": "HTTP/1.1 400 Bad Request"}},
        "http1": {"answer": {"status": 301, "headers": [["location", location]]}},
    }
    run = run_from({"target": "grpc.example.com:80", "plaintext": True, "facts": facts})
    assert bool(list(http_redirect(run))) == fires
    assert bool(list(http2_not_spoken(run))) != fires


@pytest.mark.parametrize(
    ("first", "whose"),
    [
        ({"spoken": "ssh", "text": "SSH-2.0-OpenSSH_9.2"}, "an SSH server"),
        ({"spoken": "garbage", "text": "220 mail.example.com ESMTP Postfix"}, "a mail server (SMTP)"),
        ({"spoken": "garbage", "text": "-ERR unknown command"}, "a Redis server"),
        ({"spoken": "garbage", "data": "414d515000000901"}, "an AMQP broker"),
        ({"spoken": "garbage", "data": "4a0000000a382e302e3336"}, "a MySQL or MariaDB server"),
        ({"spoken": "garbage", "data": "faf7f4f1"}, "neither HTTP/2, TLS nor HTTP/1.1"),
    ],
)
def test_a_foreign_protocol_is_called_by_its_name(first: dict[str, str], whose: str) -> None:
    run = run_from({"target": "a:5", "plaintext": True, "facts": {"h2c": {"first": first}}})
    assert whose in only(http2_not_spoken(run)).message
