"""Findings, rules and codes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grpcdoctor.model.codes import GrpcStatus, Http2Error, Setting, name_of
from grpcdoctor.model.finding import Evidence, Finding
from grpcdoctor.model.rule import Layer, Rule, Severity
from grpcdoctor.model.run import Run
from grpcdoctor.model.target import parse_target

RULE = Rule("GD399", "made-up", Severity.ERROR, "made up")


def test_without_evidence_there_is_no_finding() -> None:
    with pytest.raises(ValueError, match="evidence"):
        Finding(RULE, "something", ())


def test_a_finding_may_be_milder_than_its_rule() -> None:
    assert Finding(RULE, "m", (Evidence("e"),)).effective_severity is Severity.ERROR
    assert Finding(RULE, "m", (Evidence("e"),), severity=Severity.INFO).effective_severity is Severity.INFO


def test_the_hundred_of_a_code_is_its_layer() -> None:
    assert RULE.layer is Layer.HTTP2


def test_unknown_numbers_stay_visible() -> None:
    assert name_of(Http2Error, 2) == "INTERNAL_ERROR"
    assert name_of(Http2Error, 0x77) == "119"
    assert name_of(Setting, 0xABCD) == "0xabcd"
    assert name_of(GrpcStatus, 999) == "0x3e7"


def test_what_checks_share_is_worked_out_once_a_run_and_not_carried_to_another() -> None:
    calls: list[Run] = []

    def work(run: Run) -> int:
        calls.append(run)
        return len(calls)

    run = Run(parse_target("a.test"))
    assert (run.once(work), run.once(work)) == (1, 1)
    assert replace(run, target=parse_target("b.test")).once(work) == 2
