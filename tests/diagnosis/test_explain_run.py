"""What probes answer is put beside what a text says: confirmed causes come first, refuted ones last."""

from __future__ import annotations

import pytest

from grpcdoctor.diagnosis.explain import explain
from grpcdoctor.diagnosis.explain_run import Ran, answered, no_target, runnable
from grpcdoctor.model.facts.text import TextFacts
from grpcdoctor.model.observation import Observations
from grpcdoctor.model.report import Report
from tests.report import samples

PREFACE = 'grpc.example.com:443: desc = "error reading server preface: EOF"'


def facts_of(report: Report) -> TextFacts:
    facts = Observations(report.observations).get(TextFacts)
    assert facts is not None
    return facts


def test_a_cause_that_a_probe_finds_comes_first() -> None:
    report = explain("failed to connect to all addresses", "grpc.example.com:443")
    found = samples.broken()
    after = answered(report, [Ran("grpcdoctor probe grpc.example.com:443", found)])
    assert found.first_cause is not None
    assert after.causes[0].name == found.first_cause.name
    assert after.causes[0].confidence >= 0.97


def test_what_a_healthy_answer_speaks_against_goes_down() -> None:
    report = explain(PREFACE)
    before = {cause.name: cause.confidence for cause in report.causes}
    after = answered(report, [Ran("grpcdoctor probe grpc.example.com:443", samples.healthy())])
    refuted = next(cause for cause in after.causes if cause.name == "connection-lost")
    assert refuted.confidence < before["connection-lost"]
    assert any("healthy" in item.detail for item in refuted.evidence)


def test_two_probes_that_ask_differently_are_run() -> None:
    commands = runnable(facts_of(explain("context deadline exceeded", "grpc.example.com:443")))
    assert len(commands) == 2
    assert all(command.startswith("grpcdoctor probe grpc.example.com:443") for command in commands)


def test_nothing_is_run_without_an_endpoint() -> None:
    report = explain("context deadline exceeded")
    assert runnable(facts_of(report)) == ()
    assert "--target" in no_target(report).blind_spots[-1].why


@pytest.mark.parametrize("text", ["x;rm -rf /", "$(reboot)", "a b", "--plaintext"])
def test_an_endpoint_from_a_text_reaches_no_shell(text: str) -> None:
    for command in runnable(facts_of(explain("context deadline exceeded", text))):
        assert f" {text}" not in command or text == "--plaintext"
