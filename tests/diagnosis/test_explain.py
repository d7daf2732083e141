"""A pasted text becomes a report: what it says, ranked causes with their ids, and commands ready to be run."""

from __future__ import annotations

import json

import pytest

from grpcdoctor.diagnosis.explain import explain
from grpcdoctor.diagnosis.registry import RegistryError, rule_named, rules
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.finding import Verdict
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.report import Report
from grpcdoctor.report.json import to_json
from grpcdoctor.report.style import Style
from grpcdoctor.report.text import render
from tests.report.test_json import VALIDATOR

REFUSED = (
    "rpc error: code = Unavailable desc = connection error: desc = "
    '"transport: Error while dialing: dial tcp 10.0.0.7:50051: connect: connection refused"'
)


def facts_of(report: Report) -> TextFacts:
    facts = Observations(report.observations).get(TextFacts)
    assert facts is not None
    return facts


def test_the_likeliest_cause_comes_first_with_its_id() -> None:
    report = explain(REFUSED)
    assert report.verdict is Verdict.BROKEN
    assert report.causes[0].name == "tcp-refused"
    assert to_json(report)["causes"][0]["cause"] == "connection-refused"


def test_shares_fall_from_cause_to_cause() -> None:
    shares = [cause.confidence for cause in explain(REFUSED).causes]
    assert shares == sorted(shares, reverse=True)


def test_commands_carry_the_endpoint_of_the_text() -> None:
    probes = [probe for suspect in facts_of(explain(REFUSED)).suspects for probe in suspect.probes]
    assert any("10.0.0.7:50051" in probe for probe in probes)
    assert not any("{" in probe for probe in probes)


def test_a_target_of_the_users_own_wins() -> None:
    facts = facts_of(explain(REFUSED, "grpc.example.com:443"))
    assert facts.target == "grpc.example.com:443"
    assert "grpc.example.com:443" in facts.suspects[0].probes[0]


def test_a_hostile_endpoint_is_quoted_for_the_shell() -> None:
    facts = facts_of(explain(REFUSED, "a b;rm -rf"))
    assert all("'a b;rm -rf'" in probe for probe in facts.suspects[0].probes if "rm -rf" in probe)


@pytest.mark.parametrize(
    "text",
    [
        "context deadline exceeded",
        "rpc error: code = Unavailable desc = transport is closing",
        "StatusCode.UNAVAILABLE: Socket closed",
        "failed to connect to all addresses",
    ],
)
def test_what_a_text_cannot_decide_wants_two_probes(text: str) -> None:
    facts = facts_of(explain(text, "grpc.example.com:443"))
    assert facts.probe_needed
    assert len(set(facts.splits)) == 2


def test_what_is_not_recognised_is_said_with_what_was() -> None:
    report = explain("the flux capacitor is empty, grpc-status: 14 after 15 seconds")
    assert report.verdict in (Verdict.INCONCLUSIVE, Verdict.BROKEN)
    nothing = explain("hello world")
    assert (nothing.verdict, nothing.causes) == (Verdict.INCONCLUSIVE, ())
    assert "not recognised" in nothing.blind_spots[0].why


def test_secrets_in_a_text_reach_no_output() -> None:
    report = explain(REFUSED + " authorization: Bearer abcdefghijklmnop")
    assert "abcdefghijklmnop" not in json.dumps(to_json(report)) + render(report, Style())


@pytest.mark.parametrize("text", [REFUSED, "", "\x00\xff", "{" * 5000, "error " * 20_000])
def test_the_report_keeps_the_contract_whatever_was_pasted(text: str) -> None:
    report = explain(text)
    VALIDATOR.validate(to_json(report))
    assert render(report, Style(width=80))


def test_a_rule_is_found_without_importing_the_others() -> None:
    assert rule_named("tcp-refused") is rules()["tcp-refused"]
    with pytest.raises(RegistryError):
        rule_named("no-such-rule")


def test_what_depends_on_a_version_is_said_and_the_version_in_the_text_chooses() -> None:
    text = "StatusCode.INTERNAL, Received RST_STREAM with error code 2"
    assert any("1.37" in reading for reading in facts_of(explain(text)).readings)
    assert facts_of(explain(f"{text} envoy/1.36.2")).readings == ()
    old, new = (explain(f"{text} envoy/{version}").causes[0].name for version in ("1.36.2", "1.37.1"))
    assert (old, new) == ("rst-stream", "stream-cut-by-route-timeout")
