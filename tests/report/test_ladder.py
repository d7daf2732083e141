"""The ladder's marks: what was observed, made worse by findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grpcdoctor.diagnosis.registry import rules
from grpcdoctor.model.facts.grpc import HealthFacts, ReflectionFacts
from grpcdoctor.model.facts.http2 import FirstBytes, H2cFacts, Http2Facts
from grpcdoctor.model.facts.reach import DnsFacts, TcpAttempt, TcpFacts
from grpcdoctor.model.facts.tls import Handshake, TlsFacts
from grpcdoctor.model.finding import Evidence, Finding, Verdict
from grpcdoctor.model.observation import Facts
from grpcdoctor.model.report import Report
from grpcdoctor.model.rule import Severity
from grpcdoctor.model.target import parse_target
from grpcdoctor.report.ladder import Mark, ladder, rungs_of
from tests.report import samples


def marks(*facts: Facts, target: str = "grpc.example.com", findings: tuple[Finding, ...] = ()) -> dict[str, Mark]:
    report = Report(
        parse_target(target), Verdict.BROKEN, "", 0.0, findings=findings, observations=samples.observed(*facts)
    )
    return {rung.name: rung.mark for rung in ladder(report)}


def test_layers_that_were_not_reached_are_skipped() -> None:
    found = marks(DnsFacts(failure="nxdomain"))
    assert found == {
        "dns": Mark.FAIL, "tcp": Mark.SKIPPED, "tls": Mark.SKIPPED, "alpn": Mark.SKIPPED, "http/2": Mark.SKIPPED,
        "grpc": Mark.SKIPPED,
    }  # fmt: skip


def test_an_address_needs_no_dns_and_plaintext_no_tls() -> None:
    assert list(marks(DnsFacts(literal=True), target="grpc://192.0.2.1:50051")) == ["tcp", "http/2", "grpc"]


def test_one_address_of_two_down_is_a_warning() -> None:
    attempts = (TcpAttempt("192.0.2.1:443", "refused"), TcpAttempt("192.0.2.2:443"))
    assert marks(TcpFacts(attempts=attempts, chosen="192.0.2.2:443"))["tcp"] is Mark.WARN


def test_plaintext_that_was_tried_next_stands_behind_the_tls_that_failed() -> None:
    found = marks(
        TlsFacts(verified=Handshake(result="not-tls"), spoken="h2"),
        H2cFacts(asked=False, first=FirstBytes("h2")),
        Http2Facts(first=FirstBytes("h2")),
    )
    assert list(found)[2:6] == ["tls", "alpn", "plaintext", "http/2"]
    assert (found["tls"], found["plaintext"], found["http/2"]) == (Mark.FAIL, Mark.OK, Mark.OK)


def test_plaintext_answered_as_asked_needs_no_rung_of_its_own() -> None:
    assert "plaintext" not in marks(H2cFacts(first=FirstBytes("h2")), target="grpc://h:1")
    assert marks(H2cFacts(first=FirstBytes("tls")), target="grpc://h:1")["plaintext"] is Mark.FAIL


@pytest.mark.parametrize(
    "shake",
    [
        Handshake(version="TLSv1.3", alert=116, alert_after_handshake=True),
        Handshake(version="TLSv1.3", closed_after_handshake=True),
        Handshake(result="timeout"),
    ],
)
def test_a_handshake_counts_only_when_the_first_read_after_it_was_sound(shake: Handshake) -> None:
    assert marks(TlsFacts(verified=shake))["tls"] is Mark.FAIL


def test_a_server_without_health_or_reflection_is_skipped_there_not_failed() -> None:
    unimplemented = samples.reply("/x/Y", 12)
    found = marks(HealthFacts(check=unimplemented), ReflectionFacts(v1=unimplemented, v1alpha=unimplemented))
    assert (found["health"], found["reflection"]) == (Mark.SKIPPED, Mark.SKIPPED)


def test_a_finding_makes_its_rung_worse_and_an_info_finding_does_not() -> None:
    error = Finding(samples.UNREACHABLE, "x", (Evidence("x"),))
    assert marks(findings=(error,))["grpc"] is Mark.FAIL
    assert marks(findings=(replace(error, severity=Severity.WARNING),))["grpc"] is Mark.WARN
    assert marks(findings=(replace(error, severity=Severity.INFO),))["grpc"] is Mark.SKIPPED


def test_every_rule_of_the_network_marks_a_rung_that_exists() -> None:
    known = {"dns", "tcp", "plaintext", "tls", "alpn", "http/2", "grpc", "health", "reflection", "call"}
    for rule in rules().values():
        assert set(rungs_of(Finding(rule, "x", (Evidence("x"),)))) <= known, rule.name


def test_a_quick_run_knows_grpc_by_the_answer_of_health() -> None:
    assert marks(HealthFacts(check=samples.reply("/h/C"), status="SERVING"))["grpc"] is Mark.OK
    assert marks(HealthFacts(check=samples.reply("/h/C", None)))["grpc"] is Mark.FAIL
