"""What the pages of the TLS rules cannot say in one example: that every failure has one name, and the commands."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from grpcdoctor.diagnosis.registry import checks
from grpcdoctor.model.finding import Finding
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target
from tests.checks.pages import run_from

TLS_AND_REACH = [check for check in checks() if check.rule.code < "GD300"]
# At most one of these may report a connection. The certificate rules may each add a fault of their own, and
# plaintext-expected-tls-found may stand beside what TLS then meets.
ONE_NAME = {
    "tls-expected-plaintext-found",
    "client-certificate-required",
    "client-certificate-rejected",
    "tls-version-too-old",
    "tls-handshake-failed",
    "sni-required",
    "connection-closed-silently",
    "response-timeout",
    "alpn-not-h2",
    "alpn-missing",
}

HANDSHAKES: dict[str, dict[str, Any]] = {
    "closed": {"result": "closed"},
    "closed in the middle": {"result": "closed", "first_bytes": "16030300"},
    "timeout": {"result": "timeout"},
    "error": {"result": "error", "error": "UNSUPPORTED_PROTOCOL"},
    **{f"alert {code}": {"result": "alert", "alert": code} for code in (40, 42, 48, 70, 80, 112, 116, 120)},
    **{
        f"alert {code} after": {"version": "TLSv1.3", "selected": "h2", "alert": code, "alert_after_handshake": True}
        for code in (42, 48, 80, 116)
    },
    "closed after": {"version": "TLSv1.3", "selected": "h2", "closed_after_handshake": True},
}
IN_CLEAR = (None, "closed", "nothing", "tls", "h2", "http/1.1", "ssh", "garbage")
CERTIFICATES = ((False, False), (True, False), (True, True))


def findings_of(run: Run) -> list[Finding]:
    return [c for check in TLS_AND_REACH for c in check.function(run) if isinstance(c, Finding)]


def names_of(facts: dict[str, Any], target: str = "grpc.example.com:443") -> list[str]:
    return [finding.rule.name for finding in findings_of(run_from({"target": target, "facts": facts}))]


@pytest.mark.parametrize("outcome", HANDSHAKES)
def test_a_failed_tls_connection_has_exactly_one_name(outcome: str) -> None:
    for in_clear, (requested, given), name in product(IN_CLEAR, CERTIFICATES, ("grpc.example.com", None)):
        facts: dict[str, Any] = {
            "tls": {
                "verified": {**HANDSHAKES[outcome], "server_name": name},
                "client_certificate_requested": requested,
                "client_certificate_given": given,
            }
        }
        if in_clear is not None:
            facts["h2c"] = {"asked": False, "first": {"spoken": in_clear}}
        found = [name for name in names_of(facts) if name in ONE_NAME]
        assert len(found) == 1, (in_clear, requested, given, name, found)


@pytest.mark.parametrize("spoken", ["ssh", "garbage"])
def test_another_protocol_than_tls_is_left_to_the_http2_layer(spoken: str) -> None:
    tls = {"verified": {"result": "not-tls"}, "spoken": spoken}
    assert names_of({"tls": tls, "h2c": {"asked": False, "first": {"spoken": spoken}}}) == []


@pytest.mark.parametrize("spoken", ["closed", "nothing", "ssh", "garbage", "http/1.1"])
def test_where_plaintext_was_asked_a_failed_try_at_tls_is_no_tls_fault(spoken: str) -> None:
    for outcome in ("closed", "timeout", "error"):
        facts = {
            "h2c": {"asked": True, "first": {"spoken": spoken}},
            "tls": {"asked": False, "verified": {"result": outcome, "server_name": "grpc.example.com"}},
        }
        assert set(names_of(facts)) <= {"connection-closed-silently", "response-timeout"}


@pytest.mark.parametrize(("to_preface", "to_hello"), [("nothing", "closed"), ("closed", "timeout")])
def test_a_peer_that_hangs_up_only_after_a_while_has_a_name(to_preface: str, to_hello: str) -> None:
    facts = {
        "h2c": {"asked": True, "first": {"spoken": to_preface}},
        "tls": {"asked": False, "verified": {"result": to_hello, "server_name": "grpc.example.com"}},
    }
    assert names_of(facts) == ["connection-closed-silently"]


def test_a_peer_that_resets_so_fast_that_tls_cannot_even_be_tried_has_a_name() -> None:
    facts = {"h2c": {"asked": True, "first": {"spoken": "closed", "reset": True}}, "tls": {"asked": False}}
    assert names_of(facts) == ["connection-closed-silently"]


def test_every_fault_of_one_certificate_is_reported_though_openssl_names_only_one() -> None:
    tls = {
        "verify_name": "grpc.example.com",
        "verified": {"result": "verify-failed", "verify_code": 20},
        "unverified": {"verified": False, "version": "TLSv1.3", "selected": "h2"},
        "chain": [{"subject": "CN=x", "issuer": "CN=Private Root", "names": ["x"], "days_left": -1}],
    }
    assert names_of({"tls": tls}) == ["certificate-expired", "certificate-name-mismatch", "certificate-untrusted"]


def test_the_same_server_is_healthy_with_the_name_that_sni_required_asks_for() -> None:
    named = {"version": "TLSv1.3", "selected": "h2", "server_name": "grpc.example.com"}
    run = run_from(
        {"target": "203.0.113.7:443", "facts": {"tls": {"verified": named}, "http2": {"first": {"spoken": "h2"}}}}
    )
    assert findings_of(replace(run, target=replace(run.target, server_name="grpc.example.com"))) == []


def test_commands_repeat_what_the_user_gave_and_quote_what_the_peer_gave() -> None:
    run = run_from({
        "target": "203.0.113.7:443",
        "options": {"cacert": "my ca.pem", "headers": [["authorization", "Bearer secret"]]},
        "facts": {"tls": {
            "verify_name": "203.0.113.7",
            "verified": {"result": "verify-failed", "verify_code": 64},
            "chain": [{"names": ["a;reboot"]}],
        }},
    })  # fmt: skip
    run = replace(run, target=replace(run.target, authority="grpc.example.com"))
    commands = [fix.command for finding in findings_of(run) for fix in finding.fixes if fix.command]
    assert (
        "grpcdoctor probe --authority grpc.example.com --cacert 'my ca.pem' --servername 'a;reboot' 203.0.113.7:443"
        in commands
    )
    assert not any("secret" in command for command in commands)


def test_the_url_in_a_certificate_cannot_become_a_command() -> None:
    def fetches(url: str) -> list[str]:
        tls = {
            "verified": {"result": "verify-failed", "verify_code": 20},
            "chain": [{"subject": "CN=a", "issuer": "CN=b", "issuer_url": url}],
        }
        found = findings_of(run_from({"target": "grpc.example.com:443", "facts": {"tls": tls}}))
        return [fix.command for finding in found for fix in finding.fixes if fix.command and "curl" in fix.command]

    assert fetches("http://ca.example/x.der") == ["curl -sO http://ca.example/x.der"]
    assert fetches("http://ca.example/x;reboot") == ["curl -sO 'http://ca.example/x;reboot'"]
    assert fetches("ldap:///CN=b") == []


def test_messages_fit_a_headline() -> None:
    from tests.checks.pages import examples_of

    for check in TLS_AND_REACH:
        for example in examples_of(check.rule.name):
            for finding in check.function(example.run):
                if isinstance(finding, Finding):
                    assert len(finding.message) <= 76, finding.message
                    assert not finding.message.endswith(".")
                    assert len(finding.fixes) <= 4


def test_a_target_by_name_needs_no_facts_to_be_left_alone() -> None:
    assert findings_of(Run(parse_target("grpc.example.com"))) == []
